"""What was measured beside what was predicted, one row a degree."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from saddlescope.measure import Plateau, Stages
from saddlescope.trajectory import Trajectory


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
        """Measured over predicted time."""
        return self.measured_time / self.predicted_time


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
    """
    targets = np.asarray(trajectory.parameters["link_coefficients"])
    end = float(trajectory.time[-1])
    rows = []
    for k in np.flatnonzero(targets):
        own = float(predicted[k]) if k < len(predicted) else math.nan
        measured = float(times[k])
        plateau, remark = _plateau_before(measured, np.delete(times, k), np.delete(np.arange(len(times)), k), stages)
        reason = reasons.get(int(k), "it lies beyond the levels asked for")
        remarks = []
        if math.isnan(own) or int(k) in failing:
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
