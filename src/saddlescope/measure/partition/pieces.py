"""Plateaus of a noisy curve: its partition, refitted until the noise and its memory are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from saddlescope.measure.noise import (
    lag_one,
    level_over_bins,
    local_noise,
    memory_over_bins,
    noise_level,
    pseudo_residuals,
    without_spikes,
)
from saddlescope.measure.partition.lines import Bins, Piece, bin_curve, partition
from saddlescope.measure.slopes import Thresholds, parted

# Price of one parameter in units of log(number of bins); BIC would be 1. Tuned on synthetic ladders.
PENALTY = 1.5
ROUGHNESS = 0.003  # decades (or fractions of the range) by which a real curve departs from straight lines
_MEDIAN = np.pi / 2  # variance of a median over that of a mean, for many normal values
# The noise of round 1 comes from neighbours only; rounds 2 and 3 see the residuals and their memory.
_ROUNDS = 3
# Residuals behind each local level of noise. Under linear logging the first stretch of a curve has few points, and
# more of them would mix its noise with the drop that ends it.
_LEAST, _LEAST_BY_BINS = 32, 12


@dataclass(frozen=True)
class Fit:
    """A partition with the noise that it leaves: typical standard deviation and lag-1 autocorrelation."""

    bins: Bins
    pieces: list[Piece]
    line: np.ndarray
    noise: float
    correlation: float


def fit_pieces(
    x: np.ndarray, y: np.ndarray, *, slope: float, least_decades: float, bins: int, by_bins: bool = False
) -> Fit:
    """Return the partition of (x, y) with its noise; x and y of shape (T,).

    The variance of a bin is that of one point over the count, times (1 + ρ)/(1 - ρ) for noise of lag-1
    autocorrelation ρ (the long-run variance of an AR(1) process), so that slow wandering is not taken for
    stages. `by_bins`: noise and memory are those of most bins of time, and not of most points, and spikes
    shorter than 0.05 on the axis of time are left out.
    """
    binned = raw = bin_curve(x, y, bins)
    inner = pseudo_residuals(x, y)
    whole = np.concatenate((inner[:1], inner, inner[-1:]))
    least = _LEAST_BY_BINS if by_bins else _LEAST
    sigma = local_noise(whole, binned.index, least)
    correlation, pieces, line, residuals = 0.0, [], binned.y, inner
    for _ in range(_ROUNDS):
        long_run = (1 + correlation) / (1 - correlation)
        variance = np.bincount(binned.index, weights=sigma**2) / binned.count**2
        variance = variance * np.where(binned.count > 2, _MEDIAN, 1.0) * long_run + ROUGHNESS**2
        if by_bins:
            binned = replace(raw, y=without_spikes(raw.x, raw.y, np.sqrt(variance)))
        pieces = partition(binned, variance, slope=slope, least_decades=least_decades, penalty=PENALTY)
        length = [p.last - p.first + 1 for p in pieces]
        intercept = np.repeat([p.intercept for p in pieces], length)
        gradient = np.repeat([p.slope for p in pieces], length)
        line = intercept + gradient * binned.x
        residuals = y - intercept[binned.index] - gradient[binned.index] * x
        sigma = local_noise(residuals, binned.index, least)
        scaled = residuals / np.maximum(sigma, 1e-3 * ROUGHNESS)
        memory = memory_over_bins(residuals, whole, binned.index) if by_bins else lag_one(scaled)
        correlation = float(np.clip(memory, 0.0, 0.99))
    noise = level_over_bins(residuals, binned.index, 0.5) if by_bins else noise_level(residuals)
    return Fit(binned, pieces, line, noise, correlation)


def flat_groups(fit: Fit, thresholds: Thresholds, least_points: int, far: bool = False) -> list[tuple[int, int]]:
    """Return first and last bin of each plateau: flat pieces, joined where no real step parts them.

    `far`: stretches of equal height that lie further apart than a plateau is long stay apart.
    """
    groups: list[list[Piece]] = []
    before: Piece | None = None
    for piece in fit.pieces:
        if piece.flat:
            if before is not None and before.flat and _step(fit, before, piece) < thresholds.separation:
                groups[-1].append(piece)
            else:
                groups.append([piece])
        before = piece
    joined: list[tuple[int, int]] = []
    for group in groups:
        first, last = group[0].first, group[-1].last
        # a piece pressed against the limit is the bend of a drop; alone it is no plateau
        pressed = all(abs(piece.slope) >= thresholds.slope * (1 - 1e-9) for piece in group)
        if pressed or fit.bins.count[first : last + 1].sum() < least_points:
            continue
        equal = bool(joined) and abs(_height(fit, first, last) - _height(fit, *joined[-1])) < thresholds.separation
        if equal and far:
            equal = fit.bins.first[first] - fit.bins.last[joined[-1][1]] < thresholds.least_decades
        if equal:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    x, line = fit.bins.x, fit.line
    return [part for first, last in joined for part in parted(x, line, first, last, thresholds)]


def _height(fit: Fit, first: int, last: int) -> float:
    return float(np.median(fit.line[first : last + 1]))


def _step(fit: Fit, before: Piece, after: Piece) -> float:
    """Size of the jump between two neighbouring lines, half way between their bins."""
    x = (fit.bins.x[before.last] + fit.bins.x[after.first]) / 2
    return abs(after.intercept + after.slope * x - before.intercept - before.slope * x)
