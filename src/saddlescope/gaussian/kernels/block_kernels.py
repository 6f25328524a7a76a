"""Kernels E f(G) g(G') in closed form for the building blocks relu, step, erf, sin and cos.

G and G' are standard Gaussians of correlation r. By Price's theorem d/dr E f(G) g(G') = E f'(G) g'(G'), which
turns relu into step and step into a Dirac mass, whose average is the bivariate Gaussian density:

    relu, relu   (sqrt(1-r^2) + r arccos(-r)) / (2 pi)      arc-cosine kernel of order 1 (Cho and Saul 2009)
    step, step   arccos(-r) / (2 pi)                        arc-cosine kernel of order 0
    erf, erf     (2/pi) arcsin(r/2)                         arcsine kernel (Williams 1997), erf(x / sqrt 2)
    erf, step    arcsin(r / sqrt 2) / pi
    sin, sin     exp(-1) sinh r
    cos, cos     exp(-1) cosh r

The other pairs that have a closed form share at most the degrees 0 and 1, so that they are polynomials.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from saddlescope.gaussian.arrays import JAX, NUMPY

# Where a derivative is infinite at |r| = 1 its value at the neighbouring float is given: 0 times it stays 0.
_LEAST = 2.0**-53
_E = float(np.exp(-1.0))
_HALF = 0.5
_C0 = 1.0 / (2.0 * np.sqrt(2.0 * np.pi))
_C1 = 1.0 / (2.0 * np.sqrt(np.pi))
_C2 = float(np.exp(-0.5)) / 2.0

#: Pairs whose kernel is a polynomial of degree at most 1: its coefficients.
POLYNOMIAL_PAIRS: dict[tuple[str, str], tuple[float, ...]] = {
    ("relu", "step"): (_C0, _C0),
    ("erf", "relu"): (0.0, _C1),
    ("relu", "sin"): (0.0, _C2),
    ("cos", "step"): (_C2,),
    ("cos", "sin"): (),
    ("cos", "erf"): (),
}


def _sine(m: SimpleNamespace, r: Any) -> Any:
    """Return sqrt(1 - r^2), of the angle whose cosine is r, never 0."""
    return m.sqrt(m.maximum((1.0 - r) * (1.0 + r), _LEAST))


def _relu_relu(m: SimpleNamespace, r: Any) -> Any:
    r = m.clip(r, -1.0, 1.0)
    return (m.sqrt((1.0 - r) * (1.0 + r)) + r * m.arccos(-r)) / (2.0 * np.pi)


def _step_step(m: SimpleNamespace, r: Any) -> Any:
    return m.arccos(-m.clip(r, -1.0, 1.0)) / (2.0 * np.pi)


def _density(m: SimpleNamespace, r: Any) -> Any:
    return 1.0 / (2.0 * np.pi * _sine(m, r))


def _density_slope(m: SimpleNamespace, r: Any) -> Any:
    return r / (2.0 * np.pi * _sine(m, r) ** 3)


def _cosh(m: SimpleNamespace, r: Any) -> Any:
    return _E * m.cosh(r)


def _sinh(m: SimpleNamespace, r: Any) -> Any:
    return _E * m.sinh(r)


Formula = Callable[[SimpleNamespace, Any], Any]

# value, first and second derivative
_CLOSED: dict[tuple[str, str], tuple[Formula, Formula, Formula]] = {
    ("relu", "relu"): (_relu_relu, _step_step, _density),
    ("step", "step"): (_step_step, _density, _density_slope),
    ("erf", "erf"): (
        lambda m, r: 2.0 / np.pi * m.arcsin(r * _HALF),
        lambda m, r: 2.0 / np.pi / m.sqrt(4.0 - r * r),
        lambda m, r: 2.0 / np.pi * r * (4.0 - r * r) ** -1.5,
    ),
    ("erf", "step"): (
        lambda m, r: m.arcsin(r * np.sqrt(_HALF)) / np.pi,
        lambda m, r: 1.0 / (np.pi * m.sqrt(2.0 - r * r)),
        lambda m, r: r * (2.0 - r * r) ** -1.5 / np.pi,
    ),
    ("sin", "sin"): (_sinh, _cosh, _sinh),
    ("cos", "cos"): (_cosh, _sinh, _cosh),
}

#: Pairs, each in alphabetical order, whose kernel is known in closed form and is not a polynomial.
CLOSED_PAIRS: tuple[tuple[str, str], ...] = tuple(_CLOSED)


def _with_safe_slopes(formulas: tuple[Formula, Formula, Formula]) -> tuple[Callable[[Any], Any], ...]:
    """Return the JAX versions, each differentiated by the next: autodiff of arccos at |r| = 1 gives nan."""
    value, slope = (jax.custom_jvp(partial(formula, JAX)) for formula in formulas[:2])
    curvature = partial(formulas[2], JAX)
    value.defjvps(lambda dr, _, r: slope(r) * dr)
    slope.defjvps(lambda dr, _, r: curvature(r) * dr)
    return value, slope, curvature


_TRACED = {pair: _with_safe_slopes(formulas) for pair, formulas in _CLOSED.items()}


def block_kernel(pair: tuple[str, str], order: int, m: SimpleNamespace, r: Any) -> Any:
    """Return the derivative of the given order (0, 1, 2) of the kernel of a pair of building blocks.

    >>> round(float(block_kernel(("relu", "relu"), 0, NUMPY, 1.0)), 12)
    0.5
    """
    return _TRACED[pair][order](r) if m is JAX else _CLOSED[pair][order](NUMPY, r)
