"""Kernels E f(x + b1) g(y + b2) of relu, step and erf, x and y Gaussians of any variances.

All of them follow from the binormal distribution Phi2(h, k; r) = P(X < h, Y < k) at correlation r. With x = l1 G,
beta = b / l and t1 = (beta1 - r beta2) / s, t2 = (beta2 - r beta1) / s, s^2 = 1 - r^2,

    step, step   Phi2(beta1, beta2; r)
    relu, step   l1 [beta1 Phi2 + phi(beta1) Phi(t2) + r phi(beta2) Phi(t1)]
    relu, relu   l1 l2 [(beta1 beta2 + r) Phi2 + beta1 phi(beta2) Phi(t1) + beta2 phi(beta1) Phi(t2) + s^2 phi2]

and erf((x + b) / sqrt 2) is the mean of 2 step(x + Z + b) - 1 over a standard Gaussian Z, which makes l^2 of it 1 + l^2
in beta and r.

Source: Rosenbaum, J. R. Stat. Soc. B 23 (1961), 405, for truncated moments; Drezner and Wesolowsky (1990) for Phi2.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from saddlescope.gaussian.kernels.norm_pairs import Pair

BINORMAL_NODES = 48
_LEAST = 2.0**-53
BIASED = ("relu", "step", "erf")  # blocks whose kernels with biases these are


class _Side(NamedTuple):
    """One of the two functions, as beta and a scale, with what a step makes of it: up step + down."""

    beta: Any
    root: Any  # standard deviation that counts
    up: float
    down: float
    turned: Any  # d log r / dl
    moved: Any  # d beta / dl


@lru_cache(maxsize=4)
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances from the end of [0, 1], and weights, dense there: Phi2 bends within |h - k| of a right angle."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    left = 0.5 * (1 - x)
    return left**3, 1.5 * w * left**2


def binormal(m: SimpleNamespace, h: Any, k: Any, r: Any, nodes: int = BINORMAL_NODES) -> Any:
    """Return P(X < h, Y < k) of standard Gaussians of correlation r.

    >>> from saddlescope.gaussian.arrays import NUMPY
    >>> round(float(binormal(NUMPY, 0.0, 0.0, 0.5)), 12)  # 1/4 + arcsin(r) / (2 pi)
    0.333333333333
    """
    r, h, k = m.clip(m.asarray(r), -1.0, 1.0), m.asarray(h), m.asarray(k)
    sign, size = m.sign(r), m.arcsin(m.maximum(r, -r))
    left, w = _rule(nodes)
    # from a right angle on, and (h^2 + k^2 - 2 h k sin) / cos^2 in terms that lose no digits there
    away = m.arccos(m.maximum(r, -r))[..., None] + size[..., None] * left
    apart, product = ((h - sign * k) ** 2)[..., None], (2 * sign * h * k)[..., None]
    inside = apart / m.maximum(m.sin(away), _LEAST) ** 2 + product / (1 + m.cos(away))
    integrand = m.exp(-0.5 * inside)
    return m.ndtr(h) * m.ndtr(k) + sign * size / (2 * np.pi) * (integrand @ w)


def biased_pair(first: str, second: str, m: SimpleNamespace, r: Any, l1: Any, l2: Any, b1: Any, b2: Any) -> Pair:
    """Return the averages of a pair of blocks at correlation r, standard deviations l and biases b.

    >>> from saddlescope.gaussian.arrays import NUMPY
    >>> pair = biased_pair("relu", "relu", NUMPY, 1.0, 2.0, 2.0, 0.7, 0.7)
    >>> bool(abs(pair.value - NUMPY.ndtr(0.35) * (4 + 0.49) - 1.4 * NUMPY.phi(0.35)) < 1e-12)  # E (x + b)_+^2
    True
    """
    value, slope, stretch, shift = _half(first, second, m, r, l1, l2, b1, b2)
    _, _, other, other_shift = _half(second, first, m, r, l2, l1, b2, b1)
    return Pair(value, slope, stretch, other, shift, other_shift)


def _side(name: str, m: SimpleNamespace, length: Any, bias: Any) -> _Side:
    if name == "erf":
        n = 1 + length**2
        root = m.sqrt(n)
        return _Side(bias / root, root, 2.0, -1.0, 1 / (length * n), -bias * length / (n * root))
    return _Side(bias / length, length, 1.0, 0.0, 0.0, -bias / length**2)


def _half(first: str, second: str, m: SimpleNamespace, r: Any, l1: Any, l2: Any, b1: Any, b2: Any) -> tuple:
    """Value, slope, and the derivatives in l1 and in b1."""
    one, two = _side(first, m, l1, b1), _side(second, m, l2, b2)
    r = r * (l1 / one.root) * (l2 / two.root)
    square = m.maximum((1 - r) * (1 + r), 0.0)
    s = m.sqrt(m.maximum(square, _LEAST))
    beta1, beta2 = one.beta, two.beta
    t1, t2 = (beta1 - r * beta2) / s, (beta2 - r * beta1) / s
    both = binormal(m, beta1, beta2, r)
    edge1, edge2 = m.phi(beta1) * m.ndtr(t2), m.phi(beta2) * m.ndtr(t1)
    corner = m.phi(beta1) * m.phi(t2) / s  # the density at both edges
    if first == "relu" and second == "relu":
        value = (beta1 * beta2 + r) * both + beta1 * edge2 + beta2 * edge1 + square * corner
        along = r * both - r * beta1 * edge1 - r * beta2 * edge2 + square * corner  # E x y
        shift = l2 * (beta2 * both + edge2 + r * edge1)
        return l1 * l2 * value, both, l2 * (beta2 * (edge1 + r * edge2) + along), shift
    if first == "relu":
        up, down = two.up, two.down
        value = up * (beta1 * both + edge1 + r * edge2) + down * (beta1 * m.ndtr(beta1) + m.phi(beta1))
        stretch = up * (edge1 + r * edge2) + down * m.phi(beta1)
        return l1 * value, up * edge2 / two.root, stretch, up * both + down * m.ndtr(beta1)
    up, down = one.up, one.down
    if second == "relu":
        value = up * (beta2 * both + edge2 + r * edge1) + down * (beta2 * m.ndtr(beta2) + m.phi(beta2))
        pushed = up * m.phi(beta1) * ((beta2 - r * beta1) * m.ndtr(t2) + square / s * m.phi(t2))
        stretch = l2 * (up * edge1 * r * one.turned + pushed * one.moved)
        return l2 * value, up * edge1 / one.root, stretch, l2 * pushed / one.root
    value = up * two.up * both + up * two.down * m.ndtr(beta1) + down * two.up * m.ndtr(beta2) + down * two.down
    pushed = up * (two.up * edge1 + two.down * m.phi(beta1))
    turned = up * two.up * corner
    stretch = turned * r * one.turned + pushed * one.moved
    return value, turned / (one.root * two.root), stretch, pushed / one.root
