"""Weighted partition of a noisy curve into flat and sloped pieces by dynamic programming in log time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bins:
    """A curve averaged over equal bins of log time; empty bins are left out.

    x, y: mean of the points' x and median of their y, shape (N,); count: number of points, shape (N,).
    index: bin of each point, shape (T,); first, last: x of the first and last point, shape (N,).
    """

    x: np.ndarray
    y: np.ndarray
    count: np.ndarray
    index: np.ndarray
    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Piece:
    """One piece of a partition: bins `first`..`last`, both inside, on the line intercept + slope · x."""

    first: int
    last: int
    flat: bool
    intercept: float
    slope: float


def bin_curve(x: np.ndarray, y: np.ndarray, bins: int) -> Bins:
    """Return the medians of y over `bins` equal bins of x; arguments of shape (T,), x strictly increasing."""
    place = np.minimum(((x - x[0]) / (x[-1] - x[0]) * bins).astype(int), bins - 1)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    count = np.diff(starts, append=x.size)
    index = np.repeat(np.arange(starts.size), count)
    ordered = y[np.lexsort((y, index))]
    # the median of each bin, without a loop over bins
    low, high = starts + (count - 1) // 2, starts + count // 2
    middle = (ordered[low] + ordered[high]) / 2
    centre = np.add.reduceat(x, starts) / count
    return Bins(centre, middle, count, index, x[starts], x[starts + count - 1])


def partition(bins: Bins, variance: np.ndarray, *, slope: float, least_decades: float, penalty: float) -> list[Piece]:
    """Return the partition into lines that minimises the weighted squares plus a price for every piece.

    Sum over pieces of Σ (y_i - line_i)² / variance_i + penalty · log N · (parameters of the piece). A
    flat piece has a line of slope at most `slope` in size, spans at least `least_decades` and costs 2
    parameters; a sloped one is free and costs 3. The exact minimum comes from dynamic programming over
    the N bins, O(N²) (Bellman and Roth, 1969; Jackson et al., 2005).
    """
    n = bins.x.size
    flat_cost, free_cost, flat_line, free_line = _segment_costs(bins, variance, slope)
    end, start = bins.last[None, :], bins.first[:, None]
    flat_cost = np.where(end - start >= least_decades, flat_cost, np.inf)
    price = penalty * np.log(n)
    flat_total, free_total = flat_cost + 2 * price, free_cost + 3 * price
    best_segment = np.minimum(flat_total, free_total)
    best = np.zeros(n + 1)
    source = np.zeros(n, dtype=int)
    for j in range(n):
        candidates = best[: j + 1] + best_segment[: j + 1, j]
        source[j] = np.argmin(candidates)
        best[j + 1] = candidates[source[j]]
    pieces: list[Piece] = []
    j = n - 1
    while j >= 0:
        i = int(source[j])
        flat = bool(flat_total[i, j] <= free_total[i, j])
        intercept, gradient = (flat_line if flat else free_line)[:, i, j]
        pieces.append(Piece(i, j, flat, float(intercept), float(gradient)))
        j = i - 1
    return pieces[::-1]


def _segment_costs(
    bins: Bins, variance: np.ndarray, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weighted squares about the flat and the free line of every segment [i, j], and the lines."""
    x, y = bins.x - bins.x.mean(), bins.y - bins.y.mean()
    w = 1 / variance

    def sums(values: np.ndarray) -> np.ndarray:
        total = np.concatenate(([0.0], np.cumsum(values)))
        return total[None, 1:] - total[:-1, None]

    # below the diagonal stand segments that end before they start: computed, then priced infinite
    with np.errstate(divide="ignore", invalid="ignore"):
        s = sums(w)
        sx, sy = sums(w * x) / s, sums(w * y) / s
        sxx = np.maximum(sums(w * x * x) - s * sx**2, 0)
        sxy = sums(w * x * y) - s * sx * sy
        syy = np.maximum(sums(w * y * y) - s * sy**2, 0)
        free = np.where(sxx > 1e-12 * s, sxy / sxx, 0.0)
        flat = np.clip(free, -slope, slope)
        upper = np.triu(np.ones(s.shape, dtype=bool))

        def cost(gradient: np.ndarray) -> np.ndarray:
            squares = syy - 2 * gradient * sxy + gradient**2 * sxx
            return np.where(upper, np.maximum(squares, 0), np.inf)

        def line(gradient: np.ndarray) -> np.ndarray:
            height = sy + bins.y.mean() - gradient * (sx + bins.x.mean())
            return np.stack([height, gradient])

        return cost(flat), cost(free), line(flat), line(free)
