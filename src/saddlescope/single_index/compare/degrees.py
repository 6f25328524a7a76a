"""Degrees of a single-index problem: when each was learnt and the plateau before it, predicted beside measured."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import Plateau, Stages, learning_times, plateaus
from saddlescope.single_index.problem import rate_ratio
from saddlescope.study import NOTHING, Column, Comparison, Remark, number
from saddlescope.study.provenance import provenance, steps
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.single_index.theory.canonical_order import CanonicalOrder

_UNPREDICTED = "no prediction was made"


def _time(value: float) -> str:
    return number(value, ".3e")


def _edge(value: float) -> str:
    return number(value, ".1e")


def _ratio(value: float) -> str:
    return number(value, ".4f" if value < 10 else ".3g")


# nine columns in 80 characters leave one between them
COLUMNS = (
    Column("degree", "\ndegree", "d"),
    Column("target", "\nphi_k"),
    Column("predicted_time", "learnt at\npredicted", _time),
    Column("measured_time", "\nmeasured", _time),
    Column("measured_over_predicted", "\nratio", _ratio),
    Column("start", "plateau\nfrom t", _edge),
    Column("end", "\nto t", _edge),
    Column("height", "\nrisk"),
    Column("predicted_height", "\npredicted"),
)


def compare_degrees(
    run: Trajectory,
    order: CanonicalOrder | None,
    fraction: float = 0.5,
    title: str = "Degrees of a single-index problem",
) -> Comparison:
    """Return when each degree was learnt, and the plateau before it, beside what theory predicts.

    Args:
        run: of a `MeanFieldFlow`.
        order: what is predicted; None for nothing.
        fraction: a degree is learnt when its residual is this fraction of its target.
        title: above the table.
    """
    told = run.parameters
    epsilon = told["epsilon"]
    levels = () if order is None else order.levels
    table = degree_table(
        run,
        plateaus(run),
        learning_times(run, fraction),
        np.zeros(0) if order is None else order.times(epsilon, fraction),
        # the plateau before the first degree that fails is still predicted, those after it are not
        np.zeros(0) if order is None else order.heights[: order.canonical_up_to + 2],
        {level.degree: level.reason for level in levels},
        frozenset(level.degree for level in levels if not level.canonical),
        () if order is None else order.doubts,
        unpredicted=_UNPREDICTED if order is None else None,
    )
    said = {row.degree: row.remark for row in table.rows if row.remark} | table.nothing_to_learn
    remarks = []
    for remark in dict.fromkeys(said.values()):
        degrees = ", ".join(str(degree) for degree in sorted(said) if said[degree] == remark)
        remarks.append(Remark("Degree", f"{degrees}: {remark}"))
    doubts = [doubt for doubt in (*run.doubts, *table.doubts) if doubt != run.message]
    rows, asides = printed(table, run)
    return Comparison(
        title=title,
        subtitle=f"link {told['link']}, activation {told['activation']}, {rate_ratio.told(epsilon)}",
        columns=COLUMNS,
        rows=rows,
        asides=asides,
        remarks=(*remarks, Remark("Outcome", run.message)),
        doubts=tuple(doubts),
        theory=() if order is None else _theory(order, epsilon, fraction),
        accuracy=(accuracy(run),),
        references=run.references,
        record=_record(run, order, table, fraction),
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
    )


@dataclass(frozen=True)
class DegreeRow:
    """How one degree was learnt.

    degree: k; target: phi_k. predicted_time, measured_time: of learning, nan where there is none.
    plateau: the flat stretch of the risk that ends with this degree; predicted_height: of that stretch.
    remark: why there is no prediction, no measured time or no plateau.
    """

    degree: int
    target: float
    predicted_time: float
    measured_time: float
    plateau: Plateau | None
    predicted_height: float
    remark: str

    @property
    def ratio(self) -> float:
        """Measured over predicted time; nan where it is predicted for the very start."""
        return self.measured_time / self.predicted_time if self.predicted_time else math.nan


@dataclass(frozen=True)
class DegreeTable:
    """All rows, the plateaus they came from, and the degrees with nothing to learn, each with a remark."""

    rows: tuple[DegreeRow, ...]
    stages: Stages
    nothing_to_learn: dict[int, str]
    last: Plateau | None  # the stretch that lasts to the end
    prediction_doubts: tuple[str, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """What may be wrong with the prediction and with the plateaus."""
        return self.prediction_doubts + self.stages.doubts

    def plain(self) -> dict[str, Any]:
        """As numbers, texts, lists and tables."""
        rows = [
            {
                "degree": r.degree,
                "target": r.target,
                "predicted_time": r.predicted_time,
                "measured_time": r.measured_time,
                "measured_over_predicted": r.ratio,
                "plateau": None if r.plateau is None else asdict(r.plateau),
                "predicted_height": r.predicted_height,
                "remark": r.remark,
            }
            for r in self.rows
        ]
        return {
            "degrees": rows,
            "nothing_to_learn": [{"degree": k, "remark": remark} for k, remark in self.nothing_to_learn.items()],
            "plateaus": [asdict(p) for p in self.stages],
            "learnt_from": self.stages.learnt,
        }


def degree_table(
    trajectory: Trajectory,
    stages: Stages,
    times: np.ndarray,
    predicted: np.ndarray,
    heights: np.ndarray,
    reasons: dict[int, str],
    failing: frozenset[int] = frozenset(),
    doubts: tuple[str, ...] = (),
    unpredicted: str | None = None,
) -> DegreeTable:
    """Put each degree's measured time and plateau beside the predicted ones.

    Args:
        trajectory: of a single-index problem.
        stages: its plateaus.
        times: measured learning times, shape (degree,), nan where a degree is not learnt.
        predicted: predicted learning times of the first degrees, nan where there is no prediction.
        heights: predicted risk on the plateau before each of the first degrees.
        reasons: degree -> why it is predicted, or why not.
        failing: the degrees whose level is not canonical.
        doubts: of the prediction.
        unpredicted: why no degree is predicted, where none is.
    """
    targets = np.asarray(trajectory.parameters["link_coefficients"])
    end = float(trajectory.time[-1])
    rows = []
    for k in np.flatnonzero(targets):
        own = float(predicted[k]) if k < len(predicted) else math.nan
        measured = float(times[k])
        plateau, remark = _plateau_before(measured, np.delete(times, k), np.delete(np.arange(len(times)), k), stages)
        reason = unpredicted or reasons.get(int(k), "it lies beyond the levels asked for")
        remarks = []
        if math.isnan(own) and unpredicted is None and int(k) in reasons and int(k) not in failing:
            remarks = ["Predicted not to be learnt at this epsilon, though it is as epsilon -> 0."]
        elif math.isnan(own) or int(k) in failing:
            remarks = [f"{'No prediction' if math.isnan(own) else 'Not canonical'}: {reason}."]
        if math.isnan(measured):
            remarks.append(f"Not learnt by t = {end:.4g}.")
        elif remark:
            remarks.append(remark)
        height = float(heights[k]) if plateau is not None and k < len(heights) else math.nan
        rows.append(DegreeRow(int(k), float(targets[k]), own, measured, plateau, height, " ".join(remarks)))
    last = next((p for p in stages if not p.over), None)
    nothing = {
        int(k): "Nothing to learn" + (f": {reasons[int(k)]}." if int(k) in failing else ", phi_k = 0.")
        for k in np.flatnonzero(targets == 0)
    }
    return DegreeTable(tuple(rows), stages, nothing, last, doubts)


def _plateau_before(time: float, others: np.ndarray, degrees: np.ndarray, stages: Stages) -> tuple[Plateau | None, str]:
    """The last plateau that ended before `time`, unless another degree was learnt in between."""
    before = [p for p in stages if p.end <= time]
    if math.isnan(time) or not before:
        return None, ""
    between = (others > before[-1].end) & (others < time)
    if between.any():
        latest = degrees[between][np.argmax(others[between])]
        return None, f"No flat stretch of the risk parts it from degree {latest}."
    return before[-1], ""


def printed(
    table: DegreeTable, run: Trajectory
) -> tuple[tuple[dict[str, Any], ...], dict[int, tuple[dict[str, Any], ...]]]:
    """Return the rows of a comparison, one a degree, and the closing line of the last plateau."""
    first, end = float(run.time[1]), float(run.time[-1])
    rows = []
    for row in table.rows:
        stretch: dict[str, Any] = dict.fromkeys(("start", "end", "height"), NOTHING)
        if row.plateau is not None:
            stretch = _stretch(row.plateau, first)
        rows.append(
            {
                "degree": row.degree,
                "target": row.target,
                "predicted_time": row.predicted_time,
                "measured_time": row.measured_time,
                "measured_over_predicted": row.ratio,
                **stretch,
                "predicted_height": row.predicted_height,
            }
        )
    last = None
    if table.last is not None:
        last = {"degree": "end", **_stretch(table.last, first)}
    elif not math.isnan(table.stages.learnt):
        last = {"degree": "end", "start": table.stages.learnt, "end": end, "height": "0"}
    return tuple(rows), {} if last is None else {len(rows) - 1: (last,)}


def _stretch(plateau: Plateau, first: float) -> dict[str, Any]:
    # a plateau that is there at the first step was there from the start
    start = "0" if plateau.start < 1.001 * first else plateau.start
    return {"start": start, "end": plateau.end, "height": plateau.height}


def accuracy(run: Trajectory) -> str:
    """Say in a few words what the result rests on: particles, their refinement, steps, kernel."""
    known = run.accuracy
    count = known.get("particles")
    parts = [] if count is None else [f"{count} particle{'' if count == 1 else 's'}"]
    if math.isfinite(known.get("learning_time_change", math.nan)):
        parts[-1:] = [
            f"{parts[-1]}; refining them moved the learning times by {known['learning_time_change']:.1e} "
            f"(tolerance {known['learning_time_tolerance']:g})"
        ]
    parts.append(steps(run))
    if known.get("kernel_error") is not None:
        parts.append(f"activation: {known['activation']}, kernel error {known['kernel_error']:.1e}")
    return "; ".join(parts) + "."


def _theory(order: CanonicalOrder, epsilon: float, fraction: float) -> tuple[str, ...]:
    """Say how far the predicted times can be trusted, and how sharp the jump of degree 2 becomes."""
    errors = order.errors(epsilon, fraction)
    known = [f"{error:.0e} (degree {k})" for k, error in enumerate(errors) if math.isfinite(error)]
    said = [f"predicted times to within about {', '.join(known)}."] if known else []
    if (jump := order.blow_up) is not None:
        said.append(
            f"degree 2 comes in a blow-up (c_2 - tau)^-{jump.power:.4g}, its jump ~ epsilon^{jump.width:.3g} wide."
        )
    return tuple(said)


def _errors(order: CanonicalOrder, epsilon: float, fraction: float) -> dict[str, Any]:
    return {
        "predicted_errors": order.errors(epsilon, fraction).tolist(),
        "leading_times": order.leading_times(epsilon).tolist(),
        "jump_of_degree_2": None if order.blow_up is None else asdict(order.blow_up),
    }


def _record(run: Trajectory, order: CanonicalOrder | None, table: DegreeTable, fraction: float) -> dict[str, Any]:
    """The table and what it rests on, as plain values."""
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
        for v in (() if order is None else order.levels)
    ]
    return {
        "outcome": run.outcome,
        "message": run.message,
        "doubts": [*run.doubts, *table.doubts],
        "epsilon": rate_ratio.plain(run.parameters["epsilon"]),
        "learning_time_fraction": fraction,
        "initial_risk": float(run["risk"][0]),
        "final_risk": float(run["risk"][-1]),
        **table.plain(),
        "predicted_levels": levels,
        **({} if order is None else _errors(order, run.parameters["epsilon"], fraction)),
        **provenance(run),
    }
