"""Weighted partition of a noisy curve into flat and sloped pieces by dynamic programming in log time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BLOCK = 2**17  # segments priced at once


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
    the N bins, O(N²) in time and O(N) in memory (Bellman and Roth, 1969; Jackson et al., 2005).
    """
    n = bins.x.size
    segments = _Segments(bins, variance, slope, least_decades, penalty * np.log(n))
    best = np.zeros(n + 1)
    source = np.zeros(n, dtype=int)
    width = max(_BLOCK // n, 1)
    for begin in range(0, n, width):
        end = min(begin + width, n)
        flat, free = segments.totals(np.arange(end)[:, None], np.arange(begin, end)[None, :])
        cheapest = np.minimum(flat, free)
        for j in range(begin, end):
            candidates = best[: j + 1] + cheapest[: j + 1, j - begin]
            source[j] = np.argmin(candidates)
            best[j + 1] = candidates[source[j]]
    pieces: list[Piece] = []
    j = n - 1
    while j >= 0:
        i = int(source[j])
        pieces.append(segments.piece(i, j))
        j = i - 1
    return pieces[::-1]


class _Segments:
    """Price of every segment [i, j] of bins on its flat and on its free line, from running sums."""

    def __init__(self, bins: Bins, variance: np.ndarray, slope: float, least_decades: float, price: float):
        self.bins, self.slope, self.least, self.price = bins, slope, least_decades, price
        self.centre = (bins.x.mean(), bins.y.mean())
        x, y = bins.x - self.centre[0], bins.y - self.centre[1]
        w = 1 / variance
        rows = (w, w * x, w * y, w * x * x, w * x * y, w * y * y)
        self.sums = [np.concatenate(([0.0], np.cumsum(row))) for row in rows]

    def _moments(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
        s, sx, sy, sxx, sxy, syy = (total[j + 1] - total[i] for total in self.sums)
        sx, sy = sx / s, sy / s
        sxx = np.maximum(sxx - s * sx**2, 0)
        free = np.where(sxx > 1e-12 * s, (sxy - s * sx * sy) / sxx, 0.0)
        return sx, sy, sxx, sxy - s * sx * sy, np.maximum(syy - s * sy**2, 0), free

    def totals(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Price of the segments [i, j] as a flat and as a sloped piece, infinite where there is none."""
        # segments that end before they start are computed, then priced infinite
        with np.errstate(divide="ignore", invalid="ignore"):
            _, _, sxx, sxy, syy, free = self._moments(i, j)
            flat = np.clip(free, -self.slope, self.slope)
            flat_cost, free_cost = (np.maximum(syy - 2 * g * sxy + g**2 * sxx, 0) for g in (flat, free))
        long = self.bins.last[j] - self.bins.first[i] >= self.least
        flat_total = np.where((i <= j) & long, flat_cost + 2 * self.price, np.inf)
        return flat_total, np.where(i <= j, free_cost + 3 * self.price, np.inf)

    def piece(self, i: int, j: int) -> Piece:
        """The cheaper of the two pieces over bins i..j."""
        first, last = np.array([i]), np.array([j])
        flat_total, free_total = self.totals(first, last)
        with np.errstate(divide="ignore", invalid="ignore"):
            sx, sy, _, _, _, free = self._moments(first, last)
        flat = bool(flat_total[0] <= free_total[0])
        gradient = float(np.clip(free[0], -self.slope, self.slope) if flat else free[0])
        intercept = float(sy[0] + self.centre[1] - gradient * (sx[0] + self.centre[0]))
        return Piece(i, j, flat, intercept, gradient)
