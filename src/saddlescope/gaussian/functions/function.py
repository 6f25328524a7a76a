"""What every scalar function of a standard Gaussian offers, whatever it is made of."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from jaxtyping import Float

from saddlescope.gaussian.functions.elementary import Elementary


class GaussianFunction(abc.ABC):
    """A real function f of one real variable with E f(G)^2 finite, G ~ N(0, 1).

    Its Hermite series is f = sum_k f_k h_k with h_k = He_k / sqrt(k!) and f_k = E f(G) h_k(G).
    Make one with `hermite` or `gaussian_function`.

    Attributes:
        name: what it is called in results, e.g. "relu" or "hermite(1, -1, 1, 1)".
        breakpoints: points where f or one of its derivatives jumps, in rising order.
    """

    name: str
    breakpoints: tuple[float, ...]

    @abc.abstractmethod
    def __call__(self, x: Any) -> Any:
        """Return f(x), of the shape of `x`; NumPy in, NumPy out; JAX (traced too) in, JAX out."""

    @abc.abstractmethod
    def derivative(self, x: Any) -> Any:
        """Return f'(x), of the shape of `x`; at a jump the derivative of the smooth parts, no Dirac mass."""

    @abc.abstractmethod
    def coefficients(self, degree: int) -> Float[np.ndarray, " degrees"]:
        """Return f_0, ..., f_degree, shape (degree + 1,), read-only."""

    @abc.abstractmethod
    def coefficient_error(self, degree: int) -> float:
        """Return an estimate of the largest absolute error of `coefficients(degree)`."""

    @abc.abstractmethod
    def tail(self, degree: int) -> float:
        """Return an upper estimate of sqrt(sum_{k > degree} f_k^2); exactly 0 beyond a finite series."""

    @property
    @abc.abstractmethod
    def norm_squared(self) -> float:
        """E f(G)^2."""

    @property
    @abc.abstractmethod
    def derivative_norm_squared(self) -> float:
        """E f'(G)^2 = sum_k k f_k^2; infinite if f jumps."""

    @property
    @abc.abstractmethod
    def degree(self) -> int | None:
        """The last non-zero degree of a finite series, None for an infinite one."""

    @property
    @abc.abstractmethod
    def elementary(self) -> Elementary | None:
        """f written in functions whose kernels and smoothings have closed forms, where it can be."""
