"""Flat stretches of a clean curve, from its local slope in log time."""

from __future__ import annotations

import numpy as np

_FLATTER = 3.0
_STEP = 0.01  # decades between grid points: far above a solver's smallest steps, whose noise would drown the slope


def log_grid(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve on an even grid of log time, by straight lines between its points."""
    span = x[-1] - x[0]
    size = max(int(np.ceil(span / _STEP)), 200) + 1
    grid = np.linspace(x[0], x[-1], size)
    return grid, np.interp(grid, x, y)


def flat_stretches(
    grid: np.ndarray, y: np.ndarray, *, slope: float, least_decades: float, separation: float
) -> list[tuple[int, int]]:
    """Return first and last grid index of each stretch with |dy/dx| < `slope` for at least `least_decades`.

    Neighbouring stretches whose median heights differ by less than `separation` are one: a bump or a drop between
    them too small to count does not split a plateau. A small and gradual drop, say 2 → 1.5 by relaxation at one rate,
    has no slope above 0.11 anywhere; so a stretch is parted further wherever it holds stretches that are three times
    flatter than what lies between them, and stand at distinct heights.
    """
    steepness = np.abs(np.gradient(y, grid))
    found: list[tuple[int, int]] = []
    for first, last in _runs(grid, y, steepness, slope, least_decades, separation):
        found += parted(grid, y, steepness, first, last, slope, least_decades, separation)
    return found


def _runs(
    grid: np.ndarray,
    y: np.ndarray,
    steepness: np.ndarray,
    slope: float,
    least_decades: float,
    separation: float,
    offset: int = 0,
) -> list[tuple[int, int]]:
    """Stretches flatter than `slope`, those of equal height joined, those too short left out."""
    flat = (steepness < slope).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat, [0]))))
    joined: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True):
        if joined:
            a, b = joined[-1]
            if abs(np.median(y[first : last + 1]) - np.median(y[a : b + 1])) < separation:
                joined[-1] = (a, last)
                continue
        joined.append((first, last))
    # a hair of tolerance: a stretch of exactly `least_decades` counts
    least = least_decades * (1 - 1e-9)
    return [(a + offset, b + offset) for a, b in joined if grid[b] - grid[a] >= least]


def parted(
    grid: np.ndarray,
    y: np.ndarray,
    steepness: np.ndarray,
    first: int,
    last: int,
    slope: float,
    least_decades: float,
    separation: float,
) -> list[tuple[int, int]]:
    """Part one stretch at the gradual drops that it holds; the whole stretch where it holds none."""
    begin, end, limit = first, last, slope
    while np.ptp(y[begin : end + 1]) >= separation:
        limit /= _FLATTER
        inside = slice(begin, end + 1)
        parts = _runs(grid[inside], y[inside], steepness[inside], limit, least_decades, separation, begin)
        if not parts:
            break
        if len(parts) == 1:
            begin, end = parts[0]
            continue
        groups = [parts[0]]
        for part in parts[1:]:
            a, b = groups[-1]
            gap = steepness[b : part[0] + 1].max()
            sides = max(np.median(steepness[a : b + 1]), np.median(steepness[part[0] : part[1] + 1]))
            if gap > _FLATTER * sides:
                groups.append(part)
            else:
                groups[-1] = (a, part[1])
        groups[0], groups[-1] = (first, groups[0][1]), (groups[-1][0], last)
        if len(groups) == 1:
            break
        return [
            piece
            for a, b in groups
            for piece in parted(grid, y, steepness, a, b, limit, least_decades, separation)
        ]
    return [(first, last)]


def steepest(time_log: np.ndarray, value: np.ndarray, first: int, last: int) -> int:
    """Return the index in [first, last) after which the value falls fastest per decade of time."""
    rate = -np.diff(value[first : last + 1]) / np.diff(time_log[first : last + 1])
    return first + int(np.argmax(rate))


def crossing(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    """Return where y crosses the middle of its values at `low` and `high`, on straight lines between points."""
    ends = np.interp([low, high], x, y)
    middle = ends.mean()
    inside = (x > low) & (x < high)
    xs = np.concatenate(([low], x[inside], [high]))
    ys = np.concatenate(([ends[0]], y[inside], [ends[1]])) - middle
    turns = np.flatnonzero((ys[:-1] * ys[1:] <= 0) & (ys[:-1] != ys[1:]))
    if turns.size == 0:
        return (low + high) / 2
    i = int(turns[0])
    return float(xs[i] + (xs[i + 1] - xs[i]) * ys[i] / (ys[i] - ys[i + 1]))
