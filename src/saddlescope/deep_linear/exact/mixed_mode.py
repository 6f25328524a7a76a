"""One mode of an infinitely wide network of two layers with whitened data, lazy or active: its exact course in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError


def mixed_mode(time: ArrayLike, target: ArrayLike, k: ArrayLike) -> np.ndarray:
    """Return the strength a(t) of a mode of an infinitely wide two-layer network, from a(0) = 0.

    da/dt = 2 sqrt(a^2 + k^2) (s - a): lazy where k is large beside the target s, e^(-2kt) from it; where k is small,
    a = k sinh(2 s t) for as long as it is small. With a = k sinh x the time is a logarithm of e^x.

    Args:
        time: t >= 0. All three broadcast.
        target: s >= 0, the singular value to be learnt.
        k: sigma^2 width of the start, positive.

    Raises:
        ArgumentError: on values out of these ranges.

    Source: Tu, Aranguri, Jacot, arXiv 2405.17580, for a diagonal target.

    >>> float(mixed_mode(1.0, 3.0, 0.01).round(9)), float(mixed_mode(0.5, 1.0, 1e6).round(9))
    (1.208555323, 1.0)
    """
    t, s, k = _checked(time, target, k, "time")
    r = np.hypot(s, k)
    # y = e^x obeys dy/dt = k (y+ - y) (y - y-) with y+- = (s +- r) / k; what is needed is u = y - 1, small at first
    high = (s + r) / k
    ahead, behind = s * (1 + s / (r + k)) / k, 1 + 1 / high
    decayed = np.exp(-2 * r * t)
    u = ahead * -np.expm1(-2 * r * t) / (1 + ahead / behind * decayed)
    return k * u * (u + 2) / (2 * (1 + u))


def mixed_mode_time(level: ArrayLike, target: ArrayLike, k: ArrayLike) -> np.ndarray:
    """Return the time at which a mode of an infinitely wide two-layer network reaches a level; inf at its target.

    For k -> 0 half of s is learnt at ln(2 s / k) / (2 s) up to terms of order k.

    Args:
        level: at least 0 and at most the target. All three broadcast.
        target: s >= 0.
        k: sigma^2 width of the start, positive.

    Raises:
        ArgumentError: on values out of these ranges.

    Source: Tu, Aranguri, Jacot, arXiv 2405.17580, for a diagonal target.

    >>> float(mixed_mode_time(mixed_mode(0.7, 3.0, 0.01), 3.0, 0.01).round(12))
    0.7
    """
    a, s, k = _checked(level, target, k, "level")
    if np.any(a > s):
        raise ArgumentError("level", "be at most the target", level)
    r, root = np.hypot(s, k), np.hypot(a, k)
    high = (s + r) / k
    ahead, behind = s * (1 + s / (r + k)) / k, 1 + 1 / high
    u = a * (1 + a / (root + k)) / k
    # y+ - y without cancellation: r - sqrt(a^2 + k^2) is a difference of squares over a sum
    left = (s - a) * (1 + (s + a) / (r + root)) / k
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.log(ahead) - np.log(left)
        time = 0.5 / r * (np.log1p(u / behind) + np.where(2 * u < ahead, -np.log1p(-u / ahead), late))
    return np.where(s == 0, 0.0, time)


def _checked(first: ArrayLike, target: ArrayLike, k: ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = []
    for argument, value in ((name, first), ("target", target), ("k", k)):
        array = np.asarray(value, dtype=np.float64)
        if not np.all(np.isfinite(array)) or np.any(array < 0) or (argument == "k" and np.any(array == 0)):
            must = "be finite and positive" if argument == "k" else "be finite and not negative"
            raise ArgumentError(argument, must, value)
        values.append(array)
    t, s, k = np.broadcast_arrays(*values)
    return t, s, k
