"""Kernels at any norm: E f(l1 G) g(l2 G') as a function of the correlation of G and G' and of both scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian.arrays import JAX, NUMPY, namespace
from saddlescope.gaussian.functions.coercion import gaussian_function
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.kernels.norm_pairs import Pair, closed_pair, is_closed
from saddlescope.gaussian.kernels.norm_profiles import BlockPart, Part, SampledPart, SeriesPart, stretch

_EPS = float(np.finfo(np.float64).eps)
_DEGREES = (32, 64, 96, 128, 192)
_LEFT = 1e-12  # of a kernel at twice the unit norm, that a series may leave out
_UNROLL = 16


@partial(jax.tree_util.register_dataclass, data_fields=["first", "second"], meta_fields=["degree"])
@dataclass(frozen=True, eq=False)
class NormKernel:
    """K(r, l1, l2) = E f(l1 G) g(l2 G') for standard Gaussians of correlation r; make one with `norm_kernel`. A pytree.

    Attributes:
        first, second: what f and g are the sums of.
        degree: last degree of the series of pairs without a closed form, 0 if there are none.
    """

    first: tuple[Part, ...]
    second: tuple[Part, ...]
    degree: int

    def __call__(self, r: Any, l1: Any, l2: Any) -> Pair:
        """Return K and its derivatives, each of the shape that the arguments broadcast to.

        Args:
            r: correlation, in [-1, 1].
            l1, l2: standard deviations, positive.
        """
        m = namespace(r, l1, l2)
        r, l1, l2 = m.asarray(r), m.asarray(l1), m.asarray(l2)
        axes = max(r.ndim, l1.ndim, l2.ndim)  # coefficients come on an axis before them
        r, l1, l2 = (x.reshape((1,) * (axes - x.ndim) + x.shape) for x in (r, l1, l2))
        total = Pair(*(0 * (r * l1 * l2) for _ in Pair._fields))
        for f in self.first:
            for g in self.second:
                total = Pair(*(a + b for a, b in zip(total, self._pair(f, g, r, l1, l2), strict=True)))
        return total

    def _pair(self, f: Part, g: Part, r: Any, l1: Any, l2: Any) -> Pair:
        if isinstance(f, BlockPart) and isinstance(g, BlockPart) and is_closed(f.name, g.name):
            closed = closed_pair(f.name, g.name, namespace(r, l1, l2), r, l1, l2)
            return Pair(*(f.weight * g.weight * x for x in closed))
        degree = _degree(f, g, self.degree)
        (a, slope_a), (b, slope_b) = f.profile(l1, degree), g.profile(l2, degree)
        last = degree + 1
        return Pair(
            _sum(a, b, r),
            _sum(slope_a[:last], slope_b[:last], r),
            _sum(stretch(slope_a), b, r),
            _sum(a, stretch(slope_b), r),
        )

    def coefficients(self, length: Any, degree: int) -> Any:
        """Return the Hermite coefficients 0 .. degree of f(l x), shape (degree + 1, *length.shape)."""
        return sum(part.profile(length, degree)[0] for part in self.first)

    @property
    def kind(self) -> str:
        """What it is: "closed form", "quadrature" of the few coefficients that count, or "hermite series, degree K"."""
        if self.degree:
            return f"hermite series, degree {self.degree}"
        sampled = any(isinstance(part, SampledPart) for part in (*self.first, *self.second))
        return "quadrature" if sampled else "closed form"

    def error(self, l1: Any, l2: Any) -> float:
        """Estimate of what is wrong in K or left out of it, at any correlation and standard deviations in these arrays.

        What a series leaves out of E f^2 is found by another rule, the error of coefficients with twice the nodes.

        Args:
            l1, l2: standard deviations of the arguments of f and g, any shape.
        """
        one, two = (np.quantile(np.asarray(each, dtype=float), (0.0, 0.5, 1.0)) for each in (l1, l2))
        total = 0.0
        for f in self.first:
            for g in self.second:
                sizes = [np.sqrt(_square(part, at)).max() for part, at in ((f, one), (g, two))]
                total += 4 * _EPS * sizes[0] * sizes[1]
                if isinstance(f, BlockPart) and isinstance(g, BlockPart) and is_closed(f.name, g.name):
                    continue
                degree = _degree(f, g, self.degree)
                total += np.sqrt(_left_out(f, one, degree).max() * _left_out(g, two, degree).max())
                total += sum(
                    part.error(at, degree) * size
                    for part, at, size in ((f, one, sizes[1]), (g, two, sizes[0]))
                    if isinstance(part, SampledPart)
                )
        return float(total)


def _degree(f: Part, g: Part, endless: int) -> int:
    return min((part.degree for part in (f, g) if part.degree is not None), default=endless)


def _sum(a: Any, b: Any, r: Any) -> Any:
    """sum_k a_k b_k r^k, by Horner's rule."""
    m = namespace(a, b, r)
    terms = a * b
    if m is JAX and len(terms) > _UNROLL:
        return jax.lax.scan(lambda total, term: (total * r + term, None), 0 * (terms[0] * r), terms[::-1])[0]
    total = 0 * (terms[0] * r)
    for k in range(len(terms) - 1, -1, -1):
        total = total * r + terms[k]
    return total


def norm_kernel(f: Any, g: Any = None) -> NormKernel:
    """Return the kernel E f(x) g(y) of two functions of Gaussians x and y of any variances.

    Closed for erf, relu (leaky_relu, abs), step (sign), sin and cos where it is at norm one, and with a polynomial.
    With any other function it is a Hermite series whose coefficients are summed on Gauss nodes; `error` estimates both.

    Args:
        f: a function of a Gaussian, or what `gaussian_function` makes one of.
        g: the second function, `f` itself if None.

    Raises:
        ArgumentError: if a function is refused, or jumps and is not made of steps.

    Source: Saad and Solla (1995) for erf; Cho and Saul (2009) for relu.

    Example:
        >>> K = norm_kernel("relu")
        >>> K.kind, round(float(K(1.0, 2.0, 3.0).value), 12), round(float(K(1.0, 2.0, 3.0).slope), 12)
        ('closed form', 3.0, 0.5)
        >>> K = norm_kernel("tanh")
        >>> K.kind, K.error(1.0, 1.0) < 1e-12, K.error(5.0, 5.0) < 1e-12
        ('hermite series, degree 192', True, False)
    """
    first = gaussian_function(f, "f")
    return _norm_kernel(first, first if g is None else gaussian_function(g, "g"))


@lru_cache(maxsize=64)
def _norm_kernel(f: GaussianFunction, g: GaussianFunction) -> NormKernel:
    first, second = _parts(f), _parts(g)
    degree = 0
    for one in first:
        for two in second:
            both_blocks = isinstance(one, BlockPart) and isinstance(two, BlockPart) and is_closed(one.name, two.name)
            if one.degree is None and two.degree is None and not both_blocks:
                degree = max(degree, _enough(one, two))
    return NormKernel(first, second, degree)


def _parts(f: GaussianFunction) -> tuple[Part, ...]:
    known = f.elementary
    if known is None:
        if not np.isfinite(f.derivative_norm_squared):
            raise ArgumentError("f", "be without jumps at any norm but one (or made of step, sign)", f.name)
        return (SampledPart(f),)
    series = (SeriesPart.of(known.series),) if any(known.series) else ()
    blocks = tuple(BlockPart(np.float64(weight), name) for name, weight in known.blocks.items() if weight)
    return series + blocks or (SeriesPart.of([0.0]),)


def _enough(f: Part, g: Part) -> int:
    """The degree at which a series leaves out next to nothing at twice the unit norm."""
    two = np.array([2.0])
    size = _square(f, two) * _square(g, two)
    fits = (d for d in _DEGREES if _left_out(f, two, d) * _left_out(g, two, d) <= _LEFT**2 * size)
    return next(fits, _DEGREES[-1])


def _left_out(part: Part, length: np.ndarray, degree: int) -> np.ndarray:
    """sum_{k > degree} of squared coefficients, of the shape of the lengths."""
    if part.degree is not None and part.degree <= degree:
        return np.zeros(len(length))
    value, _ = part.profile(length, degree)
    square = _square(part, length)
    return np.maximum(square - np.sum(np.square(value), axis=0), 4 * _EPS**2 * square)


def _square(part: Part, length: np.ndarray) -> np.ndarray:
    """E part(l G)^2."""
    if isinstance(part, BlockPart):
        one = np.ones(len(length))
        return np.asarray(part.weight**2 * closed_pair(part.name, part.name, NUMPY, one, length, length).value)
    if isinstance(part, SeriesPart):
        return np.sum(np.square(part.profile(length, part.degree)[0]), axis=0)
    x, w = _fine_rule()
    return np.square(np.asarray(part.function(length[:, None] * x))) @ w


@lru_cache(maxsize=1)
def _fine_rule() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes on narrow panels, and weights of the standard Gaussian."""
    x, w = np.polynomial.legendre.leggauss(16)
    low = np.arange(-13.0, 13.0, 0.125)[:, None]
    nodes = (low + 0.0625 * (1 + x)).ravel()
    density = np.exp(-0.5 * nodes**2) / np.sqrt(2 * np.pi)
    return nodes, np.tile(0.0625 * w, len(low)) * density
