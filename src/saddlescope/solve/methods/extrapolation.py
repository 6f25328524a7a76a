"""Extrapolated linearly implicit Euler steps, as a diffrax solver that is given an approximation of the Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, factorial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from diffrax import RESULTS, AbstractAdaptiveSolver, AbstractLocalInterpolation, ODETerm

_COLUMNS = 6
_LENGTHS = np.arange(1, _COLUMNS + 1)  # a step is made in 1, 2, .. substeps
_FIRST = np.cumsum(_LENGTHS) - _LENGTHS  # places of a column's first and last substeps among all
_LAST = np.cumsum(_LENGTHS) - 1
_SUBSTEPS = int(_LENGTHS.sum())


def _extrapolation(lengths: np.ndarray) -> np.ndarray:
    """Weights of values made with these numbers of substeps that remove as many powers of the substep's length."""
    h = 1 / lengths
    return np.array([np.prod([other / (other - own) for other in h if other != own]) for own in h])


def _derivatives() -> np.ndarray:
    """Weights of all substeps in h^m y^(m) / m! at the end of the step, shape (columns, substeps), m = 0, 1, ..

    The m-th backward difference of a column stands for the m-th derivative there; extrapolation makes it accurate.
    """
    weights = np.zeros((_COLUMNS, _SUBSTEPS))
    for m in range(_COLUMNS):
        columns = np.arange(max(m - 1, 0), _COLUMNS)  # a column of n substeps has n + 1 values, the start among them
        for column, share in zip(columns.tolist(), _extrapolation(_LENGTHS[columns]), strict=True):
            n = _LENGTHS[column]
            for back in range(min(m, n - 1) + 1):
                weights[m, _LAST[column] - back] += share * n**m * (-1) ** back * comb(m, back) / factorial(m)
    return weights


_END = _derivatives()
_ERROR = _END[0].copy()
_ERROR[_LAST[1:]] -= _extrapolation(_LENGTHS[1:])


class ExtrapolationInterpolation(AbstractLocalInterpolation):
    """Dense output: the polynomial with the step's two ends and the derivatives that the substeps show at its end.

    Source: Hairer and Ostermann, Numer. Math. 58 (1990), 419.
    """

    t0: Any
    t1: Any
    y0: Any
    y1: Any
    substeps: Any  # combined only where a value between two steps is asked for
    join: Any

    def evaluate(self, t0, t1=None, left: bool = True):  # pyright: ignore
        """Value at `t0`, or the increment from `t0` to `t1`."""
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        x = (t0 - self.t1) / (self.t1 - self.t0)  # from -1 to 0
        m = jnp.arange(1, _COLUMNS)
        share = (-x) ** _COLUMNS  # what is missing at x = -1 is made up by the next power
        weights = (x**m - share * (-1.0) ** m) @ jnp.asarray(_END[1:])
        # differences that reach back to the start of the step take what is left of their weights from y0
        inner = self.join(jax.tree.map(lambda made: jnp.tensordot(weights, made, 1), self.substeps))
        return inner - jnp.sum(weights) * self.y0 + self.y1 + share * (self.y0 - self.y1)


def _not_given(*parts: Any) -> Any:
    raise TypeError("ExtrapolatedEuler() names a method: the parts that it steps with are those of a system")


class ExtrapolatedEuler(AbstractAdaptiveSolver):
    """Extrapolation of linearly implicit Euler steps, of order 6, for autonomous systems y' = f(y).

    A step of length h is made in 1, 2, .. 6 substeps y <- y + e (I - e A)^-1 f(y), e = h / n, and the six results are
    extrapolated to e = 0. The order does not depend on A: any part of the Jacobian that holds what is stiff will do.

    The state is a single array; substeps are made in the form that suits them, such as a list of matrices.

    Args:
        split: array -> the form for substeps.
        join: and back.
        linearise: (state in that form, args) -> whatever describes A there.
        factor: (A, e) -> what one needs to apply (I - e A)^-1; a step makes six.
        advance: (A, factor, state in that form, args) -> the same, a substep later.

    Source: Deuflhard, SIAM Review 27 (1985), 505; Hairer and Wanner, Solving ODEs II, section IV.9.
    """

    split: Callable[[jax.Array], Any] = _not_given
    join: Callable[[Any], jax.Array] = _not_given
    linearise: Callable[[Any, Any], Any] = _not_given
    factor: Callable[[Any, jax.Array], Any] = _not_given
    advance: Callable[[Any, Any, Any, Any], Any] = _not_given

    references: ClassVar[tuple[str, ...]] = ("deuflhard1985", "hairer1990")
    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = ExtrapolationInterpolation
    observations: ClassVar[int] = 4  # in a step that is too long to draw a curve by

    def order(self, terms):
        """Order of the method."""
        del terms
        return _COLUMNS

    def error_order(self, terms):
        """The error estimate of a step is of order h^6."""
        del terms
        return _COLUMNS

    def init(self, terms, t0, t1, y0, args):
        """No hidden state: a step depends on y alone."""
        del terms, t0, t1, y0, args

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step; the error estimate is what the last column adds."""
        del terms, solver_state, made_jump
        begin = self.split(y0)
        A = self.linearise(begin, args)
        first = jnp.asarray(_FIRST)

        def column(k, made):
            # One factor at a time: JAX decomposes a batch on its pool of threads and waits for them on one of these, so
            # that two runs at the same time wait for ever, each for threads that the other holds (jaxlib 0.10.2).
            factor = self.factor(A, (t1 - t0) / (k + 1))

            def substep(i, carry):
                y, made = carry
                y = self.advance(A, factor, y, args)
                return y, jax.tree.map(lambda all_, one: all_.at[first[k] + i].set(one), made, y)

            return jax.lax.fori_loop(0, k + 1, substep, (begin, made))[1]

        made = jax.tree.map(lambda start: jnp.zeros((_SUBSTEPS, *start.shape)), begin)
        made = jax.lax.fori_loop(0, _COLUMNS, column, made)

        def combined(weights):
            ends = jnp.asarray(weights[_LAST])
            return self.join(jax.tree.map(lambda all_: jnp.tensordot(ends, all_[jnp.asarray(_LAST)], 1), made))

        y1, error = combined(_END[0]), combined(_ERROR)
        stable = jnp.all(jnp.isfinite(error))
        y1, error = jnp.where(stable, y1, y0), jnp.where(stable, error, 1e100)
        dense = {"y0": y0, "y1": y1, "substeps": made, "join": self.join}
        return y1, error, dense, None, RESULTS.successful
