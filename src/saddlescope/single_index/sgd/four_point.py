"""Gaussian averages of four functions, E f1(x1) f2(x2) f3(x3) f4(x4): what the noise of SGD is made of."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import factorial, sqrt
from typing import Any

import jax.numpy as jnp
import numpy as np

_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@lru_cache(maxsize=64)
def _matchings(degrees: tuple[int, int, int, int]) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Ways to pair the legs of four Hermite polynomials with each other: exponents of the six correlations, weights.

    E h_a(x1) h_b(x2) h_c(x3) h_d(x4) = sqrt(a! b! c! d!) sum over n_pq >= 0 with row sums (a, b, c, d) of
    prod C_pq^(n_pq) / n_pq!, for unit variances.
    """
    scale = sqrt(float(np.prod([factorial(k) for k in degrees])))
    results = []
    ranges = [range(min(degrees[p], degrees[q]) + 1) for p, q in _PAIRS]
    for exponents in product(*ranges):
        rows = [0, 0, 0, 0]
        for (p, q), n in zip(_PAIRS, exponents, strict=True):
            rows[p] += n
            rows[q] += n
        if tuple(rows) == degrees:
            results.append((exponents, scale / float(np.prod([factorial(n) for n in exponents]))))
    return tuple(results)


def polynomial_average(coefficients: tuple[Any, ...], correlations: tuple[Any, ...]) -> Any:
    """Return E f1 f2 f3 f4 for polynomials given by Hermite coefficients, of standard Gaussians.

    Args:
        coefficients: four lists of normalised Hermite coefficients: numbers, or arrays that broadcast, for polynomials
            that differ from place to place. A coefficient that is the number zero costs nothing.
        correlations: C12, C13, C14, C23, C24, C34, arrays that broadcast against each other.

    >>> one, x = np.array([1.0]), np.array([0.0, 1.0])
    >>> float(polynomial_average((x, x, one, one), (0.3, 0, 0, 0, 0, 0)))
    0.3
    """
    counting = [[k for k, value in enumerate(c) if np.ndim(value) or value] for c in coefficients]
    result: Any = 0.0
    for degrees in product(*counting):
        weight: Any = 1.0
        for c, k in zip(coefficients, degrees, strict=True):
            weight = weight * c[k]
        # the powers of correlations tell the degrees, so that no two terms of different degrees are alike
        for exponents, count in _matchings(degrees):
            term = weight * count
            for correlation, n in zip(correlations, exponents, strict=True):
                if n:
                    term = term * correlation**n
            result = result + term
    return jnp.asarray(result)


def erf_average(covariances: tuple[Any, ...], variances: tuple[Any, ...] = (1.0, 1.0, 1.0, 1.0)) -> Any:
    """Return E g(x1) g(x2) g'(x3) g'(x4) for g(x) = erf(x / sqrt 2), of centred Gaussians.

    Args:
        covariances: C12, C13, C14, C23, C24, C34, arrays that broadcast against each other.
        variances: C11, C22, C33, C44.

    Source: Saad & Solla, Phys. Rev. E 52 (1995), 4225, appendix (their I_4, where derivatives come first).

    >>> x = 0.5
    >>> bool(abs(erf_average((x, 0, 0, 0, 0, 0)) - (2 / np.pi) ** 2 * np.arcsin(x / 2) / 2 * 1) < 1e-12)
    True
    """
    c12, c13, c14, c23, c24, c34 = covariances
    n1, n2, n3, n4 = (1 + v for v in variances)
    of_slopes = n3 * n4 - c34**2
    both = of_slopes * c12 - n3 * c14 * c24 - n4 * c13 * c23 + c34 * (c13 * c24 + c14 * c23)
    first = n1 * of_slopes - n3 * c14**2 - n4 * c13**2 + 2 * c34 * c13 * c14
    second = n2 * of_slopes - n3 * c24**2 - n4 * c23**2 + 2 * c34 * c23 * c24
    ratio = jnp.clip(both / jnp.sqrt(first * second), -1.0, 1.0)
    return 4 / jnp.pi**2 / jnp.sqrt(of_slopes) * jnp.arcsin(ratio)
