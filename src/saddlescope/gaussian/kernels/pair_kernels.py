"""Kernels of pairs of functions: E f(G) g(G') as a function of the correlation of G and G'."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import count
from saddlescope.gaussian.arrays import JAX, namespace
from saddlescope.gaussian.functions.coercion import gaussian_function
from saddlescope.gaussian.functions.elementary import Elementary
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.kernels.block_kernels import CLOSED_PAIRS, POLYNOMIAL_PAIRS, block_kernel

_EPS = float(np.finfo(np.float64).eps)
_UNROLL = 16
_DEGREES = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["coefficients", "weights", "error", "derivative_error"],
    meta_fields=["pairs", "kind"],
)
@dataclass(frozen=True, eq=False)
class Kernel:
    """K(r) = E f(G) g(G') = sum_k f_k g_k r^k for standard Gaussians G, G' of correlation r.

    It is a polynomial plus multiples of closed forms. A pytree: the numbers are traced, the structure is
    static, so that another kernel of the same structure does not compile again.

    Attributes:
        coefficients: of the polynomial part, by rising degree, shape (degree + 1,).
        weights: of the closed forms, shape (len(pairs),).
        error: bound on |K(r)| left out or wrong, for every |r| <= 1.
        derivative_error: the same for K'; infinite where K' has no limit at |r| = 1.
        pairs: the closed forms, as pairs of building blocks.
        kind: "closed form", or "hermite series, degree K".
    """

    coefficients: Any
    weights: Any
    error: Any
    derivative_error: Any
    pairs: tuple[tuple[str, str], ...] = field(default=())
    kind: str = "closed form"

    def _at(self, r: Any, order: int) -> Any:
        m = namespace(r, self.coefficients, self.weights)
        r = m.asarray(r)
        total = _polynomial(m, self.coefficients, order, r)
        for i, pair in enumerate(self.pairs):
            total = total + self.weights[i] * block_kernel(pair, order, m, r)
        return total

    def __call__(self, r: Any) -> Any:
        """Return K(r), of the shape of `r`, which lies in [-1, 1]."""
        return self._at(r, 0)

    def derivative(self, r: Any) -> Any:
        """Return K'(r) = E f'(G) g'(G'); where it is infinite at |r| = 1, the value at the nearest float."""
        return self._at(r, 1)

    def second_derivative(self, r: Any) -> Any:
        """Return K''(r); where it is infinite at |r| = 1, the value at the nearest float."""
        return self._at(r, 2)


def _polynomial(m: SimpleNamespace, coefficients: Any, order: int, r: Any) -> Any:
    for _ in range(order):
        coefficients = coefficients[1:] * np.arange(1.0, len(coefficients))
    degree = len(coefficients) - 1
    if degree < 0:
        return 0.0 * r
    if m is JAX and degree > _UNROLL:
        return jnp.polyval(jnp.asarray(coefficients)[::-1], r, unroll=8)
    total = 0.0 * r + coefficients[degree]
    for k in range(degree - 1, -1, -1):
        total = total * r + coefficients[k]
    return total


def kernel(f: Any, g: Any = None, *, degree: int | None = None) -> Kernel:
    """Return the kernel of two functions, in closed form where there is one, else as a Hermite series.

    K(r) = E f(G) g(G') = sum_k f_k g_k r^k, (G, G') Gaussian, unit variances, correlation r. With f the
    activation alone it is U of Berthier, Montanari and Zhou (2023), with link and activation it is V.

    Args:
        f: a function of a Gaussian, or what `gaussian_function` makes one of.
        g: the second function, `f` itself if None.
        degree: last degree of a Hermite series; by default as many as the rounding level needs, 512 at most.

    Raises:
        ArgumentError: if a function is refused or `degree` is not a whole number of at least 0.

    Example:
        >>> U = kernel("relu")
        >>> U.kind, round(float(U(1.0)), 12), round(float(U.derivative(1.0)), 12)
        ('closed form', 0.5, 0.5)
        >>> kernel("tanh").kind
        'hermite series, degree 192'
    """
    first = gaussian_function(f, "f")
    second = first if g is None else gaussian_function(g, "g")
    return _kernel(first, second, None if degree is None else count("degree", degree, least=0))


@lru_cache(maxsize=256)
def _kernel(f: GaussianFunction, g: GaussianFunction, degree: int | None) -> Kernel:
    closed = None
    if f.elementary is not None and g.elementary is not None:
        closed = _closed_kernel(f.elementary, g.elementary)
    if closed is not None:
        return closed
    last = [d for d in (f.degree, g.degree) if d is not None]
    if last:
        # one of the two is a polynomial, and so is the kernel
        return _series(f, g, min(last), "closed form")
    if degree is None:
        scale = np.sqrt(f.norm_squared * g.norm_squared)
        fits = (d for d in _DEGREES if f.tail(d) * g.tail(d) <= 4 * _EPS * scale)
        degree = next(fits, _DEGREES[-1])
    return _series(f, g, degree, f"hermite series, degree {degree}")


def _series(f: GaussianFunction, g: GaussianFunction, degree: int, kind: str) -> Kernel:
    a, b = f.coefficients(degree), g.coefficients(degree)
    k = np.arange(degree + 1)
    error_a, error_b = f.coefficient_error(degree), g.coefficient_error(degree)
    rounding = np.abs(a) * error_b + np.abs(b) * error_a
    slope_tail = np.sqrt(_slope_tail_squared(f, a) * _slope_tail_squared(g, b))
    return Kernel(
        coefficients=a * b,
        weights=np.zeros(0),
        error=np.float64(f.tail(degree) * g.tail(degree) + rounding.sum()),
        derivative_error=np.float64(slope_tail + (k * rounding).sum()),
        kind=kind,
    )


def _slope_tail_squared(f: GaussianFunction, head: np.ndarray) -> float:
    """Return an upper estimate of sum_{k > degree} k f_k^2, from E f'^2 and what the head explains."""
    if f.degree is not None and f.degree < len(head):
        return 0.0
    whole = f.derivative_norm_squared
    return max(whole - float(np.arange(len(head)) @ np.square(head)), 0.0) + 64 * _EPS * whole


def _closed_kernel(f: Elementary, g: Elementary) -> Kernel | None:
    """Return the kernel of two sums of building blocks, or None if a pair has no closed form."""
    degree = max(len(f.series), len(g.series), 2) - 1
    one = np.zeros(degree + 1)
    one[: len(f.series)] = f.series
    two = np.zeros(degree + 1)
    two[: len(g.series)] = g.series
    # series with everything; then the blocks of f with the series of g; then blocks with blocks
    polynomial = one * g.coefficients(degree) + (f.coefficients(degree) - one) * two
    weights = dict.fromkeys(CLOSED_PAIRS, 0.0)
    for name_f, weight_f in f.blocks.items():
        for name_g, weight_g in g.blocks.items():
            pair = (name_f, name_g) if name_f <= name_g else (name_g, name_f)
            if pair in POLYNOMIAL_PAIRS:
                part = POLYNOMIAL_PAIRS[pair]
                polynomial[: len(part)] += weight_f * weight_g * np.asarray(part)
            elif pair in weights:
                weights[pair] += weight_f * weight_g
            else:
                return None
    used = tuple(pair for pair, weight in weights.items() if weight != 0.0)
    size = float(np.abs(polynomial).sum() + sum(abs(w) for w in weights.values()))
    slope = float(np.arange(degree + 1) @ np.abs(polynomial) + sum(abs(w) for w in weights.values()))
    singular = ("step", "step") in used
    return Kernel(
        coefficients=np.trim_zeros(polynomial, "b") if polynomial.any() else np.zeros(1),
        weights=np.asarray([weights[pair] for pair in used]),
        error=np.float64(4 * _EPS * size),
        derivative_error=np.float64(np.inf if singular else 4 * _EPS * slope),
        pairs=used,
    )
