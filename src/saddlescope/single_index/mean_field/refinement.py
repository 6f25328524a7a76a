"""Refinement of the nodes of a mean-field flow until its learning times stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.solve import Refinement
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.single_index.mean_field.directions import Residuals
    from saddlescope.single_index.mean_field.flow import MeanFieldFlow

_MOST_PARTICLES = 8192
_EXACT = 1e-12  # share of a moment that rounding may make
_RESOLVED = 10.0  # times the tolerance


def refine(flow: MeanFieldFlow, runs: Sequence[Trajectory]) -> Refinement:
    """Ask for finer panels, until two runs agree on all that is learnt (or no finer one is affordable).

    Args:
        flow: that the last run is of.
        runs: each on finer panels than the one before.
    """
    panels, trajectory = flow.panels, runs[-1]
    if panels is None:
        return Refinement()
    worst = flow.directions.unresolved(panels, trajectory)
    # Where no panel misses anything, other nodes would say the same.
    exact = worst.max() <= _EXACT
    change = 0.0 if exact else _change(flow, runs[-2], trajectory) if len(runs) > 1 else np.inf
    accuracy = {"learning_time_change": float(change), "learning_time_tolerance": flow.tolerance}
    # What is learnt in neither of two runs may be carried by nodes that neither has.
    resolved = worst.max() <= _RESOLVED * flow.tolerance or not _is_unfinished(flow, trajectory)
    if change <= flow.tolerance and resolved:
        return Refinement(accuracy=accuracy)
    # a second opinion needs a rule that differs: at least the worst tenth is bisected
    finer = panels.bisected(worst, min(flow.tolerance, float(np.quantile(worst, 0.9))))
    if finer.particles > _MOST_PARTICLES or len(finer.edges) == len(panels.edges):
        if change <= flow.tolerance:
            doubt = f"Up to {panels.particles} nodes, what is not learnt may be carried by nodes between them."
        else:
            doubt = (
                f"Refining the nodes up to {panels.particles} still moved the learning times by {change:.1e}, "
                f"more than the tolerance {flow.tolerance:g}."
            )
        return Refinement(accuracy=accuracy, doubts=(doubt,))
    return Refinement(finer=flow.on(finer))


def _is_unfinished(flow: MeanFieldFlow, trajectory: Trajectory) -> bool:
    """Whether a degree or term that the activation has is not learnt."""
    parts = flow.directions.residuals(trajectory)
    return bool(np.any(np.isnan(_times(parts, trajectory)) & (parts.target != 0) & parts.learnable))


def _times(parts: Residuals, trajectory: Trajectory) -> np.ndarray:
    """When each residual halves."""
    return learning_times(time=trajectory.time, residual=parts.left, target=parts.target, rate=parts.rate)


def _change(flow: MeanFieldFlow, before: Trajectory, after: Trajectory) -> float:
    """Largest relative change of a time at which a residual halves, or of what is left of one that does not.

    Near the end of a run a residual may halve in one run only. Then, and where it halves in none, the residuals at the
    end tell: by their gap beside the target, or by the time in which they cover it, whichever is closer.
    """
    parts = [flow.directions.residuals(t) for t in (before, after)]
    old, new = (_times(p, t) for p, t in zip(parts, (before, after), strict=True))
    size = np.abs(parts[1].target)
    both = ~np.isnan(old) & ~np.isnan(new)
    changes = [0.0]
    learnt = both & (new > 0)
    changes.extend(np.abs(old[learnt] / new[learnt] - 1))
    end = min(before.time[-1], after.time[-1])
    for k in np.flatnonzero(~both & (size > 0)):
        left = [float(np.interp(end, t.time, p.left[:, k])) for p, t in zip(parts, (before, after), strict=True)]
        rate = abs(float(np.interp(end, after.time, parts[1].rate[:, k])))
        gap = abs(left[1] - left[0])
        changes.append(min(gap / size[k], gap / (rate * end) if rate > 0 else np.inf))
    return float(np.max(changes))
