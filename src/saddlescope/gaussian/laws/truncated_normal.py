"""The Gaussian law cut off at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import scipy.special

from saddlescope.arguments import finite, positive
from saddlescope.gaussian.laws.gauss_rules import legendre_rule, rule_from_measure
from saddlescope.gaussian.laws.law import Law, assign, frozen, refuse_empty

_MOST_GAUSS_NODES = 4096


@dataclass(frozen=True, init=False, repr=False)
class TruncatedNormal(Law):
    """The law of a Gaussian of this mean and standard deviation, given that it lies in [low, high].

    The arguments `mean` and `std` are the parent's; the law's own are `law.mean` and `law.variance`.
    Above 4096 nodes `rule` is the Legendre rule with the density in its weights: not quite a Gauss rule, but
    as good to rounding for polynomials to degree 2n - 120 - 14 (high - low) / std.

    >>> TruncatedNormal(0.0, 1.0, low=-1.0, high=1.0)
    TruncatedNormal(mean=0.0, std=1.0, low=-1.0, high=1.0)
    """

    parent_mean: float
    parent_std: float
    low: float
    high: float

    def __init__(self, mean: float, std: float, low: float, high: float) -> None:
        assign(self, parent_mean=finite("mean", mean), parent_std=positive("std", std))
        assign(self, low=finite("low", low), high=finite("high", high))
        refuse_empty(self.low, self.high)

    def __repr__(self) -> str:
        parent = f"mean={self.parent_mean!r}, std={self.parent_std!r}"
        return f"TruncatedNormal({parent}, low={self.low!r}, high={self.high!r})"

    @property
    def _ends(self) -> tuple[float, float]:
        """The interval in units of the parent."""
        return (self.low - self.parent_mean) / self.parent_std, (self.high - self.parent_mean) / self.parent_std

    def _with_density(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a Legendre rule with the density in the weights, in units of the parent."""
        a, b = self._ends
        peak = min(max(a, 0.0), b)
        # beyond, the density is below exp(-700) of its maximum
        edge = np.sqrt(peak * peak + 1400.0)
        a, b = max(a, -edge), min(b, edge)
        x, w = legendre_rule(n)
        t = 0.5 * (a + b) + 0.5 * (b - a) * x
        w = w * np.exp(0.5 * (peak - t) * (peak + t))
        return t, w / w.sum()

    @property
    def _margin(self) -> int:
        """Nodes that the density takes in addition to those of a polynomial."""
        a, b = self._ends
        return 60 + int(7.0 * min(b - a, 80.0))

    @cached_property
    def _moments(self) -> tuple[float, float]:
        t, w = self._with_density(2 * self._margin)
        mean = float(w @ t)
        return mean, float(w @ (t - mean) ** 2)

    @property
    def mean(self) -> float:
        """E a, of the truncated law."""
        return self.parent_mean + self.parent_std * self._moments[0]

    @property
    def variance(self) -> float:
        """Of the truncated law."""
        return self.parent_std**2 * self._moments[1]

    @property
    def bounded(self) -> bool:
        """True."""
        return True

    @property
    def atoms(self) -> None:
        """None."""

    def _rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        t, w = _truncated_rule(self, n)
        return frozen(self.parent_mean + self.parent_std * t), w

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles of levels `u`."""
        a, b = self._ends
        sign = 1.0
        if a > 0.0:
            # in the lower tail probabilities keep their relative accuracy
            a, b, u, sign = -b, -a, 1.0 - u, -1.0
        u = np.clip(u, 2.0**-54, 1.0 - 2.0**-53)
        log_cdf = np.logaddexp(np.log(u) + scipy.special.log_ndtr(b), np.log1p(-u) + scipy.special.log_ndtr(a))
        draws = self.parent_mean + sign * self.parent_std * scipy.special.ndtri_exp(log_cdf)
        return np.clip(draws, self.low, self.high)


@lru_cache(maxsize=16)
def _truncated_rule(law: TruncatedNormal, n: int) -> tuple[np.ndarray, np.ndarray]:
    if n > _MOST_GAUSS_NODES:
        t, w = law._with_density(n)
    else:
        t, w = rule_from_measure(*law._with_density(n + law._margin), n)
    return frozen(t), frozen(w)
