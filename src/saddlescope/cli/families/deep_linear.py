"""How deep linear networks are run: saddle after saddle, or several starts side by side."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.cli.report import NOTHING, Entry, Report, number, titled

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.cli.saddles import SaddlePath, SaddleRow
    from saddlescope.specs.families.deep_linear import Spec
    from saddlescope.trajectory import Trajectory

_SADDLES = (
    "\nrank",
    "cost\npredicted",
    "\nmeasured",
    "left at\npredicted",
    "\nmeasured",
    "\nratio",
    "escape\ns_1",
    "\nexponent",
    "off the\npath",
)


class Job:
    """One deep linear network, or several side by side."""

    record = "stages.json"

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title
        self.cost = spec.problem.cost()
        if not np.any(np.asarray(self.cost.gradient(jnp.zeros(self.cost.shape)))):
            raise ArgumentError(
                "problem", "leave something to learn: the cost has no slope at A = 0", spec.problem.kind
            )
        self.networks = spec.networks()
        self.flows = {name: spec.flow(self.cost, network) for name, (network, _) in self.networks.items()}
        # saddles are met from weights that are small, in the sense that layers shrink what passes through them
        network = next(iter(self.networks.values()))[0]
        small = network.scale**2 * network.width ** (1 - network.gamma) < 1
        self.by_saddles = not spec.compare and network.depth > 1 and small
        self.doing = "Predicting the saddles and solving ..." if self.by_saddles else "Solving ..."

    def predict(self) -> Any:
        """The saddles of a single run from a small start; regimes are told by closed forms."""
        from saddlescope.cli.saddles import predict

        if not self.by_saddles or not self.spec.theory.saddles:
            return None, ()
        try:
            return predict(self.cost, self.networks[""][0], self.spec.theory.max_rank), ()
        except ArgumentError as error:
            return None, (f"No saddles are predicted: {error}",)

    def compute(self, folder: Path) -> dict[str, Trajectory]:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.cli.solving import solved
        from saddlescope.cli.until_learnt import solve_until_learnt

        found: dict[str, Trajectory] = {}
        for name, (_, until) in self.networks.items():
            arguments = self.spec.solve_arguments()
            try:
                if until == "auto":
                    found[name] = solve_until_learnt(self.flows[name], self.spec.solver.learnt, **arguments)
                else:
                    found[name] = solved(self.flows[name], until=until, **arguments)
            except KeyboardInterrupt:
                if not found:
                    raise
                break
            if found[name].outcome == "INTERRUPTED":
                break
        return found

    def report(self, computed: dict[str, Trajectory], predicted: Any) -> Report:
        from saddlescope.cli.display import citations, doubts
        from saddlescope.cli.regimes import regimes

        runs = list(computed.values())
        if self.by_saddles:
            told = _of_saddles(self, runs[0], predicted)
        else:
            told = regimes(self, computed)
        table, remarks, doubted, record, pictures = told
        of = (lambda name: f"{name}: ") if self.spec.compare else (lambda name: "")
        ends = [Entry("Outcome", f"{of(name)}{run.message}") for name, run in computed.items()]
        worries = [f"{of(n)}{d}" for n, run in computed.items() for d in run.doubts if d != run.message]
        interrupted = len(runs) < len(self.networks) or runs[-1].outcome == "INTERRUPTED"
        cited = list(dict.fromkeys(key for run in runs for key in run.references))
        return Report(
            title=self.title,
            subtitle=self._subtitle(),
            table=table,
            entries=(
                *remarks,
                *ends,
                *doubts(*worries, *doubted),
                *(Entry("Accuracy", f"{of(name)}{accuracy(run)}") for name, run in computed.items()),
                citations(cited),
            ),
            record=record | {"cite": cited},
            files=_files(computed),
            pictures=pictures,
            interrupted=interrupted,
            complete=all(run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL") for run in runs),
        )

    def _subtitle(self) -> str:
        network = next(iter(self.networks.values()))[0]
        shown = {"depth": network.depth, "width": network.width, "gamma": network.gamma, "scale": network.scale}
        same = {key for key in shown if len({getattr(n, key) for n, _ in self.networks.values()}) == 1}
        rows, columns = self.cost.shape
        what = f"{self.spec.problem.kind} {rows} x {columns}"
        return ", ".join([what, *(f"{key} {value:g}" for key, value in shown.items() if key in same)])


def _files(runs: dict[str, Trajectory]) -> dict[str, Any]:
    """What writes each run, under a file name made of its own name."""
    found: dict[str, Any] = {}
    for place, (name, run) in enumerate(runs.items()):
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or str(place + 1)
        file = f"trajectory_{plain}.nc" if name else "trajectory.nc"
        # "a b" and "a/b" are two runs
        found[f"trajectory_{plain}_{place + 1}.nc" if file in found else file] = run.save
    return found


def _of_saddles(job: Job, run: Trajectory, predicted: tuple[SaddlePath | None, tuple[str, ...]]) -> tuple[Any, ...]:
    """Table, remarks, doubts, record and pictures of a run from saddle to saddle."""
    from saddlescope.cli.display import grid
    from saddlescope.cli.saddles import saddle_rows
    from saddlescope.cli.solving import ending, provenance

    path, doubted = predicted
    rows = [] if path is None else saddle_rows(run, path)
    printed = []
    for row in rows:
        last = row is rows[-1]  # two saddles may have one rank
        how = "end" if path is not None and path.whole else NOTHING
        printed.append(
            (
                str(row.rank),
                _cost(row.predicted_cost, rows[0].predicted_cost),
                _cost(row.measured_cost, rows[0].predicted_cost),
                *(((how,) + ("",) * 5) if last else _leaving(row)),
            )
        )
    remarks = [Entry("Saddles", _met(rows))] if rows else []
    remarks.append(Entry("End", _end(run)))
    table = grid(_SADDLES, printed) if rows else grid(("cost at the start", "at the end"), [_ends(run)], gap=3)
    doubted += () if path is None else path.doubts
    spec = job.spec
    record = {
        **ending(run),
        **provenance(run),
        "saddles": [row.plain() for row in rows],
        "predicted_end": None if path is None else path.message,
    }

    def draw(name: str) -> Any:
        def drawn() -> Axes:
            from saddlescope import plot

            if name == "descent":
                return plot.descent(run, path, time=spec.picture.time, scale=spec.picture.scale)
            if name == "modes" or path is None:
                return plot.modes(run, path)
            return plot.plane(run, path)

        return lambda: titled(drawn(), spec.title)

    pictures = {"descent.png": draw("descent")}
    if spec.picture.modes:
        pictures["modes.png"] = draw("modes")
    if spec.picture.plane and path is not None and len(path.ranks) > 1 and "product" in run.observables:
        pictures["plane.png"] = draw("plane")
    return table, remarks, doubted, record, pictures


def _leaving(row: SaddleRow) -> tuple[str, ...]:
    return (
        number(row.predicted_time, ".5g"),
        number(row.measured_time, ".5g"),
        number(row.ratio, ".4f" if row.ratio < 10 else ".3g"),
        number(row.strength, ".4g"),
        number(row.exponent, ".3f"),
        number(row.off_path, ".1e"),
    )


def _ends(run: Trajectory) -> tuple[str, str]:
    start, end = (float(value) for value in run["cost"][[0, -1]])
    return _cost(start, start), _cost(end, start)


def _cost(value: float, largest: float) -> str:
    if math.isnan(value):
        return NOTHING
    if value < 1e-12 * largest:
        return "0"
    return f"{value:.6g}" if value > 1e-3 * largest else f"{value:.1e}"


def _met(rows: list[SaddleRow]) -> str:
    """Say at which of the predicted saddles the run rests."""
    saddles = rows[:-1]
    met = [str(row.rank) for row in saddles if row.flat]
    missed = [str(row.rank) for row in saddles if not row.flat and not math.isnan(row.measured_cost)]
    ahead = [str(row.rank) for row in saddles if math.isnan(row.measured_cost)]
    parts = [f"the run rests at rank {', '.join(met)}" if met else "the run rests at none of them"]
    if missed:
        parts.append(f"passes rank {', '.join(missed)} without a flat stretch of the cost")
    if ahead:
        parts.append(f"has not come to rank {', '.join(ahead)}")
    sentence = "; it ".join(parts) + "."
    return sentence[0].upper() + sentence[1:]


def _end(run: Trajectory) -> str:
    from saddlescope.measure import effective_rank

    singular = run["singular_values"][-1]
    text = f"effective rank {float(effective_rank(singular)):.3g}, nuclear norm {singular.sum():.4g}"
    error = float(run["test_error"][-1])
    return f"{text}, test error {error:.2g}." if math.isfinite(error) else f"{text}."


def accuracy(run: Trajectory) -> str:
    """Say in a few words what the result rests on: compression, steps, conserved quantities."""
    from saddlescope.cli.solving import steps

    known, parts = run.accuracy, []
    if "compressed_width" in known:
        how = "exactly" if known["exact_compression"] else f"by {known['krylov_rounds']} Krylov rounds"
        error = "" if known.get("krylov_error") is None else f", error {known['krylov_error']:.1e}"
        parts.append(f"width {run.parameters['width']} compressed to {known['compressed_width']} {how}{error}")
    parts += [steps(run), f"conserved quantities drift by {known['conserved_drift']:.1e}"]
    return "; ".join(parts) + "."
