"""How a single-index problem is run: degrees, their learning times and plateaus, the ladder."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from saddlescope.cli.report import Entry, Report, number

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.cli.degrees import DegreeTable
    from saddlescope.measure import Plateau
    from saddlescope.single_index import CanonicalOrder
    from saddlescope.specs.families.single_index import Spec
    from saddlescope.trajectory import Trajectory

_HEADS = (
    "\ndegree",
    "\nphi_k",
    "learnt at\npredicted",
    "\nmeasured",
    "\nratio",
    "plateau\nfrom t",
    "\nto t",
    "\nrisk",
    "\npredicted",
)


class Job:
    """One run of a single-index problem."""

    doing = "Predicting the learning order and solving ..."
    record = "stages.json"

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title
        self.flow = spec.flow()

    def predict(self) -> CanonicalOrder:
        from saddlescope.single_index import canonical_order

        return canonical_order(self.flow.problem, second_layer=self.flow.second_layer, levels=self.spec.theory.levels)

    def compute(self, folder: Path) -> Trajectory:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.cli.solving import solved

        return solved(self.flow, **self.spec.solve_arguments())

    def report(self, computed: Trajectory, predicted: CanonicalOrder) -> Report:
        from saddlescope.cli.display import citations, doubts

        table = _table(computed, predicted, self.spec)
        asked = computed.parameters
        remarks = {row.degree: row.remark for row in table.rows if row.remark} | table.nothing_to_learn
        entries = []
        for remark in dict.fromkeys(remarks.values()):
            degrees = ", ".join(str(degree) for degree in sorted(remarks) if remarks[degree] == remark)
            entries.append(Entry("Degree", f"{degrees}: {remark}"))
        doubted = [doubt for doubt in (*computed.doubts, *table.doubts) if doubt != computed.message]
        return Report(
            title=self.title,
            subtitle=f"link {asked['link']}, activation {asked['activation']}, epsilon {asked['epsilon']:g}",
            table=rungs(table, computed),
            entries=(
                *entries,
                Entry("Outcome", computed.message),
                *doubts(*doubted),
                *_theory(predicted, self.spec),
                Entry("Accuracy", accuracy(computed)),
                citations(computed.references),
            ),
            record=_record(self.spec, computed, predicted, table),
            files={"trajectory.nc": computed.save},
            pictures=self._pictures(computed, predicted),
            interrupted=computed.outcome == "INTERRUPTED",
            complete=computed.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        )

    def _pictures(self, run: Trajectory, order: CanonicalOrder) -> dict[str, Any]:
        from saddlescope.plot import ladder, overlaps

        def draw_ladder() -> Axes:
            ax = ladder(run, order, scale=self.spec.picture.scale)
            ax.set_title(self.spec.title, loc="left", fontsize=15, pad=44)
            return ax

        def draw_overlaps() -> Axes:
            ax = overlaps(run)
            ax.set_title(self.spec.title, loc="left", fontsize=15, pad=14)
            return ax

        pictures = {"ladder.png": draw_ladder}
        return pictures | ({"overlaps.png": draw_overlaps} if self.spec.picture.overlaps else {})


def _theory(order: CanonicalOrder, spec: Spec) -> list[Entry]:
    """Say how far the predicted times can be trusted, and how sharp the jump of degree 2 becomes."""
    errors = order.errors(spec.dynamics.epsilon, spec.theory.fraction)
    known = [f"{error:.0e} (degree {k})" for k, error in enumerate(errors) if math.isfinite(error)]
    entries = [Entry("Theory", f"predicted times to within about {', '.join(known)}.")] if known else []
    if (jump := order.blow_up) is not None:
        text = f"degree 2 comes in a blow-up (c_2 - tau)^-{jump.power:.4g}, its jump ~ epsilon^{jump.width:.3g} wide."
        entries.append(Entry("", text) if entries else Entry("Theory", text))
    return entries


def _table(trajectory: Trajectory, order: CanonicalOrder, spec: Spec) -> DegreeTable:
    from saddlescope.cli.degrees import degree_table
    from saddlescope.measure import learning_times, plateaus

    fraction = spec.theory.fraction
    return degree_table(
        trajectory,
        plateaus(trajectory),
        learning_times(trajectory, fraction),
        order.times(spec.dynamics.epsilon, fraction),
        # the plateau before the first degree that fails is still predicted, those after it are not
        order.heights[: order.canonical_up_to + 2],
        {level.degree: level.reason for level in order.levels},
        frozenset(level.degree for level in order.levels if not level.canonical),
        order.doubts,
    )


def rungs(table: DegreeTable, trajectory: Trajectory) -> Any:
    """Return the printed table, one row a degree."""
    from saddlescope.cli.display import grid

    first = float(trajectory.time[1])
    rows = []
    for row in table.rows:
        plateau = row.plateau
        rows.append(
            (
                str(row.degree),
                f"{row.target:.3g}",
                _time(row.predicted_time),
                _time(row.measured_time),
                number(row.ratio, ".4f" if row.ratio < 10 else ".3g"),
                *((number(math.nan, ""),) * 3 if plateau is None else _stretch(plateau, first)),
                number(row.predicted_height, ".3g"),
            )
        )
    if table.last is not None:
        rows.append(("end", *[""] * 4, *_stretch(table.last, first), ""))
    elif not math.isnan(table.stages.learnt):
        learnt, end = _time(table.stages.learnt, 1), _time(float(trajectory.time[-1]), 1)
        rows.append(("end", *[""] * 4, learnt, end, "0", ""))
    # nine columns in 80 characters leave one between them
    return grid(_HEADS, rows)


def _stretch(plateau: Plateau, first: float) -> tuple[str, str, str]:
    # a plateau that is there at the first step was there from the start
    start = "0" if plateau.start < 1.001 * first else _time(plateau.start, 1)
    return start, _time(plateau.end, 1), number(plateau.height, ".3g")


def _time(value: float, digits: int = 3) -> str:
    return number(value, f".{digits}e")


def accuracy(trajectory: Trajectory) -> str:
    """Say in a few words what the result rests on: particles, their refinement, steps, kernel."""
    from saddlescope.cli.solving import steps

    known = trajectory.accuracy
    count = known.get("particles")
    parts = [] if count is None else [f"{count} particle{'' if count == 1 else 's'}"]
    if math.isfinite(known.get("learning_time_change", math.nan)):
        parts[-1:] = [
            f"{parts[-1]}; refining them moved the learning times by {known['learning_time_change']:.1e} "
            f"(tolerance {known['learning_time_tolerance']:g})"
        ]
    parts.append(steps(trajectory))
    if known.get("kernel_error") is not None:
        parts.append(f"activation: {known['activation']}, kernel error {known['kernel_error']:.1e}")
    return "; ".join(parts) + "."


def _record(spec: Spec, trajectory: Trajectory, order: CanonicalOrder, table: DegreeTable) -> dict[str, Any]:
    """The table and what it rests on, as plain values."""
    from saddlescope.cli.solving import provenance

    levels = [
        {
            "degree": v.degree,
            "canonical": v.canonical,
            "constant": float(v.constant),
            "reason": v.reason,
            "verdict": v.verdict,
            "scale": v.scale,
            "drift": v.drift,
            "error_exponent": v.error_exponent,
        }
        for v in order.levels
    ]
    return {
        "outcome": trajectory.outcome,
        "message": trajectory.message,
        "doubts": [*trajectory.doubts, *table.doubts],
        "epsilon": spec.dynamics.epsilon,
        "learning_time_fraction": spec.theory.fraction,
        "initial_risk": float(trajectory["risk"][0]),
        "final_risk": float(trajectory["risk"][-1]),
        **table.plain(),
        "predicted_levels": levels,
        "predicted_errors": order.errors(spec.dynamics.epsilon, spec.theory.fraction).tolist(),
        "leading_times": order.leading_times(spec.dynamics.epsilon).tolist(),
        "jump_of_degree_2": None if order.blow_up is None else asdict(order.blow_up),
        **provenance(trajectory),
    }
