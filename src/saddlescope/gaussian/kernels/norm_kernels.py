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
from saddlescope.gaussian.kernels.biased_pairs import BIASED, BINORMAL_NODES, biased_pair, binormal
from saddlescope.gaussian.kernels.norm_pairs import Pair, closed_pair, is_closed
from saddlescope.gaussian.kernels.norm_profiles import BlockPart, Part, SampledPart, SeriesPart, stretch

_EPS = float(np.finfo(np.float64).eps)
_DEGREES = (32, 64, 96, 128, 192)
_LEFT = 1e-12  # of a kernel at twice the unit norm, that a series may leave out
_UNROLL = 16


@partial(jax.tree_util.register_dataclass, data_fields=["first", "second"], meta_fields=["degree", "biased"])
@dataclass(frozen=True, eq=False)
class NormKernel:
    """K(r, l1, l2, b1, b2) = E f(l1 G + b1) g(l2 G' + b2) for Gaussians of correlation r, with biases or without.

    A pytree; make one with `norm_kernel`.

    Attributes:
        first, second: what f and g are the sums of.
        degree: last degree of the series of pairs without a closed form, 0 if there are none.
        biased: whether biases are to be given.
    """

    first: tuple[Part, ...]
    second: tuple[Part, ...]
    degree: int
    biased: bool = False

    def __call__(self, r: Any, l1: Any, l2: Any, b1: Any = None, b2: Any = None) -> Pair:
        """Return K and its derivatives, each of the shape that the arguments broadcast to.

        Args:
            r: correlation, in [-1, 1].
            l1, l2: standard deviations, positive.
            b1, b2: biases, both or, of a kernel that is not `biased`, none.
        """
        m = namespace(r, l1, l2, b1, b2)
        given = [m.asarray(x) for x in (r, l1, l2, *((b1, b2) if self.biased else ()))]
        axes = max(x.ndim for x in given)  # coefficients come on an axis before them
        given = [x.reshape((1,) * (axes - x.ndim) + x.shape) for x in given]
        total = Pair(*(0 * (given[0] * given[1] * given[2]) for _ in Pair._fields))
        for f in self.first:
            for g in self.second:
                total = Pair(*(a + b for a, b in zip(total, self._pair(m, f, g, *given), strict=True)))
        return total

    def _pair(self, m: Any, f: Part, g: Part, r: Any, l1: Any, l2: Any, *biases: Any) -> Pair:
        if _is_closed(f, g, self.biased):
            assert isinstance(f, BlockPart)
            assert isinstance(g, BlockPart)
            pair = biased_pair if self.biased else closed_pair
            return Pair(*(f.weight * g.weight * x for x in pair(f.name, g.name, m, r, l1, l2, *biases)))
        degree = _degree(f, g, self.degree)
        b1, b2 = biases or (None, None)
        (a, slope_a), (b, slope_b) = f.profile(l1, degree, b1), g.profile(l2, degree, b2)
        last = degree + 1
        return Pair(
            _sum(a, b, r),
            _sum(slope_a[:last], slope_b[:last], r),
            _sum(stretch(slope_a), b, r),
            _sum(a, stretch(slope_b), r),
            _sum(slope_a[:last], b, r),
            _sum(a, slope_b[:last], r),
        )

    def coefficients(self, length: Any, degree: int, bias: Any = None) -> Any:
        """Return the Hermite coefficients 0 .. degree of f(l x + b), shape (degree + 1, *length.shape)."""
        return sum(part.profile(length, degree, bias)[0] for part in self.first)

    @property
    def kind(self) -> str:
        """What it is: "closed form", "quadrature" of the few coefficients that count, or "hermite series, degree K"."""
        if self.degree:
            return f"hermite series, degree {self.degree}"
        sampled = any(isinstance(part, SampledPart) for part in (*self.first, *self.second))
        return "quadrature" if sampled else "closed form"

    def error(self, l1: Any, l2: Any, b1: Any = None, b2: Any = None) -> float:
        """Estimate of what is wrong in K or left out of it, at any correlation and standard deviations in these arrays.

        What a series leaves out of E f^2 is found by another rule, the error of coefficients with twice the nodes.

        Args:
            l1, l2: standard deviations of the arguments of f and g, any shape.
            b1, b2: biases, of the same shapes.
        """
        one, two = _corners(l1, b1), _corners(l2, b2)
        total = 0.0
        for f in self.first:
            for g in self.second:
                sizes = [np.sqrt(_square(part, *at)).max() for part, at in ((f, one), (g, two))]
                total += 4 * _EPS * sizes[0] * sizes[1]
                if _is_closed(f, g, self.biased):
                    total += sizes[0] * sizes[1] * _error_of_binormal(f, g, one, two) if self.biased else 0.0
                    continue
                degree = _degree(f, g, self.degree)
                total += np.sqrt(_left_out(f, *one, degree=degree).max() * _left_out(g, *two, degree=degree).max())
                total += sum(
                    part.error(at[0], degree, at[1]) * size
                    for part, at, size in ((f, one, sizes[1]), (g, two, sizes[0]))
                    if isinstance(part, SampledPart)
                )
        return float(total)


def _corners(length: Any, bias: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """A few standard deviations, least and largest among them, and with biases the pairs that are extreme."""
    size = np.ravel(np.asarray(length, dtype=float))
    if bias is None:
        return np.quantile(size, (0.0, 0.5, 1.0)), None
    b = np.ravel(np.asarray(bias, dtype=float))
    places = np.unique([each for x in (size, b, b / size) for each in (np.argmin(x), np.argmax(x))])
    return size[places], b[places]


def _is_closed(f: Part, g: Part, biased: bool) -> bool:
    if not (isinstance(f, BlockPart) and isinstance(g, BlockPart)):
        return False
    return f.name in BIASED and g.name in BIASED if biased else is_closed(f.name, g.name)


def _error_of_binormal(f: Any, g: Any, one: tuple, two: tuple) -> float:
    """Largest error of the distribution function that closed forms with biases are made of, from more nodes."""
    h, k = (
        b / np.sqrt(1 + length**2) if part.name == "erf" else b / length for part, (length, b) in ((f, one), (g, two))
    )
    h, k, r = h[:, None, None], k[None, :, None], np.array([-1.0, -0.99, -0.9, 0.9, 0.99, 1.0])
    return float(np.abs(binormal(NUMPY, h, k, r) - binormal(NUMPY, h, k, r, 4 * BINORMAL_NODES)).max())


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


def norm_kernel(f: Any, g: Any = None, *, biased: bool = False) -> NormKernel:
    """Return the kernel E f(x) g(y) of two functions of Gaussians x and y of any variances.

    Closed for erf, relu (leaky_relu, abs), step (sign), sin and cos where it is at norm one, and with a polynomial.
    With any other function it is a Hermite series whose coefficients are summed on Gauss nodes; `error` estimates both.

    Args:
        f: a function of a Gaussian, or what `gaussian_function` makes one of.
        g: the second function, `f` itself if None.
        biased: whether both functions have a bias, E f(x + b1) g(y + b2). Closed forms of erf, relu and step are then
            those of the binormal distribution, an integral over one variable.

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
    return _norm_kernel(first, first if g is None else gaussian_function(g, "g"), biased)


@lru_cache(maxsize=64)
def _norm_kernel(f: GaussianFunction, g: GaussianFunction, biased: bool) -> NormKernel:
    first, second = _parts(f), _parts(g)
    degree = 0
    for one in first:
        for two in second:
            if one.degree is None and two.degree is None and not _is_closed(one, two, biased):
                degree = max(degree, _enough(one, two))
    return NormKernel(first, second, degree, biased)


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
    fits = (d for d in _DEGREES if _left_out(f, two, degree=d) * _left_out(g, two, degree=d) <= _LEFT**2 * size)
    return next(fits, _DEGREES[-1])


def _left_out(part: Part, length: np.ndarray, bias: np.ndarray | None = None, *, degree: int) -> np.ndarray:
    """sum_{k > degree} of squared coefficients, of the shape of the lengths."""
    if part.degree is not None and part.degree <= degree:
        return np.zeros(len(length))
    value, _ = part.profile(length, degree, bias)
    square = _square(part, length, bias)
    return np.maximum(square - np.sum(np.square(value), axis=0), 4 * _EPS**2 * square)


def _square(part: Part, length: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """E part(l G + b)^2."""
    one = np.ones(len(length))
    if isinstance(part, SeriesPart):
        return np.sum(np.square(part.profile(length, part.degree, bias)[0]), axis=0)
    if isinstance(part, BlockPart) and (bias is None or part.name in BIASED):
        same = (part.name, part.name, NUMPY, one, length, length)
        pair = closed_pair(*same) if bias is None else biased_pair(*same, bias, bias)
        return np.asarray(part.weight**2 * pair.value)
    x, w = _fine_rule()
    function = getattr(np, part.name) if isinstance(part, BlockPart) else part.function  # sin and cos
    weight = part.weight if isinstance(part, BlockPart) else 1.0
    shift = 0.0 if bias is None else bias[:, None]
    return weight**2 * np.square(np.asarray(function(length[:, None] * x + shift))) @ w


@lru_cache(maxsize=1)
def _fine_rule() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes on narrow panels, and weights of the standard Gaussian."""
    x, w = np.polynomial.legendre.leggauss(16)
    low = np.arange(-13.0, 13.0, 0.125)[:, None]
    nodes = (low + 0.0625 * (1 + x)).ravel()
    density = np.exp(-0.5 * nodes**2) / np.sqrt(2 * np.pi)
    return nodes, np.tile(0.0625 * w, len(low)) * density
