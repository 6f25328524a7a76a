"""One mode of a balanced, aligned deep linear network with whitened data: its exact course in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, expit

from saddlescope.arguments import ArgumentError, count


def balanced_mode(time: ArrayLike, target: ArrayLike, start: ArrayLike, depth: int) -> np.ndarray:
    """Return the strength a(t) of a mode that is learnt from a balanced and aligned start.

    Arguments, which broadcast against each other: `time` t ≥ 0; `target` s ≥ 0, the singular value to be
    learnt; `start` a₀ = a(0) ≥ 0. The strength obeys da/dt = L a^(2 − 2/L) (s − a). For L = 2, a = s e^(2st)
    / (e^(2st) − 1 + s/a₀); for L > 2 the time is a hypergeometric function of a, inverted here in the
    variable ln(a/(s − a)), which keeps full relative accuracy of both a and s − a.

    Raises `ArgumentError` on negative or non-finite values.

    Source: Saxe, McClelland, Ganguli, arXiv 1312.6120, equations (9) and (16).

    >>> float(balanced_mode(1.0, 3.0, 0.1, depth=2).round(10))
    2.798810807
    """
    t, s, a, depth = _checked(time, target, start, depth)
    x, above = _logit_of_fraction(t, s, a, depth)
    power = 2 - 2 / depth
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        grown = s * np.where(above, 1 + np.exp(-x), expit(x))
        # a mode without target decays as a power law
        decayed = a * np.exp(-t) if depth == 1 else (a**-power + depth * power * t) ** (-1 / power)
    return np.where(s == 0, np.where(a == 0, 0.0, decayed), grown)


def balanced_mode_gap(time: ArrayLike, target: ArrayLike, start: ArrayLike, depth: int) -> np.ndarray:
    """Return 1 − a(t)/s to full relative accuracy, however close the mode is to its target.

    Arguments and source as in `balanced_mode`, with `target` s > 0 (nan where it is 0).

    >>> float(balanced_mode_gap(20.0, 3.0, 0.1, depth=2))  # a itself is 3.0 to all digits
    2.2236...e-51
    """
    t, s, a, depth = _checked(time, target, start, depth)
    x, above = _logit_of_fraction(t, s, a, depth)
    # above its target the inverse v = s/a plays the part of a/s, and 1 − a/s = −(1 − v)/v
    with np.errstate(over="ignore"):
        gap = np.where(above, -np.exp(-x), expit(-x))
    return np.where(s > 0, gap, np.nan)


def balanced_mode_time(level: ArrayLike, target: ArrayLike, start: ArrayLike, depth: int) -> np.ndarray:
    """Return the time at which a balanced, aligned mode reaches `level`; inf at or beyond the target.

    Arguments, which broadcast: `level` between `start` and `target`, all positive. Raises `ArgumentError` if
    the mode has passed the level at the start.

    >>> float(balanced_mode_time(1.5, 3.0, 0.005, depth=2).round(10))  # ln(599)/6
    1.065876933
    """
    a, s, a0, depth = _checked(level, target, start, depth, first="level")
    if np.any(s <= 0) or np.any(a0 <= 0):
        raise ArgumentError("start", "be positive, like the target, for a time to exist", start)
    above = a0 > s
    if np.any(np.where(above, a > a0, a < a0)):
        raise ArgumentError("level", "lie between the start and the target", level)
    beyond = np.where(above, a <= s, a >= s)
    reached = np.where(beyond, a0, a)
    clocks = [_clock(_logit(value, s, above), above, depth) for value in (reached, a0)]
    elapsed = (clocks[0] - clocks[1]) / (depth * s ** (2 - 2 / depth))
    return np.where(a == a0, 0.0, np.where(beyond, np.inf, np.maximum(elapsed, 0.0)))


def _checked(
    time: ArrayLike, target: ArrayLike, start: ArrayLike, depth: int, first: str = "time"
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    values = []
    for name, value in ((first, time), ("target", target), ("start", start)):
        array = np.asarray(value, dtype=np.float64)
        if not np.all(np.isfinite(array)) or np.any(array < 0):
            raise ArgumentError(name, "be finite and not negative", value)
        values.append(array)
    t, s, a = np.broadcast_arrays(*values)
    return t, s, a, count("depth", depth)


def _logit(value: np.ndarray, s: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return ln(u/(1 − u)) of u = a/s, or of s/a above the target, without cancellation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller, larger = np.where(above, s, value), np.where(above, value, s)
        return np.log(smaller) - np.log(larger - smaller)


def _logit_of_fraction(t: np.ndarray, s: np.ndarray, a: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    above = a > s
    x = _logit(a, s, above)
    moving = np.isfinite(x) & (s > 0)
    if depth == 1:
        # an exponential approach, and the only depth that leaves the origin
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            gap = np.abs(s - a) / s * np.exp(-t)
            return np.where(above, -np.log(gap), np.log1p(-gap) - np.log(gap)), above
    exponent = np.where(above, 2 - 2 / depth, 2 / depth - 1)
    start = np.where(moving, x, 0.0)
    ticks = np.where(moving, depth * s ** (2 - 2 / depth) * t, 0.0)
    ended = _unclock(_clock(start, above, depth) + ticks, start, exponent, above, depth)
    return np.where(moving, np.where(ticks == 0, x, ended), x), above


def _clock(x: np.ndarray, above: np.ndarray, depth: int) -> np.ndarray:
    below = _incomplete_beta(x, 2 / depth - 1)
    return np.where(above, _incomplete_beta(x, 2 - 2 / depth), below) if np.any(above) else below


def _incomplete_beta(x: np.ndarray, b: float) -> np.ndarray:
    """Return H(u) = Σ u^(n+b)/(n+b), an integral of u^(b−1)/(1−u), at u = 1/(1 + e^(−x)).

    For b = 0 it is ln(u/(1−u)) = x. Otherwise it is u^b/b ₂F₁(1, b; b + 1; u). Beyond u = 1/2 it is summed
    in y = 1 − u, with the logarithm taken out.
    """
    if b == 0:
        return np.asarray(x, dtype=float)
    terms = np.arange(64)
    with np.errstate(under="ignore"):
        u = expit(np.minimum(x, 0.0))[..., None]
        low = u[..., 0] ** b * np.sum(u**terms / (terms + b), axis=-1)
        y = expit(-np.maximum(x, 0.0))
        ratios = np.cumprod(np.concatenate([[1.0], (b + terms[:-1]) / terms[1:]]))
        logarithm = np.maximum(x, 0.0) + np.log1p(np.exp(-np.maximum(x, 0.0)))  # −ln y
        bracket = digamma(terms + 1.0) - digamma(terms + b) + logarithm[..., None]
        high = (1 - y) ** b * np.sum(ratios * bracket * y[..., None] ** terms, axis=-1)
    return np.where(x <= 0, low, high)


def _unclock(clock: np.ndarray, least: np.ndarray, b: np.ndarray, above: np.ndarray, depth: int) -> np.ndarray:
    """Invert H by Newton's method in x = ln(u/(1−u)), where dH/dx = u^b, inside a shrinking bracket."""
    constant = np.where(b == 0, 0.0, digamma(1.0) - digamma(np.where(b == 0, 1.0, b)))
    late = clock - constant  # H − x rises (b < 0) or falls (b > 0) to the constant
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        power = np.log(np.maximum(b * clock, 0.0)) / b  # ln u of the leading term, an upper bound
        early = np.where(power < 0, power - np.log1p(-np.exp(power)), np.inf)
    low = np.maximum(least, np.where(b < 0, late, -np.inf))
    high = np.where(b < 0, np.maximum(early, low), np.minimum(early, late))
    high = np.where(np.isnan(high) | (b == 0), np.inf, high)
    high = np.minimum(np.maximum(high, low), np.maximum(low, np.abs(clock) + np.abs(constant) + 1))
    x = np.where(b == 0, clock, np.where(early < 0, early, np.clip(late, low, high)))
    for _ in range(200):
        x = np.clip(x, low, high)
        excess = _clock(x, above, depth) - clock
        low, high = np.where(excess <= 0, x, low), np.where(excess >= 0, x, high)
        following = x - excess * expit(x) ** -b
        outside = ~((following >= low) & (following <= high))
        following = np.where(outside, 0.5 * (low + high), following)
        if np.all(np.abs(following - x) <= 4e-16 * (1 + np.abs(x))):
            return following
        x = following
    return x
