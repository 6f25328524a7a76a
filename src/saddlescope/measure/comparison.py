"""Measured times beside predicted ones, over a range of ε."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, positive, vector
from saddlescope.measure.asymptotic import asymptotic_exponent
from saddlescope.measure.exponents import Exponent, exponent, scaling_data


@dataclass(frozen=True)
class Comparison:
    """Measured over predicted times.

    epsilon, ratio: shape (n,), ε rising; exponent: of ratio ∝ ε^p, so 0 where the prediction has the
    right exponent; it is for ε → 0 where there are at least 6 values of ε, else over the data.
    trend: of |ratio - 1| ∝ ε^p, positive where the ratio tends to 1; None where a ratio is exactly 1.
    """

    epsilon: np.ndarray
    ratio: np.ndarray
    exponent: Exponent
    trend: Exponent | None

    @property
    def deviation(self) -> np.ndarray:
        """|ratio - 1| at each ε, shape (n,)."""
        return np.abs(self.ratio - 1)

    @property
    def finest(self) -> float:
        """The ratio at the smallest ε."""
        return float(self.ratio[0])

    def agrees(self, tolerance: float) -> bool:
        """Whether the ratio at the smallest ε is within `tolerance` of 1."""
        return bool(self.deviation[0] <= positive("tolerance", tolerance))

    @property
    def converges(self) -> bool:
        """Whether |ratio - 1| surely falls as ε → 0, or is zero at the smallest ε."""
        return self.trend.low > 0 if self.trend is not None else bool(self.deviation[0] == 0)

    def __str__(self) -> str:
        rows = [f"{'epsilon':>10}  measured / predicted"]
        rows += [f"{e:10.1e}  {r:.6g}" for e, r in zip(self.epsilon, self.ratio, strict=True)]
        rows.append(f"exponent of the ratio: {self.exponent}")
        if self.trend is not None:
            rows.append(f"exponent of |ratio - 1|: {self.trend}")
        return "\n".join(rows)

    __repr__ = __str__


def compare_times(epsilon: Any, times: Any, predicted: Any, *, confidence: float = 0.95) -> Comparison:
    """Return measured over predicted times at each ε, with the trend of the ratio as ε → 0.

    Arguments: `epsilon`, `times`, `predicted` of shape (n,), n >= 3, positive.
    A prediction with a logarithm, as t₁ = ε^{1/2} log(C ε^{-1/2}) / (2 |σ₁ φ₁|), has a local exponent
    that differs from 1/2 (0.469 at ε = 1e-14): the ratio tells whether a run follows it, where a bare
    power law would not.

    Raises: ArgumentError for values that are not positive, lengths that differ, or fewer than 3 different
    ε.

    >>> import numpy as np
    >>> eps = np.logspace(-12, -4, 9)
    >>> result = compare_times(eps, eps**0.5 * (1 + 0.1 * eps**0.25), eps**0.5)
    >>> result.agrees(1e-3), result.converges, round(result.trend.value, 6)
    (True, True, 0.25)
    """
    x, y = scaling_data(epsilon, times, 3)
    guess = vector("predicted", predicted)
    if guess.size != x.size:
        raise ArgumentError("predicted", f"have one entry for each of the {x.size} values of epsilon", guess.size)
    if np.any(guess <= 0):
        raise ArgumentError("predicted", "be positive", float(guess[guess <= 0][0]))
    order = np.argsort(vector("epsilon", epsilon), kind="stable")
    eps, log_ratio = np.exp(x), y - np.log(guess[order])
    ratio = np.exp(log_ratio)
    away = np.abs(np.expm1(log_ratio))
    trend = exponent(eps, away, confidence=confidence) if math.isfinite(away.max()) and np.all(away > 0) else None
    of_ratio = (asymptotic_exponent if np.unique(eps).size >= 6 else exponent)(eps, ratio, confidence=confidence)
    return Comparison(eps, ratio, of_ratio, trend)
