"""Exponents p of power laws T ∝ ε^p, with confidence intervals: over the data, and for ε → 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, fraction, numbers_of, vector


@dataclass(frozen=True)
class Exponent:
    """An exponent with its confidence interval.

    value, low, high: of p in T ∝ ε^p; confidence: level of the interval; intercept: log T - p log ε (ε →
    0).
    spread: standard deviation of log T about the fit; points: number of pairs used.
    correction, correction_power: b and q of the factor (1 + b ε^q), nan where none was fitted.
    """

    value: float
    low: float
    high: float
    confidence: float
    intercept: float
    spread: float
    points: int
    correction: float = math.nan
    correction_power: float = math.nan
    doubts: tuple[str, ...] = ()

    def contains(self, exponent: float) -> bool:
        """Whether the interval contains an exponent."""
        return self.low <= exponent <= self.high

    def __str__(self) -> str:
        width = self.high - self.low
        places = int(np.clip(2 - math.floor(math.log10(width)), 2, 9)) if width > 0 else 9
        value, low, high = (f"{number:.{places}f}" for number in (self.value, self.low, self.high))
        head = f"{value} in [{low}, {high}] ({100 * self.confidence:g} %, {self.points} points)"
        return "\n".join([head, *(f"! {doubt}" for doubt in self.doubts)])

    __repr__ = __str__


def scaling_data(epsilon: Any, times: Any, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return log ε, rising, and log T, both of shape (n,); refuse fewer than `least` distinct positive ε."""
    eps, values = vector("epsilon", epsilon), _times(times)
    if values.size != eps.size:
        raise ArgumentError("times", f"have one entry for each of the {eps.size} values of epsilon", values.size)
    for argument, array in (("epsilon", eps), ("times", values)):
        if np.any(array <= 0):
            raise ArgumentError(argument, "be positive", float(array[array <= 0][0]))
    if np.unique(eps).size < least:
        raise ArgumentError("epsilon", f"hold at least {least} different values", np.unique(eps).size)
    order = np.argsort(eps, kind="stable")
    return np.log(eps[order]), np.log(values[order])


def _times(times: Any) -> np.ndarray:
    # a degree that is never learnt has the time nan; leaving it out here would hide it
    try:
        return vector("times", times)
    except ArgumentError as refused:
        if np.any(np.isnan(numbers_of("times", times))):
            raise ArgumentError("times", "hold finite numbers only (nan marks what was never learnt)", times) from None
        raise refused


def exponent(epsilon: Any, times: Any, *, confidence: float = 0.95) -> Exponent:
    """Return the exponent p of T = C ε^p by least squares in logarithms, with its Student interval.

    Arguments: `epsilon` and `times` of shape (n,), n >= 3, positive; `confidence` strictly between 0 and
    1. log T = p log ε + c, interval p ± t_{n-2} s / sqrt(Σ (log ε - mean)²). The interval takes the
    scatter for independent errors; times without scatter that bend away from a power law need
    `asymptotic_exponent`.

    Raises: ArgumentError for values that are not positive, lengths that differ, or fewer than 3 different
    ε.

    >>> exponent([1e-2, 1e-4, 1e-6], [0.2, 0.02, 0.002]).value.__round__(6)
    0.5
    """
    level = fraction("confidence", confidence)
    x, y = scaling_data(epsilon, times, 3)
    centred = x - x.mean()
    width = centred @ centred
    value = float(centred @ y / width)
    residuals = y - y.mean() - value * centred
    dof = x.size - 2
    spread = math.sqrt(float(residuals @ residuals) / dof)
    from scipy.special import stdtrit

    margin = float(stdtrit(dof, 0.5 + level / 2)) * spread / math.sqrt(width)
    intercept = float(y.mean() - value * x.mean())
    return Exponent(value, value - margin, value + margin, level, intercept, spread, x.size)


def local_exponents(epsilon: Any, times: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the ε half way, in logarithm, between neighbours, and d log T / d log ε between these.

    Arguments: `epsilon` and `times` of shape (n,), n >= 2, positive; returns two arrays of shape (n -
    1,), ε rising.

    Raises: ArgumentError for values that are not positive, lengths that differ, or an ε that comes twice.

    >>> middles, slopes = local_exponents([1e-2, 1e-4, 1e-6], [0.2, 0.02, 0.002])
    >>> middles.round(6), slopes.round(6)
    (array([1.e-05, 1.e-03]), array([0.5, 0.5]))
    """
    x, y = scaling_data(epsilon, times, 2)
    if np.any(np.diff(x) == 0):
        raise ArgumentError("epsilon", "hold no value twice", np.exp(x).tolist())
    return np.exp((x[:-1] + x[1:]) / 2), np.diff(y) / np.diff(x)
