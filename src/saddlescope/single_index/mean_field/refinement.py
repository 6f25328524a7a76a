"""Refinement of the nodes of a mean-field flow until its learning times stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.solve import Refinement
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.single_index.mean_field.flow import MeanFieldFlow

_MOST_PARTICLES = 8192


def refine(flow: MeanFieldFlow, runs: Sequence[Trajectory]) -> Refinement:
    """Ask for finer panels, until two runs agree on the learning times (or no finer one is affordable).

    Args:
        flow: that the last run is of.
        runs: each on finer panels than the one before.
    """
    panels, trajectory = flow.panels, runs[-1]
    if panels is None:
        return Refinement()
    change = _change(runs[-2], trajectory) if len(runs) > 1 else np.inf
    accuracy = {"learning_time_change": float(change), "learning_time_tolerance": flow.tolerance}
    if change <= flow.tolerance:
        return Refinement(accuracy=accuracy)
    phi = np.abs(trajectory.parameters["link_coefficients"])
    sigma = np.abs(trajectory.parameters["activation_coefficients"])
    # the moment of a degree matters where it moves that residual by a share of the largest target
    scales = np.full(len(phi), np.inf)
    scales[sigma > 0] = phi.max() / sigma[sigma > 0]
    worst = panels.unresolved(trajectory["second_layer"], trajectory["overlap"], scales)
    # a second opinion needs a rule that differs: at least the worst tenth is bisected
    finer = panels.bisected(worst, min(flow.tolerance, float(np.quantile(worst, 0.9))))
    if finer.particles > _MOST_PARTICLES or len(finer.edges) == len(panels.edges):
        doubt = (
            f"Refining the nodes up to {panels.particles} still moved the learning times by {change:.1e}, "
            f"more than the tolerance {flow.tolerance:g}."
        )
        return Refinement(accuracy=accuracy, doubts=(doubt,))
    return Refinement(finer=flow.on(finer))


def _change(before: Trajectory, after: Trajectory) -> float:
    """Largest relative change of the learning times at half residual; infinite if a degree is learnt in only one."""
    old, new = (learning_times(t, fraction=0.5) for t in (before, after))
    if np.any(np.isnan(old) != np.isnan(new)):
        return np.inf
    learnt = ~np.isnan(new) & (new > 0)
    if not learnt.any():
        risks = [float(t["risk"][-1]) for t in (before, after)]
        return abs(risks[1] - risks[0]) / max(float(after["risk"][0]), np.finfo(float).tiny)
    return float(np.max(np.abs(old[learnt] / new[learnt] - 1)))
