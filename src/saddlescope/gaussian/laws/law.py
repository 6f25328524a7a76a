"""Laws of the initial second layer: Gauss rules for the infinite-width limit, samples for finite networks.

`sample(n, seed)` draws from numpy.random.default_rng(seed) (PCG64), one number a draw in order, so that a
longer sample starts with the shorter one; a numpy Generator may be given instead of a seed and is advanced.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.special
from jaxtyping import Float

from saddlescope.arguments import ArgumentError, count, finite, positive, vector
from saddlescope.gaussian.laws.gauss_rules import hermite_rule, legendre_rule
from saddlescope.memory import check_fits

Seed = int | np.random.Generator
MOST_NODES = 16384


class Law(abc.ABC):
    """A law of real numbers with all moments."""

    @property
    @abc.abstractmethod
    def mean(self) -> float:
        """E a."""

    @property
    @abc.abstractmethod
    def variance(self) -> float:
        """E a^2 - (E a)^2."""

    @property
    def second_moment(self) -> float:
        """E a^2."""
        return self.variance + self.mean**2

    @property
    @abc.abstractmethod
    def bounded(self) -> bool:
        """Whether |a| has an upper bound."""

    @property
    @abc.abstractmethod
    def atoms(self) -> int | None:
        """The number of values it takes, None for a law with a density."""

    @abc.abstractmethod
    def _rule(self, n: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]: ...

    @abc.abstractmethod
    def quantile(self, u: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the quantiles of levels `u` in (0, 1), of the shape of `u`."""

    def rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return nodes in rising order and weights of the Gauss rule, exact for polynomials to degree 2n - 1.

        A law of finitely many values gives these and their probabilities, whatever `n` is.

        Args:
            n: number of nodes, 1 to 16384.

        Returns:
            Nodes and weights, read-only, each of shape (n,) or (atoms,); the weights sum to one.

        Raises:
            ArgumentError: if `n` is not a whole number from 1 to 16384.
        """
        return self._rule(count("n", n, most=MOST_NODES))

    def sample(self, n: int, seed: Seed) -> np.ndarray:
        """Return `n` independent draws, shape (n,), from the stream numpy.random.default_rng(seed).

        Raises:
            ArgumentError: if `n` is not a whole number of at least 1, or `seed` no seed.
        """
        size = count("n", n)
        check_fits(2.0 * size, n=size)
        if not isinstance(seed, np.random.Generator):
            seed = np.random.default_rng(count("seed", seed, least=0))
        return self.quantile(seed.random(size))


@dataclass(frozen=True)
class Uniform(Law):
    """The uniform law on [low, high].

    >>> Uniform(-1, 1).variance
    0.3333333333333333
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        assign(self, low=finite("low", self.low), high=finite("high", self.high))
        refuse_empty(self.low, self.high)

    @property
    def mean(self) -> float:
        """The middle."""
        return 0.5 * (self.low + self.high)

    @property
    def variance(self) -> float:
        """(high - low)^2 / 12."""
        return (self.high - self.low) ** 2 / 12.0

    @property
    def bounded(self) -> bool:
        """True."""
        return True

    @property
    def atoms(self) -> None:
        """None."""

    def _rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, w = legendre_rule(n)
        return frozen(self.mean + 0.5 * (self.high - self.low) * x), w

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles of levels `u`."""
        return self.low + (self.high - self.low) * u


@dataclass(frozen=True)
class Normal(Law):
    """The Gaussian law; `std` is its standard deviation.

    >>> Normal(1.0, 2.0).second_moment
    5.0
    """

    mean: float = 0.0  # pyright: ignore[reportIncompatibleMethodOverride]
    std: float = 1.0

    def __post_init__(self) -> None:
        assign(self, mean=finite("mean", self.mean), std=positive("std", self.std))

    @property
    def variance(self) -> float:
        """std^2."""
        return self.std**2

    @property
    def bounded(self) -> bool:
        """False."""
        return False

    @property
    def atoms(self) -> None:
        """None."""

    def _rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, w = hermite_rule(n)
        return frozen(self.mean + self.std * x), w

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles of levels `u`."""
        # random() can be 0 but not 1
        return self.mean + self.std * scipy.special.ndtri(np.maximum(u, 2.0**-54))


@dataclass(frozen=True)
class Rademacher(Law):
    """The law of a fair sign times `scale`.

    >>> Rademacher().rule(100)
    (array([-1.,  1.]), array([0.5, 0.5]))
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        assign(self, scale=positive("scale", self.scale))

    @property
    def mean(self) -> float:
        """0."""
        return 0.0

    @property
    def variance(self) -> float:
        """scale^2."""
        return self.scale**2

    @property
    def bounded(self) -> bool:
        """True."""
        return True

    @property
    def atoms(self) -> int:
        """2."""
        return 2

    def _rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return frozen(np.asarray([-self.scale, self.scale])), frozen(np.asarray([0.5, 0.5]))

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles of levels `u`."""
        return np.where(u < 0.5, -self.scale, self.scale)


@dataclass(frozen=True)
class PointMasses(Law):
    """The law of finitely many values, kept in rising order; equal weights if none are given.

    >>> PointMasses([0.5, -1.0], [0.25, 0.75]).mean
    -0.625
    """

    points: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        points = vector("points", self.points)
        if np.unique(points).size < points.size:
            raise ArgumentError("points", "hold each value once", points.tolist())
        equal = np.full(points.size, 1.0 / points.size)
        weights = equal if self.weights is None else vector("weights", self.weights)
        if weights.size != points.size:
            raise ArgumentError("weights", f"have one entry for each of the {points.size} points", weights.tolist())
        if weights.min() < 0.0 or abs(weights.sum() - 1.0) > 1e-12:
            raise ArgumentError("weights", "be non-negative and sum to one", weights.tolist())
        order = np.argsort(points)
        assign(self, points=tuple(points[order].tolist()), weights=tuple(weights[order].tolist()))

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return frozen(np.asarray(self.points)), frozen(np.asarray(self.weights))

    @property
    def mean(self) -> float:
        """sum_i weights_i points_i."""
        x, w = self._arrays
        return float(w @ x)

    @property
    def variance(self) -> float:
        """sum_i weights_i (points_i - mean)^2."""
        x, w = self._arrays
        return float(w @ (x - self.mean) ** 2)

    @property
    def bounded(self) -> bool:
        """True."""
        return True

    @property
    def atoms(self) -> int:
        """The number of points."""
        return len(self.points)

    def _rule(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        return self._arrays

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles of levels `u`."""
        x, w = self._arrays
        steps = np.cumsum(w) / w.sum()
        return x[np.minimum(np.searchsorted(steps, u, side="right"), np.flatnonzero(w).max())]


def assign(law: Law, **fields: object) -> None:
    """Set fields of a frozen dataclass while it is made."""
    for name, value in fields.items():
        object.__setattr__(law, name, value)


def refuse_empty(low: float, high: float) -> None:
    """Refuse an interval without inside."""
    if not low < high:
        raise ArgumentError("high", f"be greater than `low` = {low!r}", high)


def frozen(array: np.ndarray) -> np.ndarray:
    """Return the array, now read-only: rules are shared."""
    array.flags.writeable = False
    return array
