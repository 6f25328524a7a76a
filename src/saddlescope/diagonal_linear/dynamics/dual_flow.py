"""Gradient flow of a diagonal linear network in its dual variable, for scales down to e^(−1000).

The network is β = u ⊙ v from u = √2 α, v = 0; with ℓ = ln(1/α) and time in units of ℓ the dual variable
s = arcsinh(β/α²)/(2ℓ) moves by ds/dt = −∇L(β). All functions are pure JAX.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

_LARGEST_EXPONENT = 40.0


def _exponential(z: Array) -> Array:
    return jnp.exp(jnp.minimum(z, _LARGEST_EXPONENT)) * (1 + jnp.maximum(z - _LARGEST_EXPONENT, 0.0))


def loss(beta: Array, inputs: Array, outputs: Array) -> Array:
    """Return L(β) = ‖Xβ − y‖² / (2n), for X (n, d) and y (n,).

    >>> float(loss(jnp.zeros(1), jnp.ones((2, 1)), jnp.asarray([1.0, 3.0])))
    2.5
    """
    return jnp.sum((inputs @ beta - outputs) ** 2) / (2 * outputs.size)


def loss_gradient(beta: Array, inputs: Array, outputs: Array) -> Array:
    """Return ∇L(β) = Xᵀ(Xβ − y)/n.

    >>> loss_gradient(jnp.zeros(1), jnp.ones((2, 1)), jnp.asarray([1.0, 3.0])).tolist()
    [-2.0]
    """
    return inputs.T @ (inputs @ beta - outputs) / outputs.size


def regressor(dual: Array, log_scale: Array | float) -> Array:
    """Return β = ½ (e^(2ℓ(s − 1)) − e^(2ℓ(−s − 1))), a form in which α² never appears and nothing overflows.

    Arguments: `dual` s (d,); `log_scale` ℓ = ln(1/α) > 0. Beyond e^40, where no regressor is but where trial
    steps of an integrator land, the exponential is continued by its tangent.

    Source: Pesme, Flammarion, arXiv 2304.00488.

    >>> float(regressor(jnp.asarray(1.0), 1000.0))
    0.5
    """
    return 0.5 * (_exponential(2 * log_scale * (dual - 1)) - _exponential(2 * log_scale * (-dual - 1)))


def regressor_slope(dual: Array, log_scale: Array | float) -> Array:
    """Return dβ/ds = ℓ (e^(2ℓ(s − 1)) + e^(2ℓ(−s − 1))), the diagonal of a stiff Jacobian −XᵀX/n diag(dβ/ds).

    >>> float(regressor_slope(jnp.asarray(1.0), 1000.0))
    1000.0
    """
    exponents = 2 * log_scale * (dual - 1), 2 * log_scale * (-dual - 1)
    up, down = (jnp.exp(jnp.minimum(z, _LARGEST_EXPONENT)) for z in exponents)
    return log_scale * (up + down)


def dual(beta: Array, log_scale: Array | float) -> Array:
    """Return s = arcsinh(β e^(2ℓ)) / (2ℓ), the inverse of `regressor`, without forming e^(2ℓ).

    >>> float(dual(jnp.asarray(-0.5), 1000.0))
    -1.0
    """
    size = jnp.abs(beta)
    # arcsinh(z) = ln z + ln(1 + √(1 + z^−2)) for large z, with ln z = ln|β| + 2ℓ; the plain form for small z
    logarithm = jnp.log(jnp.where(size > 0, size, 1.0)) + 2 * log_scale
    small = (size == 0) | (logarithm < 1.0)
    direct = jnp.arcsinh(size * jnp.exp(jnp.where(small, 2 * log_scale, 0.0)))
    tail = jnp.where(small, 0.0, logarithm)
    large = tail + jnp.log1p(jnp.sqrt(1 + jnp.exp(-2 * tail)))
    return jnp.sign(beta) * jnp.where(small, jnp.where(size == 0, 0.0, direct), large) / (2 * log_scale)


def velocity(dual: Array, inputs: Array, outputs: Array, log_scale: Array | float) -> Array:
    """Return ds/dt = −∇L(β(s)), for the time t in units of ℓ = ln(1/α).

    Arguments: `dual` s (d,), zero at the start; `inputs` X (n, d); `outputs` y (n,); `log_scale` ℓ.

    >>> velocity(jnp.zeros(1), jnp.ones((2, 1)), jnp.asarray([1.0, 3.0]), 10.0).tolist()
    [2.0]
    """
    return -loss_gradient(regressor(dual, log_scale), inputs, outputs)
