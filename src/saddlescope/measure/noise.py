"""Noise of a curve whose trend is unknown: its size, where it is larger, and how long it remembers."""

from __future__ import annotations

import itertools

import numpy as np

_MAD = 1.482602218505602  # standard deviation of a normal law over its median absolute deviation


def pseudo_residuals(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance of each inner point from the chord of its neighbours, on the scale of the noise.

    Arguments: `x` of shape (T,), strictly increasing; `y` of shape (T,).
    With a and b the weights of the chord, e_i = (a y_{i-1} + b y_{i+1} - y_i) / sqrt(a² + b² + 1): white
    noise of variance s² on a straight line gives variance s² whatever the spacing (Gasser, Sroka,
    Jennen-Steinmetz, Biometrika 73, 1986).

    >>> pseudo_residuals(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0])).round(3)
    array([-0.816])
    """
    a = (x[2:] - x[1:-1]) / (x[2:] - x[:-2])
    chord = a * y[:-2] + (1 - a) * y[2:]
    return (chord - y[1:-1]) / np.sqrt(a**2 + (1 - a) ** 2 + 1)


def noise_level(residuals: np.ndarray) -> float:
    """Return the standard deviation of residuals, robust to drops and spikes in under half of them.

    >>> round(noise_level(np.array([-1.0, 1.0, -1.0, 1.0, 1e6])), 3)
    1.483
    """
    return float(_MAD * np.median(np.abs(residuals)))


def local_noise(residuals: np.ndarray, index: np.ndarray, least: int = 32) -> np.ndarray:
    """Return the standard deviation around each residual, from medians over at least `least` of them.

    Arguments: `residuals` and the bin `index` of each, both of shape (T,).
    Noise of a fixed size on a falling value grows in the logarithm, so one number for the whole curve is
    not enough.
    """
    ends = np.cumsum(np.bincount(index))
    edges = [0]
    for end in ends:
        if end - edges[-1] >= least:
            edges.append(int(end))
    if len(edges) == 1 or residuals.size - edges[-1] >= least:
        edges.append(residuals.size)
    edges[-1] = residuals.size
    levels = np.array([noise_level(residuals[a:b]) for a, b in itertools.pairwise(edges)])
    middles = np.array([index[(a + b - 1) // 2] for a, b in itertools.pairwise(edges)])
    return np.interp(index, middles, levels)


def lag_one(residuals: np.ndarray) -> float:
    """Return the lag-1 autocorrelation of residuals, robust to a few outliers.

    From the robust spreads of sums and differences of neighbours: (S₊² - S₋²) / (S₊² + S₋²) (Gnanadesikan
    and Kettenring, Biometrics 28, 1972).

    >>> white = np.random.default_rng(0).standard_normal(5001)
    >>> abs(lag_one(white)) < 0.05, abs(lag_one(white[1:] + white[:-1]) - 0.5) < 0.05
    (True, True)
    """
    later, earlier = residuals[1:], residuals[:-1]
    plus, minus = noise_level(later + earlier) ** 2, noise_level(later - earlier) ** 2
    return (plus - minus) / (plus + minus) if plus + minus > 0 else 0.0
