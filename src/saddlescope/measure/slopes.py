"""Flat stretches of a clean curve, from its local slope in log time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_STEP = 0.01  # decades between grid points: noise over a solver's smallest steps would drown the slope
_FLATTER = 3.0  # how much flatter than the drop between them two plateaus must be where neither is steep


@dataclass(frozen=True)
class Thresholds:
    """What counts as flat: largest slope, least length in decades, least distance of heights on the scale."""

    slope: float
    least_decades: float
    separation: float


def log_grid(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve on an even grid of log time, by a monotone cubic between its points."""
    from scipy.interpolate import PchipInterpolator  # a noisy curve does without its half second

    size = max(int(np.ceil((x[-1] - x[0]) / _STEP)), 200) + 1
    grid = np.linspace(x[0], x[-1], size)
    # a solver's steps may be far apart, and straight lines would bend the curve at each of them
    return grid, np.asarray(PchipInterpolator(x, y)(grid))


def flat_stretches(x: np.ndarray, y: np.ndarray, thresholds: Thresholds) -> list[tuple[int, int]]:
    """Return first and last index of each stretch with |dy/dx| below the slope for long enough.

    Neighbouring stretches at equal heights are one: a bump or a drop too small to count does not split a
    plateau.
    """
    whole = _stretches(x, y, 0, x.size - 1, thresholds)
    return [part for first, last in whole for part in parted(x, y, first, last, thresholds)]


def parted(x: np.ndarray, y: np.ndarray, first: int, last: int, thresholds: Thresholds) -> list[tuple[int, int]]:
    """Part one stretch at the gradual drops that it holds; return the whole stretch where it holds none.

    A small drop by relaxation at one rate, say 2 → 1.5, has no slope above 0.11 anywhere, and no single
    threshold tells it from a drifting plateau. So the threshold is lowered by steps until two stretches
    appear that stand at distinct heights and are three times flatter than what lies between them.
    """
    begin, end, lower = first, last, thresholds
    while np.ptp(y[begin : end + 1]) >= thresholds.separation:
        lower = replace(lower, slope=lower.slope / _FLATTER)
        parts = _stretches(x, y, begin, end, lower)
        if not parts:
            break
        if len(parts) == 1:
            begin, end = parts[0]
            continue
        parts = _joined_where_gap_is_no_steeper(x, y, parts)
        if len(parts) == 1:
            break
        parts[0], parts[-1] = (first, parts[0][1]), (parts[-1][0], last)
        return [piece for a, b in parts for piece in parted(x, y, a, b, lower)]
    return [(first, last)]


def _stretches(x: np.ndarray, y: np.ndarray, first: int, last: int, thresholds: Thresholds) -> list[tuple[int, int]]:
    """Stretches within [first, last] flatter than the slope; equal heights joined, short ones left out."""
    flat = (np.abs(np.gradient(y, x))[first : last + 1] < thresholds.slope).astype(np.int8)
    edges = first + np.flatnonzero(np.diff(np.concatenate(([0], flat, [0]))))
    runs = list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))
    # a hair of tolerance: a stretch of exactly the least length counts
    least = thresholds.least_decades * (1 - 1e-9)
    joined = _joined_at_equal_height(y, runs, thresholds.separation)
    long = [(begin, end) for begin, end in joined if x[end] - x[begin] >= least]
    # once more: a spike between two stretches is flat at its top, too short to count
    return _joined_at_equal_height(y, long, thresholds.separation)


def _joined_at_equal_height(y: np.ndarray, runs: list[tuple[int, int]], separation: float) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in runs:
        if joined and abs(_height(y, begin, end) - _height(y, *joined[-1])) < separation:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _joined_where_gap_is_no_steeper(
    x: np.ndarray, y: np.ndarray, parts: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    steepness = np.abs(np.gradient(y, x))
    groups = [parts[0]]
    for begin, end in parts[1:]:
        a, b = groups[-1]
        beside = max(np.median(steepness[a : b + 1]), np.median(steepness[begin : end + 1]))
        if steepness[b : begin + 1].max() > _FLATTER * beside:
            groups.append((begin, end))
        else:
            groups[-1] = (a, end)
    return groups


def _height(y: np.ndarray, first: int, last: int) -> float:
    return float(np.median(y[first : last + 1]))


def steepest(x: np.ndarray, y: np.ndarray, grid: np.ndarray, on_grid: np.ndarray, first: int, last: int) -> float:
    """Return the x between two points of the grid at which y, with the values `on_grid`, falls fastest.

    The even grid finds the top of the rate. A quartic through the cells near it gives its place; where the
    fall fits into a few cells, the curve's own points tell where it crosses half way.
    """
    rate = -np.diff(on_grid[first : last + 1])
    top = int(np.argmax(rate))
    step = grid[1] - grid[0]
    for level in (0.8, 0.5):  # the nearer the top, the less its skew matters
        low = high = top
        while low > 0 and rate[low - 1] > level * rate[top]:
            low -= 1
        while high < rate.size - 1 and rate[high + 1] > level * rate[top]:
            high += 1
        if high - low >= 6:
            place = np.linspace(-1, 1, high - low + 1)
            quartic = np.polynomial.Polynomial.fit(place, rate[low : high + 1], 4, domain=[-1, 1])
            fine = np.linspace(-1, 1, 1001)
            best = float(fine[np.argmax(quartic(fine))])
            return float(grid[first] + ((low + high + 1) / 2 + best * (high - low) / 2) * step)
    middle = grid[first] + (top + 0.5) * step
    return crossing(x, y, max(middle - 1.5 * step, x[0]), min(middle + 1.5 * step, x[-1]))


def crossing(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    """Return where y first crosses the middle of its values at `low` and `high`, linear between points.

    >>> crossing(np.array([0.0, 1.0, 2.0, 3.0]), np.array([4.0, 4.0, 0.0, 0.0]), 0.0, 3.0)
    1.5
    """
    ends = np.interp([low, high], x, y)
    inside = (x > low) & (x < high)
    xs = np.concatenate(([low], x[inside], [high]))
    ys = np.concatenate((ends[:1], y[inside], ends[1:])) - ends.mean()
    turns = np.flatnonzero((np.sign(ys[:-1]) * np.sign(ys[1:]) <= 0) & (ys[:-1] != ys[1:]))
    if turns.size == 0:
        return (low + high) / 2
    i = int(turns[0])
    return float(xs[i] + (xs[i + 1] - xs[i]) * ys[i] / (ys[i] - ys[i + 1]))
