"""Normalised Hermite polynomials h_k = He_k / sqrt(k!), orthonormal under the standard Gaussian."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.gaussian.arrays import JAX, namespace

# Up to this degree a loop is written out in the compiled program; above it is a scan, which compiles faster.
_UNROLL = 32


@lru_cache(maxsize=64)
def _ladder(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 1/sqrt(k+1) and sqrt(k/(k+1)) for k = 0..degree, the factors of the recurrence."""
    k = np.arange(degree + 1)
    return 1.0 / np.sqrt(k + 1.0), np.sqrt(k / (k + 1.0))


def hermite_table(x: Any, degree: int) -> Any:
    """Return h_0(x), ..., h_degree(x).

    The recurrence h_{k+1} = (x h_k - sqrt(k) h_{k-1}) / sqrt(k+1) is stable where the polynomials matter.

    Args:
        x: points, any shape; NumPy or JAX.
        degree: last degree.

    Returns:
        Array of shape (degree + 1, *x.shape).

    Example:
        >>> hermite_table(2.0, 2)
        array([1.        , 2.        , 2.12132034])
    """
    m = namespace(x)
    x = m.asarray(x)
    up, down = _ladder(degree)
    if m is JAX and degree > _UNROLL:

        def step(pair: tuple[Any, Any], factors: tuple[Any, Any]) -> tuple[tuple[Any, Any], Any]:
            before, now = pair
            after = x * factors[0] * now - factors[1] * before
            return (now, after), after

        first = jnp.ones_like(x)
        _, rest = jax.lax.scan(step, (jnp.zeros_like(x), first), (up[:degree], down[:degree]))
        return jnp.concatenate([first[None], rest])
    rows = [np.ones_like(x) if m is not JAX else jnp.ones_like(x)]
    for k in range(degree):
        rows.append(x * up[k] * rows[k] - (down[k] * rows[k - 1] if k else 0.0))
    return jnp.stack(rows) if m is JAX else np.stack(rows)


def hermite_sum(coefficients: np.ndarray, x: Any) -> Any:
    """Return sum_k f_k h_k(x) by Clenshaw's recurrence.

    Args:
        coefficients: f_k, shape (degree + 1,).
        x: points, any shape; NumPy or JAX.

    Example:
        >>> float(hermite_sum(np.array([1.0, 0.0, 2.0**0.5]), 3.0))
        9.0
    """
    m = namespace(x)
    x = m.asarray(x)
    degree = len(coefficients) - 1
    up, down = _ladder(degree + 1)
    if m is JAX and degree > _UNROLL:

        def step(pair: tuple[Any, Any], item: tuple[Any, Any, Any]) -> tuple[tuple[Any, Any], None]:
            one, two = pair
            return (item[0] + x * item[1] * one - item[2] * two, one), None

        zero = jnp.zeros_like(x)
        falling = (jnp.asarray(coefficients)[::-1], up[degree::-1].copy(), down[degree + 1 : 0 : -1].copy())
        (total, _), _ = jax.lax.scan(step, (zero, zero), falling)
        return total
    one = two = x * 0.0
    for k in range(degree, -1, -1):
        one, two = coefficients[k] + x * up[k] * one - down[k + 1] * two, one
    return one


def hermite_at_zero(degree: int) -> np.ndarray:
    """Return h_0(0), ..., h_degree(0), from h_{k+1}(0) = -sqrt(k/(k+1)) h_{k-1}(0).

    >>> hermite_at_zero(4)
    array([ 1.        ,  0.        , -0.70710678,  0.        ,  0.61237244])
    """
    values = np.zeros(degree + 1)
    odd = np.arange(1, degree, 2)
    values[0] = 1.0
    values[2::2] = np.cumprod(-np.sqrt(odd / (odd + 1.0)))
    return values
