"""Rodas5P: a fifth-order, stiffly accurate Rosenbrock method, as a diffrax solver given the Jacobian's structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from diffrax import RESULTS, AbstractAdaptiveSolver, AbstractLocalInterpolation, ODETerm

from saddlescope.solve.methods.rodas_coefficients import GAMMA, A, C, H


class Rodas5PInterpolation(AbstractLocalInterpolation):
    """The fourth-order dense output that comes with Rodas5P."""

    t0: Any
    t1: Any
    y0: Any
    y1: Any
    increments: Any  # of the eight stages; combined only where a value between two steps is asked for
    solve: Any  # applies (I - gamma h J)^-1

    def evaluate(self, t0, t1=None, left: bool = True):  # pyright: ignore
        """Value at `t0`, or the increment from `t0` to `t1`."""
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        x = (t0 - self.t0) / (self.t1 - self.t0)
        low, middle, high = self._coefficients()
        cubic = low + x * (middle + x * high)
        return (1 - x) * self.y0 + x * (self.y1 + (1 - x) * cubic)

    def _coefficients(self):
        return jnp.tensordot(jnp.asarray(H), self.increments, 1)

    def end_rate(self, field: Any) -> Any:
        """The rate of the solution at the end of the step, given the field at y1.

        A state that is off by the tolerance in a direction of rate 1/epsilon has a field that is off by the tolerance
        over epsilon. There the slope of the dense output is taken, and the field where the step resolves the rate.
        """
        slope = (self.y1 - self.y0 - jnp.tensordot(jnp.asarray(H.sum(axis=0)), self.increments, 1)) / (
            self.t1 - self.t0
        )
        return slope + self.solve(field - slope)


def _linearised(y: jax.Array, system: Any) -> Any:
    return system.linearise(y)


def _factored(jacobian: Any, shift: jax.Array) -> Callable[[jax.Array], jax.Array]:
    return jacobian.factor(shift)


class Rodas5P(AbstractAdaptiveSolver):
    """Rosenbrock method of order 5 for stiff autonomous systems y' = f(y) whose Jacobian has structure.

    The stage matrix I - gamma h J is never formed: `linearise(y, args)` returns whatever describes J at y,
    and `factor(J, shift)` returns a function that applies (I - shift J)^-1; by default the methods `linearise(y)` of
    the system and `factor(shift)` of what that returns. One factorisation serves the
    eight stages of a step.

    The state is a single array.
    """

    linearise: Callable[..., Any] = _linearised
    factor: Callable[..., Callable[[jax.Array], jax.Array]] = _factored

    references: ClassVar[tuple[str, ...]] = ("steinebach2023",)
    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = Rodas5PInterpolation

    def order(self, terms):
        """Order of the method."""
        del terms
        return 5

    def init(self, terms, t0, t1, y0, args):
        """No hidden state: a step depends on y alone."""
        del terms, t0, t1, y0, args

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step; the error estimate is the last stage's increment."""
        del solver_state, made_jump
        h = t1 - t0
        solve = self.factor(self.linearise(y0, args), GAMMA * h)
        a, c = jnp.asarray(A), jnp.asarray(C)

        # A loop, since eight copies of the field and the solve take three times as long to compile.
        def stage(n, made):
            increments, _ = made
            y = y0 + jnp.tensordot(a[n], increments, 1)
            right = h * terms.vf(t0, y, args) + jnp.tensordot(c[n], increments, 1)
            return increments.at[n].set(solve(GAMMA * right)), y

        increments, y = jax.lax.fori_loop(0, len(A), stage, (jnp.zeros((len(A), *y0.shape)), y0))
        y1 = y + increments[-1]
        error = increments[-1]
        # A step so long that a growing mode makes the stage matrix singular must be refused, not trusted. (Huge, not
        # infinite: a norm with zero weights would turn infinity into nan, and the controller could not go on.)
        error = jnp.where(jnp.all(jnp.isfinite(y1)), error, 1e100)
        dense = {"y0": y0, "y1": y1, "increments": increments, "solve": solve}
        return y1, error, dense, None, RESULTS.successful
