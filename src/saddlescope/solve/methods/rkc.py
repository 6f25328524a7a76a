"""RKC2: a stabilised explicit Runge-Kutta-Chebyshev method, as a diffrax solver for symmetric Jacobians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from diffrax import RESULTS, AbstractAdaptiveSolver, ODETerm, ThirdOrderHermitePolynomialInterpolation

_DAMPING = 2 / 13
_MOST_STAGES = 5000


def _radius_of_system(y: jax.Array, system: Any) -> jax.Array:
    return system.spectral_radius(y)


class RKC2(AbstractAdaptiveSolver):
    """Explicit method of order 2 whose stable interval on the negative axis grows with the square of its stages.

    A step of length h takes s = 1 + sqrt(1 + 1.54 h r) evaluations of the vector field, r the spectral radius of the
    Jacobian; a classical method would take a number proportional to h r. Made for gradient flows that leave saddles:
    symmetric Jacobians, mildly stiff, with a few growing modes.

    The state is a single array; the solver's own state is the vector field at the start of a step.

    Source: Sommeijer, Shampine, Verwer, J. Comput. Appl. Math. 88 (1998), 315, equations (2.2) to (2.5) and (3.1).
    """

    spectral_radius: Callable[[jax.Array, Any], jax.Array] = _radius_of_system  # (y, args) -> an upper bound

    references: ClassVar[tuple[str, ...]] = ("sommeijer1998",)
    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = ThirdOrderHermitePolynomialInterpolation

    def order(self, terms):
        """Order of the method."""
        del terms
        return 2

    def error_order(self, terms):
        """The error estimate of a step is of order h^3."""
        del terms
        return 3

    def init(self, terms, t0, t1, y0, args):
        """Return the vector field at the start."""
        del t1
        return terms.vf(t0, y0, args)

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step of as many stages as stability asks for."""
        del made_jump
        h, f0 = t1 - t0, solver_state
        stiffness = h * self.spectral_radius(y0, args)
        stages = 1 + jnp.sqrt(1 + 1.54 * stiffness).astype(jnp.int64)
        stages = jnp.clip(stages, 2, _MOST_STAGES)
        s = stages.astype(y0.dtype)
        w0 = 1 + _DAMPING / s**2
        root = jnp.sqrt(w0**2 - 1)
        angle = s * jnp.log(w0 + root)
        w1 = jnp.sinh(angle) * root**2 / (jnp.cosh(angle) * s * root - w0 * jnp.sinh(angle))

        def stage(_, carry):
            before, last, y_before, y_last = carry
            # Chebyshev polynomials at w0 with two derivatives, by their recurrence
            value = 2 * w0 * last[0] - before[0]
            first = 2 * w0 * last[1] - before[1] + 2 * last[0]
            second = 2 * w0 * last[2] - before[2] + 4 * last[1]
            b = second / first**2
            mu, nu = 2 * w0 * b / last[3], -b / before[3]
            slope = h * mu * w1 / w0 * (terms.vf(t0, y_last, args) - (1 - last[0] * last[3]) * f0)
            y = (1 - mu - nu) * y0 + mu * y_last + nu * y_before + slope
            return last, jnp.stack([value, first, second, b]), y_last, y

        b1 = 0.25 / w0**2
        zero, one = jnp.zeros_like(w0), jnp.ones_like(w0)
        start = jnp.stack([one, zero, zero, b1]), jnp.stack([w0, one, zero, b1]), y0, y0 + h * w1 * b1 * f0
        y1 = jax.lax.fori_loop(2, stages + 1, stage, start)[3]
        f1 = terms.vf(t1, y1, args)
        error = 0.8 * (y0 - y1) + 0.4 * h * (f0 + f1)
        stable = jnp.all(jnp.isfinite(f1)) & (stiffness < 0.65 * _MOST_STAGES**2)
        # not y1 itself: an infinite y1 would make the tolerance infinite too, and the step accepted
        y1, error = jnp.where(stable, y1, y0), jnp.where(stable, error, 1e100)
        return y1, error, {"y0": y0, "y1": y1, "k0": h * f0, "k1": h * f1}, f1, RESULTS.successful
