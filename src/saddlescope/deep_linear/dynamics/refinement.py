"""Refinement of a compressed network by Krylov rounds until its run stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from saddlescope.solve import Refinement
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow


def refine(flow: DeepLinearFlow, runs: Sequence[Trajectory]) -> Refinement:
    """Ask for the network of two more Krylov rounds, until two runs agree to the flow's tolerance.

    Args:
        flow: that the last run is of.
        runs: up to three, each of two more rounds than the one before.
    """
    if not flow.probing or flow.compression is None:
        return Refinement()
    if len(runs) > 1:
        change = _change(runs[-2], runs[-1])
        # errors fall geometrically: the change before this one tells by which factor
        before = _change(runs[-3], runs[-2]) if len(runs) > 2 else np.inf
        error = change * min(1.0, change / before) if np.isfinite(before) and before > 0 else change
        if error <= flow.tolerance:
            # what the integrator itself leaves uncertain hides smaller changes
            error = max(error, runs[-1].accuracy["integration_error"])
            return Refinement(accuracy={"krylov_error": error, "krylov_tolerance": flow.tolerance})
    return Refinement(finer=flow.finer())


def _change(before: Trajectory, after: Trajectory) -> float:
    """How far apart two runs are: in cost at equal times or in log time at equal costs, whichever is closer, at worst.

    (Next to a jump only the second means anything, on a plateau only the first.) The steps of the two differ, and are
    few where training is lazy: between them the log cost is cubic, since its rate is known.
    """
    old_time, old_cost, old_rate = (before[name] for name in ("time", "cost", "cost_rate"))
    common = (after.time > 0) & (after.time <= old_time[-1])
    time, cost, rate = after.time[common], after["cost"][common], after["cost_rate"][common]
    least = np.finfo(float).tiny
    curve = CubicHermiteSpline(old_time, np.log(np.maximum(old_cost, least)), old_rate / np.maximum(old_cost, least))
    gap = np.abs(np.exp(np.minimum(curve(time), np.log(old_cost[0]))) - cost)
    falling = np.minimum.accumulate(old_cost)
    far = np.abs(np.log(np.maximum(np.interp(-cost, -falling, old_time), old_time[1]) / time))
    # to first order where the runs are near, by a table of the times at each cost where they are not
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        near = gap / (np.abs(rate) * time)
    in_time = np.where(near < 1e-2, near, np.maximum(far, 1e-2))
    return float(np.minimum(gap / after["cost"][0], in_time).max(initial=0.0))
