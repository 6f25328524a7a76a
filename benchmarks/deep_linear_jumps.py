"""The completion problem that the benchmarks of deep linear networks share, and how the times of its jumps are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from saddlescope.deep_linear.problem.reference_problems import reference_completion
from saddlescope.trajectory import Trajectory

COST = reference_completion()
DEPTH, WIDTH, GAMMA, SEED = 4, 100, 2.0, 100
SADDLES = np.array([23.5349539035, 6.1812766576, 1.2389269774, 0.0])  # their costs


def half_way(costs: np.ndarray) -> np.ndarray:
    """Costs half-way between one saddle and the next."""
    return 0.5 * (costs[:-1] + costs[1:])


HALF_WAY = half_way(SADDLES)


class Curve(NamedTuple):
    """The cost of a run and its rate at some times, and the number of attempted steps."""

    time: np.ndarray
    cost: np.ndarray
    rate: np.ndarray
    attempted: int


def curve_of(result: Trajectory) -> Curve:
    """Return the curve of one of our runs."""
    attempted = result.solver["steps_accepted"] + result.solver["steps_rejected"]
    return Curve(result.time, result["cost"], result["cost_rate"], attempted)


def jump_times(curve: Curve, levels: np.ndarray = HALF_WAY, every: int = 1) -> np.ndarray:
    """First times at which the cost is at each level; cubic by cost and rate at every n-th point."""
    t, cost, rate = (values[::every] for values in curve[:3])
    results = []
    for level in levels:
        k = int(np.flatnonzero(cost <= level)[0])
        step = slice(k - 1, k + 1)
        between = CubicHermiteSpline(t[step], cost[step] - level, rate[step])
        results.append(brentq(between, *t[step], xtol=1e-15 * t[k]))
    return np.array(results)


def reading_error(curve: Curve) -> float:
    """How far the times move if they are read from every second point: some 16 times what reading costs them."""
    return apart(jump_times(curve, every=2), jump_times(curve))


def apart(times: np.ndarray, true: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.abs(times / true - 1).max())


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and its wall seconds."""
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started
