"""Finite Hermite series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saddlescope.arguments import count, vector
from saddlescope.gaussian.functions.elementary import Elementary
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.functions.hermite_polynomials import hermite_sum


@dataclass(frozen=True, repr=False)
class HermiteSeries(GaussianFunction):
    """f = sum_k terms[k] h_k, a polynomial; make one with `hermite`."""

    terms: tuple[float, ...]
    name: str = field(compare=False)
    breakpoints: tuple[float, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        return self.name

    def __call__(self, x: Any) -> Any:
        """Return f(x), of the shape of `x`."""
        return hermite_sum(np.asarray(self.terms), x)

    def derivative(self, x: Any) -> Any:
        """Return f'(x) = sum_k sqrt(k) f_k h_{k-1}(x)."""
        k = np.arange(1, len(self.terms))
        slope = np.sqrt(k) * np.asarray(self.terms[1:]) if k.size else np.zeros(1)
        return hermite_sum(slope, x)

    def coefficients(self, degree: int) -> np.ndarray:
        """Return f_0, ..., f_degree."""
        degree = count("degree", degree, least=0)
        values = np.zeros(degree + 1)
        head = np.asarray(self.terms)[: degree + 1]
        values[: head.size] = head
        values.flags.writeable = False
        return values

    def coefficient_error(self, degree: int) -> float:
        """Return 0: the coefficients are given."""
        return 0.0

    def tail(self, degree: int) -> float:
        """Return sqrt(sum_{k > degree} f_k^2)."""
        degree = count("degree", degree, least=0)
        return float(np.linalg.norm(np.asarray(self.terms)[degree + 1 :]))

    @property
    def norm_squared(self) -> float:
        """E f(G)^2 = sum_k f_k^2."""
        return float(np.dot(self.terms, self.terms))

    @property
    def derivative_norm_squared(self) -> float:
        """E f'(G)^2 = sum_k k f_k^2."""
        return float(np.dot(np.arange(len(self.terms)), np.square(self.terms)))

    @property
    def degree(self) -> int:
        """The last non-zero degree (0 for the zero function)."""
        return max((k for k, term in enumerate(self.terms) if term != 0.0), default=0)

    @property
    def elementary(self) -> Elementary:
        """The series itself."""
        return Elementary(self.terms)


def hermite(coefficients: Any, *, argument: str = "coefficients") -> HermiteSeries:
    """Return the function with the given normalised Hermite coefficients.

    f(x) = sum_k f_k h_k(x), h_k = He_k / sqrt(k!), so that E f(G)^2 = sum_k f_k^2.

    Args:
        coefficients: f_0, f_1, ..., shape (degree + 1,).
        argument: name used in the message when the coefficients are refused.

    Raises:
        ArgumentError: if the coefficients are not a non-empty list of finite numbers.

    Example:
        >>> f = hermite([1, -1, 1, 1])
        >>> f, f.degree, f.norm_squared, float(f(0.0))
        (hermite(1, -1, 1, 1), 3, 4.0, 0.2928932188134524)
    """
    terms = tuple(float(term) for term in vector(argument, coefficients))
    shown = [f"{term!r}".removesuffix(".0") for term in terms]
    if len(shown) > 12:
        shown = [*shown[:8], "...", f"degree {len(terms) - 1}"]
    return HermiteSeries(terms, f"hermite({', '.join(shown)})")
