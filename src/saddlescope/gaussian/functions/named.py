"""Functions with a name: their values, slopes, kinks, and what is known of them in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from saddlescope.arguments import count
from saddlescope.gaussian.arrays import NUMPY, namespace
from saddlescope.gaussian.functions.elementary import Elementary
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.piecewise.projection import Projection
from saddlescope.gaussian.piecewise.resolution import resolve

_EPS = float(np.finfo(np.float64).eps)
_LEAK = 0.01
_SQRT_HALF = float(np.sqrt(0.5))
_SQRT_TWO = float(np.sqrt(2.0))


@dataclass(frozen=True)
class _Formula:
    value: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]
    breakpoints: tuple[float, ...] = ()
    elementary: Elementary | None = None
    norm_squared: float | None = None
    derivative_norm_squared: float | None = None


def _silu_slope(m: Any, x: Any) -> Any:
    gate = m.expit(x)
    return gate * (1.0 + x * (1.0 - gate))


def _blocks(**weights: float) -> Elementary:
    return Elementary((), weights)


# At a kink the slope is the mean of the two sides, at a jump the value is: the limit of Gaussian smoothing.
_FORMULAS: dict[str, _Formula] = {
    "relu": _Formula(lambda m, x: m.maximum(x, 0.0), lambda m, x: m.heaviside(x), (0.0,), _blocks(relu=1.0), 0.5, 0.5),
    "leaky_relu": _Formula(
        lambda m, x: m.maximum(x, _LEAK * x),
        lambda m, x: _LEAK + (1.0 - _LEAK) * m.heaviside(x),
        (0.0,),
        Elementary((0.0, _LEAK), {"relu": 1.0 - _LEAK}),
        (1.0 + _LEAK**2) / 2.0,
        (1.0 + _LEAK**2) / 2.0,
    ),
    "abs": _Formula(
        lambda m, x: m.maximum(x, -x),
        lambda m, x: m.sign(x),
        (0.0,),
        Elementary((0.0, -1.0), {"relu": 2.0}),
        1.0,
        1.0,
    ),
    "step": _Formula(lambda m, x: m.heaviside(x), lambda m, x: 0.0 * x, (0.0,), _blocks(step=1.0), 0.5, np.inf),
    "sign": _Formula(
        lambda m, x: m.sign(x), lambda m, x: 0.0 * x, (0.0,), Elementary((-1.0,), {"step": 2.0}), 1.0, np.inf
    ),
    "erf": _Formula(
        lambda m, x: m.erf(_SQRT_HALF * x),
        lambda m, x: 2.0 * m.phi(x),
        (),
        _blocks(erf=1.0),
        1.0 / 3.0,
        2.0 / (np.sqrt(3.0) * np.pi),
    ),
    "sin": _Formula(
        lambda m, x: m.sin(x),
        lambda m, x: m.cos(x),
        (),
        _blocks(sin=1.0),
        float(np.exp(-1.0) * np.sinh(1.0)),
        float(np.exp(-1.0) * np.cosh(1.0)),
    ),
    "cos": _Formula(
        lambda m, x: m.cos(x),
        lambda m, x: -m.sin(x),
        (),
        _blocks(cos=1.0),
        float(np.exp(-1.0) * np.cosh(1.0)),
        float(np.exp(-1.0) * np.sinh(1.0)),
    ),
    "identity": _Formula(lambda m, x: x, lambda m, x: 1.0 + 0.0 * x, (), Elementary((0.0, 1.0)), 1.0, 1.0),
    "square": _Formula(lambda m, x: x * x, lambda m, x: 2.0 * x, (), Elementary((1.0, 0.0, _SQRT_TWO)), 3.0, 4.0),
    "tanh": _Formula(lambda m, x: m.tanh(x), lambda m, x: 1.0 / m.cosh(m.clip(x, -300.0, 300.0)) ** 2),
    "sigmoid": _Formula(lambda m, x: m.expit(x), lambda m, x: m.expit(x) * m.expit(-x)),
    "softplus": _Formula(lambda m, x: m.logaddexp(x, 0.0), lambda m, x: m.expit(x)),
    "gelu": _Formula(lambda m, x: x * m.ndtr(x), lambda m, x: m.ndtr(x) + x * m.phi(x)),
    "silu": _Formula(lambda m, x: x * m.expit(x), _silu_slope),
}

#: The names that `gaussian_function` knows.
NAMES: tuple[str, ...] = tuple(_FORMULAS)


@dataclass(frozen=True, repr=False)
class NamedFunction(GaussianFunction):
    """A function known by name; make one with `gaussian_function`."""

    name: str
    breakpoints: tuple[float, ...] = field(compare=False)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return named_function, (self.name,)

    @property
    def _formula(self) -> _Formula:
        return _FORMULAS[self.name]

    @cached_property
    def _projection(self) -> Projection:
        def evaluate(x: np.ndarray) -> np.ndarray:
            return self._formula.value(NUMPY, x)

        return Projection(evaluate, resolve(evaluate, self.name, self.breakpoints))

    def __call__(self, x: Any) -> Any:
        """Return f(x), of the shape of `x`."""
        m = namespace(x)
        return self._formula.value(m, m.asarray(x))

    def derivative(self, x: Any) -> Any:
        """Return f'(x); at a kink the mean of the two sides, at a jump 0 (no Dirac mass)."""
        m = namespace(x)
        return self._formula.slope(m, m.asarray(x))

    def coefficients(self, degree: int) -> np.ndarray:
        """Return f_0, ..., f_degree."""
        degree = count("degree", degree, least=0)
        closed = _closed_coefficients(self.name, degree)
        return self._projection.coefficients(degree)[0][: degree + 1] if closed is None else closed

    def coefficient_error(self, degree: int) -> float:
        """Return an estimate of the largest absolute error of `coefficients(degree)`."""
        closed = _closed_coefficients(self.name, degree)
        if closed is None:
            return self._projection.coefficients(degree)[1]
        # the coefficient of degree k is a product of about k/2 rounded factors
        return float(_EPS * np.max((2.0 + 0.5 * np.arange(degree + 1)) * np.abs(closed)))

    def tail(self, degree: int) -> float:
        """Return an upper estimate of sqrt(sum_{k > degree} f_k^2)."""
        degree = count("degree", degree, least=0)
        if _closed_coefficients(self.name, 0) is None:
            return self._projection.tail(degree)
        if self.degree is not None:
            values = self.coefficients(max(self.degree, degree))
            return float(np.linalg.norm(values[degree + 1 :]))
        if self.breakpoints:
            values = self.coefficients(degree)
            return float(np.sqrt(max(self.norm_squared - values @ values, 0.0) + 16 * _EPS * self.norm_squared))
        # smooth: squares fall at least by 4 every two degrees, so that 200 more terms are all there is
        return float(np.linalg.norm(self.coefficients(degree + 200)[degree + 1 :]))

    @property
    def norm_squared(self) -> float:
        """E f(G)^2."""
        known = self._formula.norm_squared
        return self._projection.norm_squared if known is None else known

    @property
    def derivative_norm_squared(self) -> float:
        """E f'(G)^2; infinite for step and sign."""
        known = self._formula.derivative_norm_squared
        return self._projection.derivative_norm_squared if known is None else known

    @property
    def degree(self) -> int | None:
        """The degree of identity and square, None for the others."""
        return {"identity": 1, "square": 2}.get(self.name)

    @property
    def elementary(self) -> Elementary | None:
        """The function in building blocks that have closed forms, where it has such."""
        return self._formula.elementary


@lru_cache(maxsize=256)
def _closed_coefficients(name: str, degree: int) -> np.ndarray | None:
    elementary = _FORMULAS[name].elementary
    if elementary is not None:
        values = elementary.coefficients(degree)
    elif name == "gelu":
        # x h_k = sqrt(k+1) h_{k+1} + sqrt(k) h_{k-1}, on the series of the normal distribution function
        k = np.arange(degree + 1)
        cdf = Elementary((0.5,), {"erf": 0.5}).coefficients(degree + 1)
        values = np.sqrt(k + 1.0) * cdf[1:]
        values[1:] += np.sqrt(k[1:]) * cdf[:-2]
    else:
        return None
    values.flags.writeable = False
    return values


@lru_cache(maxsize=32)
def named_function(name: str) -> NamedFunction:
    """Return the function with this name, always the same object."""
    return NamedFunction(name, _FORMULAS[name].breakpoints)
