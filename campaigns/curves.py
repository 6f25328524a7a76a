"""How far a curve is from its reference when both time and height may be off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

Curve = Callable[[np.ndarray], np.ndarray]

# relative shifts of time at which the reference is looked at
_SHIFTS = np.concatenate([[0.0], np.geomspace(1e-10, 0.3, 48)])
_SHIFTS = np.sort(np.concatenate([-_SHIFTS[1:], _SHIFTS]))


def graph_distance(times: np.ndarray, values: np.ndarray, reference: Curve, scale: float, end: float = np.inf) -> float:
    """The largest distance of points (t, v) to the graph of the reference.

    A point at distance d lies on the graph after its time is moved by a relative d and its height by d times `scale`:
    near a jump it is the time that is right or wrong, on a plateau the height.

    Args:
        times: t, shape (T,).
        values: v, shape (T,).
        reference: the right curve, of times of any shape (N,).
        scale: heights count in units of this.
        end: where the reference ends; later times are not looked at.
    """
    keep = (times > 0) & (times <= end)
    t, v = times[keep], values[keep]
    if not t.size:
        return 0.0
    if not np.all(np.isfinite(v)):
        return np.inf
    moved = np.minimum(t[:, None] * (1 + _SHIFTS), end)
    gap = (reference(moved.ravel()).reshape(moved.shape) - v[:, None]) / scale
    shift = np.abs(moved / t[:, None] - 1)
    best = np.maximum(shift, np.abs(gap)).min(axis=1)
    # between two shifts at which the reference lies on either side of the point, it passes through its height
    crossed = gap[:, :-1] * gap[:, 1:] < 0
    share = np.where(crossed, gap[:, :-1] / np.where(crossed, gap[:, :-1] - gap[:, 1:], 1.0), 0.0)
    at = np.abs(_SHIFTS[:-1] + share * np.diff(_SHIFTS))
    best = np.minimum(best, np.where(crossed, at, np.inf).min(axis=1))
    return float(best.max())


def first_time(curve: Curve, level: float, grid: np.ndarray) -> float:
    """The first time at which the size of a scalar curve is at or below a level; nan if never.

    It is looked for on a grid; a curve that changes its sign has passed the level on its way.
    """
    values = curve(grid)
    side = np.sign(values[0])
    below = np.flatnonzero(side * values <= level)
    if not below.size:
        return np.nan
    if below[0] == 0:
        return float(grid[0])
    low, high = float(grid[below[0] - 1]), float(grid[below[0]])
    return brentq(lambda t: side * float(curve(np.array([t]))[0]) - level, low, high, xtol=1e-300, rtol=1e-13)  # pyright: ignore


def thinned(times: np.ndarray, values: np.ndarray, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """About `count` points of a curve, spaced evenly over the points and with the last."""
    chosen = np.unique(np.linspace(0, len(times) - 1, min(count, len(times))).astype(int))
    return times[chosen], values[chosen]
