"""Runs of deep linear networks whose time range is not known beforehand."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.study.provenance import solved

if TYPE_CHECKING:
    from saddlescope.deep_linear import Cost, DeepLinearFlow
    from saddlescope.trajectory import Trajectory

_GENEROUS = 100.0  # times the estimate; a run that has learnt all stops by itself
_LONGER, _MOST = 30.0, 3
_LARGE = 100_000  # entries of a product of which no path is followed only to know the lowest cost


def solve_until_learnt(flow: DeepLinearFlow, learnt: float, **arguments: Any) -> Trajectory:
    """Solve until the cost above its minimum is a small share of what it was at the start.

    The time range is a hundred times an estimate, and thirty times longer again, twice at most, if that was too short.

    Args:
        flow: of a deep linear network.
        learnt: that share.
        arguments: of `solve`, without `until`.
    """
    least = lowest_cost(flow.cost, flow.depth, flow.width)
    start = flow.initial[0]
    for W in flow.initial[1:]:
        start = W @ start
    begun = float(flow.cost.value(start))  # pyright: ignore[reportArgumentType]
    target = least + learnt * (begun - least)
    asked = arguments.pop("risk_below", None)
    arguments["risk_below"] = max(target, asked or 0.0)
    until = _GENEROUS * time_to_learn(flow)
    trajectory = solved(flow, until=until, **arguments)
    for _ in range(_MOST - 1):
        if trajectory.outcome != "REACHED_END":
            break
        until *= _LONGER
        trajectory = solved(flow, until=until, **arguments)
    if trajectory.outcome == "REACHED_TARGET" and not (asked or 0.0) > target:
        message = f"The cost fell to {learnt:g} of its start at t = {trajectory.time[-1]:.4g}."
        if least > 0:
            message = f"The cost above its minimum {least:.4g} fell to {learnt:g} of its start."
        return dataclasses.replace(trajectory, message=message)
    if trajectory.outcome == "REACHED_END":
        left = trajectory["cost"][-1] / begun
        doubt = f"The cost is still {left:.2g} of its start at t = {trajectory.time[-1]:.3g}: give dynamics.until."
        return dataclasses.replace(trajectory, doubts=(*trajectory.doubts, doubt))
    return trajectory


def lowest_cost(cost: Cost, depth: int, width: int) -> float:
    """Return the lowest cost a network can reach, that of the greedy path where it is too narrow for the target.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> round(lowest_cost(LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=1), 9)
    0.5
    """
    from saddlescope.deep_linear import greedy_low_rank

    rank = cost.target_rank or min(cost.shape)
    if depth > 1 and width < rank and math.prod(cost.shape) <= _LARGE:
        return float(greedy_low_rank(cost, depth, max_rank=width).costs[-1])
    return cost.least_cost


def time_to_learn(flow: DeepLinearFlow) -> float:
    """Return a guess of the time in which a network learns: that of its lazy limit, or the escape from the origin.

    With kappa = w sigma^2 the lazy kernel is L kappa^(L-1), and the escape of rank one from layers of norm
    kappa^(1/2) takes kappa^(-(L-2)/2) / ((L-2) s_1).
    """
    depth, cost = flow.depth, flow.cost
    strength = float(np.linalg.norm(np.asarray(cost.gradient(np.zeros(cost.shape))), 2))  # pyright: ignore
    if depth == 1:
        return 1.0
    kappa = flow.width * float(np.mean(flow.initial[0] ** 2))
    lazy = 1 / (depth * kappa ** (depth - 1))
    if depth == 2:
        escape = math.log1p(1 / kappa) / strength
    else:
        escape = kappa ** (1 - depth / 2) / ((depth - 2) * strength)
    return min(lazy, escape + 1 / strength)
