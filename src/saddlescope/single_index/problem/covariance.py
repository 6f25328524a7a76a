"""Gaussian inputs by their sufficient statistics: eigenvalues of a covariance, their shares, teachers in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, count, finite, numbers_of, positive, vector
from saddlescope.memory import check_fits

_ROUNDED = 1e-9  # off one, as a sum of shares is
_NOTHING = 1e-12  # of the largest eigenvalue: what rounding leaves of a direction that data do not have
_LISTED = 6


class Covariance:
    """Inputs x ~ N(0, Sigma), Sigma by its eigenvalues: what a two-layer network feels of it.

    A neuron u is known by its parts P_b u in the eigenspaces: preactivations have covariances
    sum_b lambda_b <P_b u, P_b v>, and du_i/dt = -m dR/du_i has sqrt(lambda_b) of the input in every part. Eigenvalues
    that are equal count as one.

    Args:
        eigenvalues: lambda, of the input in its directions, from 0 on, shape (B,).
        shares: of the dimension that each eigenvalue has, or how often it occurs, shape (B,); by default all alike.
        teacher: where the teachers lie: shares |P_b v|^2 of their squared norm, one, in each eigenspace, shape (B,),
            the same for all teachers; by default those of the dimension, as an isotropic teacher has them on average.
            Or "random": drawn as isotropic directions.
        seed: of teachers that are drawn; runs of all seeds learn the same teachers.

    Raises:
        ArgumentError: if a number is negative, lengths differ, nothing varies, or teachers see nothing of the input.

    Source: Yoshida and Okada (2019), arXiv 2001.03371.

    Example:
        >>> Covariance([2.0, 0.5], shares=[1, 3])
        Covariance(2 eigenvalues from 0.5 to 2, mean 0.875)
        >>> Covariance.power_law(1.0, 4, mean=1.0).eigenvalues
        array([1.92, 0.96, 0.64, 0.48])
    """

    def __init__(
        self,
        eigenvalues: Any,
        shares: Any = None,
        *,
        teacher: Any = None,
        seed: int = 0,
    ):
        values = vector("eigenvalues", eigenvalues)
        parts = np.ones(len(values)) if shares is None else vector("shares", shares)
        _one_each("shares", parts, values)
        if values.min() < 0:
            raise ArgumentError("eigenvalues", "not be negative", float(values.min()))
        if parts.min() <= 0:
            raise ArgumentError("shares", "be positive", float(parts.min()))
        self.seed = count("seed", seed, least=0)
        weights = None if teacher is None or _drawn(teacher) else vector("teacher", teacher)
        if weights is not None:
            _one_each("teacher", weights, values)
            if weights.min() < 0 or abs(weights.sum() - 1) > 1e-6:
                raise ArgumentError("teacher", 'be "random" or hold shares from 0 on of sum one', teacher)
            weights = weights / weights.sum()
        self.eigenvalues, place = np.unique(values, return_inverse=True)
        # in the order in which they were given, so that coordinates of neurons may be given in it too
        first = np.full(len(self.eigenvalues), len(values))
        np.minimum.at(first, place, np.arange(len(values)))
        order = np.argsort(first)
        self.eigenvalues = self.eigenvalues[order]
        self.shares = np.bincount(place, parts / parts.sum())[order]
        self.weights = None if weights is None else np.bincount(place, weights)[order]
        self.drawn = _drawn(teacher)
        seen = self.shares if self.weights is None else self.weights
        if not seen @ self.eigenvalues > 0:
            raise ArgumentError("eigenvalues", "give teachers an input that varies", eigenvalues)

    @classmethod
    def power_law(
        cls, exponent: float, number: int, *, mean: float = 1.0, teacher: Any = None, seed: int = 0
    ) -> Covariance:
        """Return lambda_k proportional to k^-exponent, k = 1 ... number, all with the same share of the dimension.

        Args:
            exponent: of the decay.
            number: of eigenvalues; that of the dimension for a power law of single directions.
            mean: of the eigenvalues.
            teacher, seed: of `Covariance`.

        Raises:
            ArgumentError: if a number is refused.

        Example:
            >>> Covariance.power_law(2.0, 100)
            Covariance(100 eigenvalues from 0.00612 to 61.2, mean 1)
        """
        power = finite("exponent", exponent)
        n, size = count("number", number), positive("mean", mean)
        check_fits(4.0 * n, number=n)
        decay = np.arange(1.0, n + 1) ** -power
        return cls(size * decay / decay.mean(), teacher=teacher, seed=seed)

    @classmethod
    def of(cls, data: Any, *, teacher: Any = None, seed: int = 0) -> Covariance:
        """Return the covariance of samples about their mean, one eigenvalue a direction.

        Args:
            data: samples in rows, shape (n, d).
            teacher: a direction in these coordinates, shape (d,), of any length; or as of `Covariance`, "random" or
                None.
            seed: of teachers that are drawn.

        Raises:
            ArgumentError: if these are no samples, or do not vary.

        Example:
            >>> Covariance.of([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]], teacher=[1.0, 0.0]).weights
            array([0., 1.])
        """
        rows = numbers_of("data", data)
        if rows.ndim != 2 or len(rows) < 2 or not np.all(np.isfinite(rows)):
            raise ArgumentError("data", "hold two samples or more in rows, of finite numbers", rows.shape)
        check_fits(3.0 * rows.shape[1] ** 2, data=rows.size)
        centred = rows - rows.mean(axis=0)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
        if not values[-1] > 0:
            raise ArgumentError("data", "hold samples that differ", rows.shape)
        values = np.where(values < _NOTHING * values[-1], 0.0, values)[::-1]
        weights: Any = teacher
        if teacher is not None and not _drawn(teacher):
            direction = vector("teacher", teacher)
            _one_each("teacher", direction, values, "column of the data")
            size = np.linalg.norm(direction)
            if not size > 0:
                raise ArgumentError("teacher", "be a direction, not zero", teacher)
            weights = (vectors[:, ::-1].T @ (direction / size)) ** 2
        return cls(values, teacher=weights, seed=seed)

    @property
    def isotropic(self) -> bool:
        """Whether Sigma is the identity."""
        return len(self.eigenvalues) == 1 and float(self.eigenvalues[0]) == 1.0

    @property
    def mean(self) -> float:
        """tr Sigma / d, at infinite dimension."""
        return float(self.shares @ self.eigenvalues)

    @property
    def largest(self) -> float:
        """The largest second moment of x in a direction."""
        return float(self.eigenvalues.max())

    def directions(self, gram: np.ndarray) -> np.ndarray:
        """Return the Gram matrix of the directions that matter, those of teachers."""
        return gram

    def counts(self, dimension: float) -> np.ndarray:
        """Return how many directions each eigenvalue has in dimension d, shape (B,); inf each at d = inf.

        Shares of d that are no whole numbers are rounded, so that they add up.

        Raises:
            ArgumentError: if an eigenvalue would have none.

        Example:
            >>> Covariance([2.0, 1.0], shares=[1, 2]).counts(10)
            array([3., 7.])
        """
        if math.isinf(dimension):
            return np.full(len(self.eigenvalues), math.inf)
        exact = self.shares * dimension
        whole = np.floor(exact + _ROUNDED * dimension)
        missing = int(dimension - whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
        if whole.min() < 1:
            must = f"have a direction for each of the {len(whole)} eigenvalues (of shares {_short(self.shares)})"
            raise ArgumentError("dimension", must, int(dimension))
        return whole

    def describe(self) -> dict[str, Any]:
        """What it is, as plain values."""
        values, shares = self.eigenvalues.tolist(), self.shares.tolist()
        told: dict[str, Any] = {"eigenvalues": values, "shares": shares, "mean": self.mean}
        if self.weights is not None:
            told["teacher"] = self.weights.tolist()
        return told | ({"teacher": "random", "seed": self.seed} if self.drawn else {})

    def __repr__(self) -> str:
        n, values = len(self.eigenvalues), self.eigenvalues
        if n == 1:
            return f"Covariance({values[0]:.3g} in all directions)"
        return f"Covariance({n} eigenvalues from {values.min():.3g} to {values.max():.3g}, mean {self.mean:.3g})"


def _drawn(teacher: Any) -> bool:
    if isinstance(teacher, str) and teacher != "random":
        raise ArgumentError("teacher", 'be "random" or a list of numbers', teacher)
    return isinstance(teacher, str)


def _one_each(argument: str, values: np.ndarray, eigenvalues: np.ndarray, what: str = "eigenvalue") -> None:
    if len(values) != len(eigenvalues):
        raise ArgumentError(argument, f"have one entry for each {what}, {len(eigenvalues)}", len(values))


def _short(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.3g}" for value in values[:_LISTED])
    return shown + ", ..." * (len(values) > _LISTED)
