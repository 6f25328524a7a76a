"""The error of a step of a network: of its weights, of its overlaps with teachers, and of those with each other."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from saddlescope.solve import relative

ROUNDING = 16 * 2.0**-53  # of a sum, relative to its terms


def error_of_network(
    error: jax.Array,
    before: jax.Array,
    after: jax.Array,
    rtol: jax.Array,
    atol: jax.Array,
    pushed: jax.Array,
    axes: jax.Array | None = None,
) -> jax.Array:
    """The largest error among those of the second layer, of overlaps with teachers and with others, beside their size.

    An overlap is small beside those of all neurons with the same teacher, or beside where overlaps begin to matter; not
    beside one: an escape may be driven by next to nothing.

    Args:
        error, before, after: of states (a, u), shape (m, 1 + D), the teachers spanning the first axes of u.
        rtol, atol: tolerances.
        pushed: sizes of the forces along those axes, shape (m, p): rounding of them is no error.
        axes: those of these coordinates that belong together, by number, shape (p,); by default none do.
    """
    p = pushed.shape[1]
    a, u = after[:, 0], after[:, 1:]
    teachers, others = u[:, :p], u[:, p:]
    # what rounding leaves of the forces, in a time of order one
    least = ROUNDING * (_mean_size(pushed) + _mean_size(teachers))
    beside = _mean_size(teachers) if axes is None else _together(_mean_size(teachers), axes)
    of_teachers = jnp.clip(rtol * beside, least, jnp.maximum(atol[0, 1 : 1 + p], least))
    # a neuron's largest coordinate is its own direction
    rest = jnp.where(jnp.abs(others) < jnp.max(jnp.abs(others), axis=1, keepdims=True, initial=0.0), others, 0.0)
    count = max(others.shape[0] * (others.shape[1] - 1), 1)
    typical = jnp.sqrt(jnp.sum(rest**2) / count)
    of_others = jnp.clip(rtol * typical, ROUNDING / len(a), jnp.max(atol[:, 1 + p :], initial=0.0))
    floor = jnp.concatenate([atol[0, :1], of_teachers, jnp.broadcast_to(of_others, others.shape[1:])])
    scaled = _mean_size(relative(error, before, after, rtol, floor))
    of_rest = jnp.sqrt(jnp.sum(scaled[1 + p :] ** 2) / max(others.shape[1], 1))
    return jnp.maximum(jnp.max(scaled[: 1 + p]), of_rest)


def _mean_size(x: jax.Array) -> jax.Array:
    """Root mean squares of columns."""
    return jnp.sqrt(jnp.mean(x**2, axis=0))


def _together(size: jax.Array, axes: jax.Array) -> jax.Array:
    """Root mean squares of sizes over all columns of the same axis."""
    alike = jax.ops.segment_sum(jnp.stack([size**2, jnp.ones_like(size)], axis=1), axes, len(size))
    return jnp.sqrt(alike[axes, 0] / alike[axes, 1])
