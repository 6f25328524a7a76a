"""Several starts of a deep linear network side by side: the regime of each, predicted and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError
from saddlescope.cli.report import NOTHING, Entry, number, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.cli.families.deep_linear import Job
    from saddlescope.deep_linear import RegimeCard
    from saddlescope.trajectory import Trajectory

_REGIMES = (
    "\nrun",
    "\ngamma",
    "1 % cost\nat t",
    "weights\nmoved",
    "kernel\nchanged",
    "\nflat",
    "nuclear\nnorm",
    "after\nrank",
    "test\nerror",
)
_KEYS = ("kappa", "time", "flat_share", "movement", "kernel_change", "nuclear_norm", "beyond_rank", "test_error")
_STOPPED = "The regime is not measured, since the run was stopped."


def regimes(job: Job, runs: dict[str, Trajectory]) -> tuple[Any, ...]:
    """Table, remarks, doubts, record and pictures of one or several starts."""
    from saddlescope.cli.display import grid
    from saddlescope.cli.solving import ending, provenance

    printed, remarks, doubted, record = [], [], [], {}
    for name, run in runs.items():
        card, of = _card(job, name, run), f"{name}: " if name else ""
        gamma = job.networks[name][0].gamma
        head = (name or "run", f"{gamma:.3g}")
        if isinstance(card, str):
            printed.append((*head, *(NOTHING,) * 7))
            remarks.append(Entry("Remark", f"{of}{card}"))
        else:
            printed.append(
                (
                    *head,
                    number(card.time, ".3g"),
                    number(card.movement, ".3g"),
                    number(card.kernel_change, ".3g"),
                    number(card.flat_share, ".2f"),
                    number(card.nuclear_norm, ".4g"),
                    number(card.beyond_rank, ".2g"),
                    number(card.test_error, ".2g"),
                )
            )
            remarks.append(Entry("Verdict", f"{of}{card.verdict}"))
            doubted += [f"{of}{doubt}" for doubt in card.doubts if doubt not in run.doubts]
        record[name] = {**ending(run), **provenance(run)}
        if not isinstance(card, str):
            record[name]["regime"] = {"predicted": card.predicted, "measured": card.measured, "verdict": card.verdict}
            record[name]["regime"] |= dict(zip(_KEYS, (getattr(card, key) for key in _KEYS), strict=True))

    remarks += [Entry("Remark", f"{name}: {_STOPPED}") for name in job.networks if name not in runs]

    def draw_regimes() -> Axes:
        from saddlescope import plot

        return titled(plot.regimes({name or "run": run for name, run in runs.items()})[0], job.spec.title)

    def draw_modes() -> Axes:
        from saddlescope import plot

        return titled(plot.modes(runs[""]), job.spec.title)

    pictures: dict[str, Any] = {"regimes.png": draw_regimes}
    if not job.spec.compare and job.spec.picture.modes:
        pictures["modes.png"] = draw_modes
    plain = {"runs": record} if job.spec.compare else record[""]
    return grid(_REGIMES, printed, left=1), remarks, tuple(doubted), plain, pictures


def _card(job: Job, name: str, run: Trajectory) -> RegimeCard | str:
    """Return the card of a run, or why there is none."""
    from saddlescope.deep_linear import regime_card

    if run.outcome == "INTERRUPTED":
        return _STOPPED
    if job.networks[name][0].depth == 1:
        return "One layer has neither saddles nor regimes: its cost is that of a linear model."
    try:
        return regime_card(job.flows[name], run)
    except ArgumentError as error:
        return f"The regime is not measured: {error}"
