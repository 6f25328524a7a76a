"""ROCK4: a stabilised explicit method of order 4, as a diffrax solver for Jacobians with a real spectrum."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from diffrax import RESULTS, AbstractAdaptiveSolver, ODETerm, ThirdOrderHermitePolynomialInterpolation

from saddlescope.solve.methods.rock_coefficients import rock4

_SMALL = 1.5e-8  # of the state, in a difference that stands for a derivative: half of the digits
_AGREE, _MOST = 0.05, 30  # of the radius, between two rounds of the power iteration; rounds
_MARGIN = 1.1  # what is found lies below the radius


class ROCK4(AbstractAdaptiveSolver):
    """Explicit method of order 4 whose stable interval on the negative axis grows with the square of its stages.

    A step of length h takes s = sqrt(h r / 0.35) evaluations of the vector field, five at least, r the spectral radius
    of the Jacobian; a classical method of this order takes 1.5 to 2 h r. Made for gradient flows that are large, mildly
    stiff and have no structure that solves with their Jacobian could use.

    The radius is found by a power iteration with differences of the field, an evaluation each, that goes on from step
    to step: one or two suffice where the spectrum changes slowly.

    The state is a single array; the solver's own state is the vector field at the start of a step, the direction of the
    power iteration and the radius.

    Source: Abdulle, SIAM J. Sci. Comput. 23 (2002), 2041.
    """

    references: ClassVar[tuple[str, ...]] = ("abdulle2002",)
    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = ThirdOrderHermitePolynomialInterpolation

    def order(self, terms):
        """Order of the method."""
        del terms
        return 4

    def error_order(self, terms):
        """The error estimate of a step is of order h^4."""
        del terms
        return 4

    def init(self, terms, t0, t1, y0, args):
        """Return the vector field at the start, and a direction with a part in every mode."""
        del t1
        f0 = terms.vf(t0, y0, args)
        wave = jnp.cos(jnp.arange(y0.size, dtype=y0.dtype)).reshape(y0.shape)
        return f0, f0 / _length(f0) + wave / _length(wave), jnp.zeros((), y0.dtype)

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step of as many stages as stability asks for."""
        del made_jump
        h, (f0, direction, before) = t1 - t0, solver_state

        def field(y):
            return terms.vf(t0, y, args)

        direction, radius = _spectral_radius(field, y0, f0, direction, before)
        table = rock4()
        stiffness = _MARGIN * h * radius
        place = jnp.minimum(jnp.searchsorted(jnp.asarray(table.reach), stiffness), len(table.reach) - 1)
        recurrence, first = jnp.asarray(table.recurrence), jnp.asarray(table.first)[place]

        def stage(k, carry):
            before, y = carry
            mu, nu, kappa = recurrence[:, first + k]
            return y, mu * h * field(y) + nu * y + kappa * before

        begin = y0, y0 + recurrence[0, first] * h * f0  # the first stage has no other before it
        _, g = jax.lax.fori_loop(1, jnp.asarray(table.degrees)[place] - 4, stage, begin)
        A, end, estimate = (h * jnp.asarray(part)[place] for part in (table.stages, table.end, table.estimate))
        k1 = field(g)
        k2 = field(g + A[1, 0] * k1)
        k3 = field(g + A[2, 0] * k1 + A[2, 1] * k2)
        k4 = field(g + A[3, 0] * k1 + A[3, 1] * k2 + A[3, 2] * k3)
        y1 = g + end[0] * k1 + end[1] * k2 + end[2] * k3 + end[3] * k4
        # not y1 itself where that is lost: an infinite y1 would make the tolerance infinite too, and the step accepted
        stable = jnp.all(jnp.isfinite(y1)) & (stiffness <= table.reach[-1])
        y1 = jnp.where(stable, y1, y0)
        f1 = terms.vf(t1, y1, args)
        error = estimate[0] * k1 + estimate[1] * k2 + estimate[2] * k3 + estimate[3] * k4 + estimate[4] * f1
        error = jnp.where(stable & jnp.all(jnp.isfinite(f1)), error, 1e100)
        dense = {"y0": y0, "y1": y1, "k0": h * f0, "k1": h * f1}
        return y1, error, dense, (f1, direction, radius), RESULTS.successful


def _spectral_radius(
    field: Callable[[jax.Array], jax.Array], y: jax.Array, f: jax.Array, direction: jax.Array, before: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The direction in which the field changes most at y, and how fast; `f` is the field there, `before` a guess."""
    size = jnp.linalg.norm(y)
    small = _SMALL * jnp.where(size > 0, size, 1.0)

    def going(loop):
        _, radius, before, rounds = loop
        return (jnp.abs(radius - before) > _AGREE * radius) & (rounds < _MOST)

    def iterate(loop):
        direction, radius, _, rounds = loop
        change = (field(y + small * direction) - f) / small
        size = jnp.linalg.norm(change)
        usable = jnp.isfinite(size) & (size > 0)
        return jnp.where(usable, change / _length(change), direction), jnp.where(usable, size, 0.0), radius, rounds + 1

    start = direction / _length(direction), before, jnp.full_like(before, jnp.inf), jnp.zeros((), jnp.int64)
    direction, radius, *_ = jax.lax.while_loop(going, iterate, start)
    return direction, radius


def _length(x: jax.Array) -> jax.Array:
    """The norm, of which one may divide."""
    return jnp.linalg.norm(x) + jnp.finfo(x.dtype).tiny
