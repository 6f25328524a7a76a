"""Kernels E f(x) g(y) of building blocks, x and y Gaussians of any variances.

With x = l1 G, y = l2 G', correlation r and c = l1 l2 r; relu and step are homogeneous, and erf(x / sqrt 2) is the mean
of sign(x + Z) over a standard Gaussian Z, so that its variance counts as n = 1 + l^2:

    relu, relu   l1 l2 (sqrt(1-r^2) + r arccos(-r)) / (2 pi)    erf, erf    (2/pi) arcsin(c / sqrt(n1 n2))
    step, step   arccos(-r) / (2 pi)                            erf, step   arcsin(l1 r / sqrt n1) / pi
    sin, sin     exp(-(l1^2 + l2^2) / 2) sinh c                 cos, cos    exp(-(l1^2 + l2^2) / 2) cosh c
    relu, step   l1 (1 + r) / (2 sqrt(2 pi))                    erf, relu   c / sqrt(2 pi n1)
    relu, sin    c exp(-l2^2 / 2) / 2                           cos, step   exp(-l1^2 / 2) / 2

Source: Saad and Solla (1995) for erf; Cho and Saul (2009) for relu and step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from saddlescope.gaussian.kernels.block_kernels import block_kernel

_PI = np.pi
_ROOT = float(np.sqrt(2 * np.pi))


class Pair(NamedTuple):
    """The average of a pair of functions and its derivatives.

    Attributes:
        value: E f(x) g(y).
        slope: E f'(x) g'(y), the derivative in the covariance.
        stretch: the derivative in the standard deviation of x at fixed correlation, E G f'(l1 G) g(y).
        other: that in the standard deviation of y.
        shift: the derivative in a bias of x, E f'(x + b1) g(y + b2); zero where there are no biases.
        other_shift: that in a bias of y.
    """

    value: Any
    slope: Any
    stretch: Any
    other: Any
    shift: Any = 0.0
    other_shift: Any = 0.0


Formula = Callable[[SimpleNamespace, Any, Any, Any], Pair]


def _relu_relu(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    one = block_kernel(("relu", "relu"), 0, m, r)
    return Pair(l1 * l2 * one, block_kernel(("relu", "relu"), 1, m, r) + 0 * (l1 * l2), l2 * one, l1 * one)


def _step_step(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    nothing = 0 * (r * l1 * l2)
    value, density = (block_kernel(("step", "step"), order, m, r) for order in (0, 1))
    return Pair(value + nothing, density / (l1 * l2), nothing, nothing)


def _erf_erf(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    n1, n2, c = 1 + l1**2, 1 + l2**2, r * l1 * l2
    slope = 2 / _PI / m.sqrt(n1 * n2 - c**2)
    return Pair(2 / _PI * m.arcsin(c / m.sqrt(n1 * n2)), slope, slope * r * l2 / n1, slope * r * l1 / n2)


def _erf_step(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    n1 = 1 + l1**2
    slope = 1 / (_PI * m.sqrt(n1 - (r * l1) ** 2))
    nothing = 0 * (r * l1 * l2)
    return Pair(m.arcsin(r * l1 / m.sqrt(n1)) / _PI + nothing, slope / l2, slope * r / n1 + nothing, nothing)


def _sin_sin(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    c, damped = r * l1 * l2, m.exp(-0.5 * (l1**2 + l2**2))
    s, k = damped * m.sinh(c), damped * m.cosh(c)
    return Pair(s, k, r * l2 * k - l1 * s, r * l1 * k - l2 * s)


def _cos_cos(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    c, damped = r * l1 * l2, m.exp(-0.5 * (l1**2 + l2**2))
    s, k = damped * m.sinh(c), damped * m.cosh(c)
    return Pair(k, s, r * l2 * s - l1 * k, r * l1 * s - l2 * k)


def _relu_step(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    del m
    share = (1 + r) / (2 * _ROOT) + 0 * l2
    return Pair(l1 * share, 0 * (r * l1) + 1 / (2 * _ROOT * l2), share + 0 * l1, 0 * (share * l1))


def _erf_relu(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    n1 = 1 + l1**2
    slope = 0 * (r * l2) + 1 / (_ROOT * m.sqrt(n1))
    return Pair(r * l1 * l2 * slope, slope, r * l2 * slope / n1, r * l1 * slope)


def _relu_sin(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    slope = 0 * (r * l1) + m.exp(-0.5 * l2**2) / 2
    return Pair(r * l1 * l2 * slope, slope, r * l2 * slope, r * l1 * slope * (1 - l2**2))


def _cos_step(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    value, nothing = m.exp(-0.5 * l1**2) / 2, 0 * (r * l1 * l2)
    return Pair(value + nothing, nothing, nothing - l1 * value, nothing)


def _nothing(m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    del m
    nothing = 0 * (r * l1 * l2)
    return Pair(nothing, nothing, nothing, nothing)


_CLOSED: dict[tuple[str, str], Formula] = {
    ("relu", "relu"): _relu_relu,
    ("step", "step"): _step_step,
    ("erf", "erf"): _erf_erf,
    ("erf", "step"): _erf_step,
    ("sin", "sin"): _sin_sin,
    ("cos", "cos"): _cos_cos,
    ("relu", "step"): _relu_step,
    ("erf", "relu"): _erf_relu,
    ("relu", "sin"): _relu_sin,
    ("cos", "step"): _cos_step,
    ("cos", "sin"): _nothing,
    ("cos", "erf"): _nothing,
}


def is_closed(first: str, second: str) -> bool:
    """Whether a pair of blocks has a closed form.

    >>> is_closed("relu", "erf"), is_closed("relu", "cos")
    (True, False)
    """
    return (first, second) in _CLOSED or (second, first) in _CLOSED


def closed_pair(first: str, second: str, m: SimpleNamespace, r: Any, l1: Any, l2: Any) -> Pair:
    """Return the averages of a pair of blocks at correlation r and standard deviations l1, l2.

    >>> from saddlescope.gaussian.arrays import NUMPY
    >>> round(float(closed_pair("relu", "relu", NUMPY, 1.0, 2.0, 3.0).value), 12)
    3.0
    """
    if (first, second) in _CLOSED:
        return _CLOSED[first, second](m, r, l1, l2)
    swapped = _CLOSED[second, first](m, r, l2, l1)
    return Pair(swapped.value, swapped.slope, swapped.other, swapped.stretch)
