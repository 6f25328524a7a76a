"""Noise of a curve whose trend is unknown: its size, where it is larger, and how long it remembers."""

from __future__ import annotations

import itertools

import numpy as np

_BEND = 0.05  # noise of neighbours over that of residuals; 0.08 for noise of lag-1 autocorrelation 0.99
_REACH = 0.05  # of the axis of time, and of the values: what a spike exceeds in height and not in length
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


def _chunks(index: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Ranges of whole bins that hold at least `least` points each; what is left over joins the last."""
    ends = np.cumsum(np.bincount(index))
    edges = [0]
    for end in ends.tolist():
        if end - edges[-1] >= least:
            edges.append(end)
    edges[-1 if len(edges) > 1 and index.size - edges[-1] < least else len(edges) :] = [index.size]
    return list(itertools.pairwise(edges))


def without_spikes(x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return y with what leaves its surroundings for a short while replaced by their median (Hampel's rule).

    Arguments: `x` and `y` of shape (N,), x increasing; `sigma`, the standard deviation of each y.
    Steps stay: a median does not move them. Surroundings reach 0.05 to either side and hold five values at least.

    >>> y = np.ones(21)
    >>> y[9:11] = 5.0
    >>> without_spikes(np.linspace(0, 0.3, 21), y, np.full(21, 0.1)).tolist() == [1.0] * 21
    True
    """
    low, high = np.searchsorted(x, x - _REACH), np.searchsorted(x, x + _REACH, side="right")
    calm = y.copy()
    for i in np.flatnonzero(high - low >= 5):
        middle = np.median(y[low[i] : high[i]])
        if abs(y[i] - middle) > max(5 * sigma[i], _REACH):
            calm[i] = middle
    return calm


def level_over_bins(residuals: np.ndarray, index: np.ndarray, quantile: float, least: int = 16) -> float:
    """Return a quantile over time, and not over points, of the standard deviation of residuals.

    Arguments: `residuals` and the bin `index` of each, both of shape (T,). Linear logging puts most points on the quiet
    end of a curve, whose noise is not that of its beginning. Time counts by its bins.

    >>> noise = np.concatenate((np.tile([1.0, -1.0], 50), np.zeros(900)))
    >>> noise_level(noise), level_over_bins(noise, np.repeat(np.arange(10), [20] * 5 + [180] * 5), 0.5) > 0.5
    (0.0, True)
    """
    levels, sizes = [], []
    for a, b in _chunks(index, least):
        levels.append(noise_level(residuals[a:b]))
        sizes.append(index[b - 1] - index[a] + 1)
    order = np.argsort(levels)
    place = (np.cumsum(np.array(sizes)[order]) - 0.5 * np.array(sizes)[order]) / np.sum(sizes)
    return float(np.interp(quantile, place, np.array(levels)[order]))


def memory_over_bins(residuals: np.ndarray, inner: np.ndarray, index: np.ndarray, least: int = 128) -> float:
    """Return the lag-1 autocorrelation as the median over bins of time.

    Arguments: `residuals` of a fit, the pseudo-residuals `inner` and the bin `index` of each, all of shape (T,).
    Where neighbours agree far better than the fit does, the residuals are a bend that lines do not follow, and no
    noise that remembers.
    """
    results = []
    for a, b in _chunks(index, least):
        if noise_level(inner[a:b]) > _BEND * noise_level(residuals[a:b]):
            results.append(lag_one(residuals[a:b]))
    return float(np.median(results)) if results else 0.0


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
