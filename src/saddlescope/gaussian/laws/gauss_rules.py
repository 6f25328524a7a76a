"""Gauss rules with thousands of nodes: Legendre, Hermite, and from a recurrence."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.linalg
import scipy.special

# Below this a dense eigenvalue problem is as fast, and the asymptotic guess not yet good enough.
_SMALL = 64


@lru_cache(maxsize=32)
def legendre_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-point Gauss rule of the uniform law on [-1, 1], nodes rising, weights that sum to one.

    From n = 64 on: Olver's asymptotic nodes, one correction in the angle by the recurrence (cubic, since the
    second derivative of sqrt(sin theta) P_n(cos theta) vanishes at its zeros), and weights from the slope
    there. O(n^2) operations, O(n) memory.

    >>> nodes, weights = legendre_rule(200)
    >>> round(float(weights @ nodes**2), 14)
    0.33333333333333
    """
    if n < _SMALL:
        x, w = np.polynomial.legendre.leggauss(n)
        w = w / w.sum()
        x.flags.writeable = w.flags.writeable = False
        return x, w
    half = (n + 1) // 2
    nu = n + 0.5
    guess = _bessel_zeros(half) / nu
    angle = guess + (guess / np.tan(guess) - 1.0) / (8.0 * guess * nu * nu)
    x = np.cos(angle)
    # the angle of the rounded x, exact near x = 1 where many nodes lie
    angle = 2.0 * np.arcsin(np.sqrt(0.5 * (1.0 - x)))
    before, now = np.ones_like(x), x.copy()
    work = np.empty_like(x)
    for k in range(1, n):
        np.multiply(x, now, out=work)
        work *= (2.0 * k + 1.0) / (k + 1.0)
        before *= k / (k + 1.0)
        np.subtract(work, before, out=before)
        before, now = now, before
    sine = np.sin(angle)
    slope = -n * (before - x * now) / sine
    # v = sqrt(sin) P_n obeys v'' = -(nu^2 + 1/(4 sin^2)) v
    v_slope = slope + 0.5 * now * x / sine
    angle = angle - now / v_slope
    square = v_slope**2 + (nu * nu + 0.25 / sine**2) * now**2
    weights = 2.0 * np.sin(angle) / (sine * square)
    nodes = np.cos(angle)
    if n % 2:
        nodes[-1] = 0.0
    x = np.concatenate([-nodes, nodes[: n // 2][::-1]])
    w = np.concatenate([weights, weights[: n // 2][::-1]])
    w /= w.sum()
    x.flags.writeable = w.flags.writeable = False
    return x, w


def _bessel_zeros(n: int) -> np.ndarray:
    """Return the first n zeros of the Bessel function J_0, by McMahon's expansion beyond the 25th."""
    a = (np.arange(1, n + 1) - 0.25) * np.pi
    b = 1.0 / (8.0 * a)
    zeros = a + b * (1.0 - b**2 * (124.0 / 3.0 - b**2 * (120928.0 / 15.0 - b**2 * 401743168.0 / 105.0)))
    first = min(n, 25)
    zeros[:first] = scipy.special.jn_zeros(0, first)
    return zeros


@lru_cache(maxsize=32)
def hermite_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-point Gauss rule of the standard Gaussian law; weights below 1e-308 are 0.

    >>> nodes, weights = hermite_rule(3)
    >>> round(float(weights @ nodes**4), 12)
    3.0
    """
    x, w = scipy.special.roots_hermitenorm(n)
    w = w / w.sum()
    x.flags.writeable = w.flags.writeable = False
    return x, w


def rule_from_measure(nodes: np.ndarray, weights: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-point Gauss rule of a discrete measure, by Stieltjes' procedure.

    The recurrence of its orthonormal polynomials comes step by step, the nodes are the eigenvalues of the
    Jacobi matrix (Golub and Welsch 1969), and the weights are 1 / sum_{k<n} p_k(x)^2, positive and without
    eigenvectors. Polynomials carry the square root of the weights, so that none overflows.

    Args:
        nodes: of the measure, rising, more than n.
        weights: positive or zero, sum one.
        n: number of nodes of the rule.
    """
    diagonal, off = np.empty(n), np.empty(n)
    before, now = np.zeros_like(nodes), np.sqrt(weights)
    for k in range(n):
        after = nodes * now
        diagonal[k] = after @ now
        after -= diagonal[k] * now
        if k:
            after -= off[k - 1] * before
        off[k] = np.sqrt(after @ after)
        after /= off[k]
        before, now = now, after
    x = np.asarray(scipy.linalg.eigvalsh_tridiagonal(diagonal, off[:-1]) if n > 1 else diagonal)
    # p_0 = 1; sums of squares are scaled down on the way where polynomials grow beyond all bounds
    total, shift = np.ones_like(x), np.zeros_like(x)
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(n - 1):
        after = ((x - diagonal[k]) * now - (off[k - 1] * before if k else 0.0)) / off[k]
        before, now = now, after
        total += now * now
        if k % 16 == 15:
            large = total > 1e100
            if large.any():
                scale = np.where(large, 1e-60, 1.0)
                before, now, total = before * scale, now * scale, total * scale**2
                shift += np.where(large, 120.0, 0.0)
    w = np.where(shift < 300.0, 10.0 ** -np.minimum(shift, 300.0), 0.0) / total
    return x, w / w.sum()
