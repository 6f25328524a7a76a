"""Where a cost jumps from one level to the next, and where it rests in between."""

from __future__ import annotations

import math

import numpy as np
from scipy.interpolate import CubicHermiteSpline


def first_below(time: np.ndarray, cost: np.ndarray, rate: np.ndarray, level: float) -> float:
    """Return the first time at which a cost is at a level, on its cubic Hermite interpolant; nan if never.

    Args:
        time: rising, shape (T,).
        cost: at these times, shape (T,).
        rate: its time derivative, shape (T,).
        level: of the cost.

    >>> time = np.array([0.0, 1.0, 2.0])
    >>> first_below(time, 4 - time**2, -2 * time, 1.75)
    1.5
    """
    below = np.flatnonzero(cost <= level)
    if below.size == 0:
        return math.nan
    at = int(below[0])
    if at == 0:
        return 0.0
    step = slice(at - 1, at + 1)
    roots = CubicHermiteSpline(time[step], cost[step], rate[step]).solve(level, extrapolate=False)
    return float(roots[0]) if len(roots) else float(time[at])


def slowest(time: np.ndarray, rate: np.ndarray, begin: float, end: float) -> int | None:
    """Return the step at which a cost moves slowest between two jumps, the last one where no jump follows.

    Args:
        time: rising, shape (T,).
        rate: absolute value of the cost's time derivative, shape (T,).
        begin: time of the jump before; nan, if there is none yet, gives None.
        end: time of the jump after; infinite or nan if there is none.

    >>> slowest(np.arange(5.0), np.array([9.0, 3.0, 1.0, 2.0, 8.0]), 1.0, 4.0)
    2
    """
    if math.isnan(begin):
        return None
    inside = np.flatnonzero((time >= begin) & ~(time > end))
    if inside.size == 0:
        inside = np.array([int(np.argmin(np.abs(time - begin)))])
    return int(inside[-1] if math.isinf(end) else inside[np.argmin(rate[inside])])
