"""BDF: backward differentiation of variable order and step, as a diffrax solver given an approximate Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from diffrax import RESULTS, AbstractAdaptiveSolver, AbstractLocalInterpolation, ODETerm

_HIGHEST = 5
_ROWS = _HIGHEST + 3  # differences that are kept: two more than the formula uses tell of other orders
_GAMMA = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, _HIGHEST + 1))])
# the multiples of the backward difference that numerical differentiation formulas add, for smaller errors
_KAPPA = np.array([0.0, -0.1850, -1 / 9, -0.0823, -0.0415, 0.0])
_ALPHA = (1 - _KAPPA) * _GAMMA
# Errors of steps add up. Held to a tenth of the tolerance, they leave results within ten tolerances, as those of the
# other methods are.
_HELD = 10.0
_ERROR = _HELD * (_KAPPA * _GAMMA + 1 / np.arange(1, _HIGHEST + 2))

_ITERATIONS = 6
_UNSOLVED = 0.1  # of the tolerance may be left by the iteration
_SLOW, _FORGETS = 0.3, 0.3  # a rate of the iteration that asks for a new Jacobian; what of a rate is kept
_YOUNG, _OLD = 5, 25  # steps before which no Jacobian is made anew for slowness, and after which it is in any case
_SAFETY, _LEAST, _MOST, _WORTH = 0.9, 0.2, 10.0, 1.2
_SHORTER = 0.3  # a step in which the iteration fails with a fresh Jacobian
_SAME = 1e-6  # relative difference of step lengths that is rounding


class BDFInterpolation(AbstractLocalInterpolation):
    """Dense output: the polynomial through the points that the formula of the step uses."""

    t0: Any
    t1: Any
    differences: Any  # backward differences before the step
    turn: Any  # what makes those after it of them and of the change
    change: Any
    order: Any
    rate: Any  # y' at t1, by the formula

    def evaluate(self, t0, t1=None, left: bool = True):  # pyright: ignore
        """Value at `t0`, or the increment from `t0` to `t1`."""
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        x = (t0 - self.t1) / (self.t1 - self.t0)
        j = jnp.arange(_ROWS - 1)
        weights = jnp.concatenate([jnp.ones(1), jnp.cumprod((x + j) / (1 + j))])
        weights = jnp.where(jnp.arange(_ROWS) <= self.order, weights, 0.0) @ self.turn
        return _combined(weights, self.differences) + weights[_ROWS] * self.change


class History(NamedTuple):
    """What a step takes over from those before it.

    Attributes:
        differences: backward differences of the past solution, orders 0, 1, .. of spacing `length`.
        order: of the next step.
        length: of the last step.
        equal: steps made at this length and order.
        factor: describes (I - shift J)^-1.
        shift: that it was made for.
        age: steps since then.
        rate: of the iteration's convergence.
        first: what its first turn, which nothing mixes, left to the second: the share that a lone turn leaves.
        stale: whether the last step failed with this factor.
        evaluations: of the field so far.
        factors: made so far.
        rtol, atol: tolerances of the run.
    """

    differences: jax.Array
    order: jax.Array
    length: jax.Array
    equal: jax.Array
    factor: Any
    shift: jax.Array
    age: jax.Array
    rate: jax.Array
    first: jax.Array
    stale: jax.Array
    evaluations: jax.Array
    factors: jax.Array
    rtol: jax.Array
    atol: jax.Array


class Step(NamedTuple):
    """A step that was made and not yet accepted.

    Attributes:
        before: what it was made from.
        own: the differences of `before` on the length of this step are own @ differences, shape (rows, rows).
        change: of the solution beyond its prediction.
        length: of the step.
        solved: whether the iteration converged.
        fresh: whether the Jacobian is of this step.
        iterations: number of evaluations of the field.
    """

    before: History
    own: jax.Array
    change: jax.Array
    length: jax.Array
    solved: jax.Array
    fresh: jax.Array
    iterations: jax.Array


class _Iterate(NamedTuple):
    """Where the iteration of a step is.

    Attributes:
        change: of the solution beyond its prediction.
        step: the last part of it.
        more: what a plain iteration would have made of that part.
        size: norm of `more`.
        rate: of convergence.
        first: the share that the first turn left.
        done: whether to stop.
        iterations: made.
        solved: whether it converged.
    """

    change: jax.Array
    step: jax.Array
    more: jax.Array
    size: jax.Array
    rate: jax.Array
    first: jax.Array
    done: jax.Array
    iterations: jax.Array
    solved: jax.Array


def _factored(y: jax.Array, shift: jax.Array, system: Any) -> Any:
    return system.factor(y, shift)


def _solved(factor: Any, y: jax.Array) -> jax.Array:
    return factor.solve(y)


class BDF(AbstractAdaptiveSolver):
    """Numerical differentiation formulas of orders 1 to 5 for stiff systems y' = f(y) whose Jacobian has real spectrum.

    A step solves y - c f(y) = known, c = h / alpha_k, by an iteration with (I - c A)^-1, where A is any approximation
    of the Jacobian that holds what is stiff: it decides how fast the iteration converges, not what to. From its second
    turn on the iteration takes out the direction that the last one showed (Anderson's mixing of depth one), so that one
    stiff mode which A lacks, or many alike, do not stop it. A is made anew
    where the iteration is slow or the step length changes. A step takes one to two evaluations of the field, the
    fewest of all methods here, so that this is the one for fields that are dear.

    It remembers past steps: the loop keeps its `History` from chunk to chunk, and it decides itself on the next step.

    The state is a single array. The system's `error_norm` measures errors.

    Args:
        factor: (y, c, args) -> a pytree of arrays that describes (I - c A)^-1, A at y; by default `factor(y, c)` of
            the system.
        solve: (that, array) -> the array to which (I - c A)^-1 is applied; by default its `solve`.

    Source: Shampine and Reichelt, SIAM J. Sci. Comput. 18 (1997), 1, sections 2.1 to 2.3; control of the iteration as
    in Brown, Byrne and Hindmarsh, SIAM J. Sci. Stat. Comput. 10 (1989), 1038; mixing as in Walker and Ni, SIAM J.
    Numer. Anal. 49 (2011), 1715.
    """

    factor: Callable[[jax.Array, jax.Array, Any], Any] = _factored
    solve: Callable[[Any, jax.Array], jax.Array] = _solved

    references: ClassVar[tuple[str, ...]] = ("shampine1997", "brown1989")
    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = BDFInterpolation
    remembers: ClassVar[bool] = True

    def order(self, terms):
        """Highest order of the method."""
        del terms
        return _HIGHEST

    def init(self, terms, t0, t1, y0, args):
        """Nothing is known before the tolerances are: see `begin`."""
        del terms, t0, t1, y0, args

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def begin(self, y: jax.Array, rate: jax.Array, length: jax.Array, rtol: jax.Array, atol: jax.Array, args: Any):
        """Return the history of a run that begins at y, with a first step of this length at order 1."""
        differences = jnp.zeros((_ROWS, *y.shape)).at[0].set(y).at[1].set(length * rate)
        whole, one = jnp.zeros((), jnp.int64), jnp.ones(())
        shift = length / _ALPHA[1]
        factor = self.factor(y, shift, args)
        yes = jnp.asarray(False)
        return History(
            differences, whole + 1, length, whole, factor, shift, whole, one, one, yes, whole + 1, whole + 1, rtol, atol
        )

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step of the present order; it is `settle` that makes it part of the history, or not."""
        del made_jump
        past: History = solver_state
        h: Any = t1 - t0
        k, D = past.order, past.differences
        stretch = h / past.length
        other = jnp.abs(stretch - 1) > _SAME
        # differences are never written but in `settle`: for large states a pass over them costs as much as a field
        own = jnp.where(other, _respaced(k, stretch), jnp.eye(_ROWS))
        shift = h / jnp.asarray(_ALPHA)[k]
        used = jnp.arange(_ROWS) <= k
        predicted = _combined(used @ own, D)
        psi = _combined(jnp.where(used, jnp.pad(jnp.asarray(_GAMMA), (0, 2)), 0.0) / jnp.asarray(_ALPHA)[k] @ own, D)
        fresh = past.stale | (jnp.abs(shift / past.shift - 1) > _SAME) | (past.age >= _OLD)
        fresh |= (past.rate > _SLOW) & (past.age >= _YOUNG)
        # a loop that runs once or not at all: a condition would copy the old factor
        _, factor = jax.lax.while_loop(
            lambda loop: loop[0],
            lambda _: (jnp.asarray(False), self.factor(predicted, shift, args)),
            (fresh, past.factor),
        )
        left = _UNSOLVED / jnp.asarray(_ERROR)[k]

        weights = 1 / (past.atol + past.rtol * jnp.abs(predicted))

        def going(loop):
            return ~loop.done & (loop.iterations < _ITERATIONS)

        def iterate(loop):
            n = loop.iterations
            right = shift * terms.vf(t1, predicted + loop.change, args) - psi - loop.change
            more = self.solve(factor, right)
            # what the last part made of the residual tells how much is left to go the same way
            turned = more - loop.more
            told = jnp.sum((weights * turned) ** 2)
            share = jnp.sum(weights**2 * turned * more) / told
            share = jnp.where((n > 0) & jnp.isfinite(share), share, 0.0)
            step = more - share * (loop.step + turned)
            change = loop.change + step
            size = args.error_norm(more, y0, predicted + change, past.rtol, past.atol)
            ratio = size / loop.size
            rate = jnp.where(n > 0, jnp.maximum(_FORGETS * loop.rate, ratio), loop.rate)
            first = jnp.where(n == 1, jnp.maximum(_FORGETS * loop.first, ratio), loop.first)
            known = (n > 0) | ~fresh
            # the steps before tell what the first turn leaves: later ones are mixed, and leave less
            leaves = jnp.where(n > 0, rate, first)
            solved = (size * jnp.minimum(leaves / jnp.maximum(1 - leaves, 0.1), 1.0) < left) & known | (size == 0)
            lost = ~jnp.isfinite(size) | ((n > 1) & (size > 2 * loop.size))
            size = jnp.maximum(size, 1e-300)
            return _Iterate(change, step, more, size, rate, first, solved | lost, n + 1, solved & ~lost)

        nothing, one, no = jnp.zeros_like(y0), jnp.ones(()), jnp.asarray(False)
        rate, first = jnp.where(fresh, one, past.rate), jnp.where(fresh, one, past.first)
        start = _Iterate(nothing, nothing, nothing, one, rate, first, no, jnp.zeros((), jnp.int64), no)
        last = jax.lax.while_loop(going, iterate, start)
        change, n, solved = last.change, last.iterations, last.solved
        # what is not solved may be no number, and must not come into the history
        change = jnp.where(solved & jnp.isfinite(change), change, 0.0)
        y1 = predicted + change
        error = jnp.where(solved, jnp.asarray(_ERROR)[k] * change, 1e100)
        before = past._replace(
            equal=jnp.where(other, 0, past.equal),
            factor=factor,
            shift=jnp.where(fresh, shift, past.shift),
            age=jnp.where(fresh, 0, past.age),
            rate=jnp.clip(last.rate, 1e-3, 1.0),
            first=jnp.clip(last.first, 1e-3, 1.0),
            evaluations=past.evaluations + n,
            factors=past.factors + fresh,
        )
        dense = {
            "differences": D,
            "turn": _after(k) @ jax.scipy.linalg.block_diag(own, 1.0),
            "change": change,
            "order": k,
            "rate": (psi + change) / shift,
        }
        return y1, error, dense, Step(before, own, change, h, solved, fresh, n), RESULTS.successful

    def settle(
        self, norm: jax.Array, norm_of: Callable[[jax.Array], jax.Array], made: Step
    ) -> tuple[jax.Array, jax.Array, History]:
        """Whether a step is accepted, the length of the next one, and the history for it.

        Args:
            norm: of its error, in units of the tolerance.
            norm_of: the norm of other errors.
            made: the step.
        """
        past, k, h, D = made.before, made.before.order, made.length, made.before.differences
        norm = jnp.where(jnp.isfinite(norm), norm, jnp.inf)
        keep = made.solved & (norm < 1)
        equal = past.equal + 1
        # as in the source, fewer iterations let a step come nearer to its tolerance
        safety = _SAFETY * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + made.iterations)

        def longer(norm, order):
            return safety * jnp.maximum(norm, 1e-10) ** (-1 / (order + 1))

        def compare():
            """The order for which the next step is the longest."""
            errors, above = jnp.asarray(_ERROR), jnp.minimum(k + 1, _HIGHEST)
            # the change is the difference of order k + 1
            others = jnp.stack([_combined(made.own[k], D) + made.change, made.change - D[k + 1]])
            # one after the other, in a program that is half as long
            lower, higher = jax.lax.map(norm_of, others * _tall(errors[jnp.stack([k - 1, above])], others))
            lower, higher = jnp.where(k > 1, lower, jnp.inf), jnp.where(k < _HIGHEST, higher, jnp.inf)
            factors = jnp.stack([longer(lower, k - 1), longer(norm, k), longer(higher, k + 1)])
            best = jnp.argmax(factors)
            factor = jnp.clip(factors[best], _LEAST, _MOST)
            worth = (factor > _WORTH) | (factor < 1)
            return jnp.where(worth, k + best - 1, k), jnp.where(worth, factor, 1.0), jnp.asarray(0)

        order, factor, steps = jax.lax.cond(keep & (equal > k), compare, lambda: (k, jnp.ones(()), equal))
        refused = jnp.where(made.solved, jnp.clip(longer(norm, k), _LEAST, _SAFETY), jnp.where(made.fresh, _SHORTER, 1))
        # a step that is not solved with an old Jacobian is tried with a new one
        turn = _after(k) @ jax.scipy.linalg.block_diag(made.own, 1.0)
        turn = jnp.where(keep, turn, jnp.eye(_ROWS, _ROWS + 1))
        return (
            keep,
            h * jnp.where(keep, factor, refused),
            past._replace(
                differences=_turned(turn, D, made.change),
                order=order,
                length=jnp.where(keep, h, past.length),
                equal=jnp.where(keep, steps, 0),
                age=past.age + 1,
                stale=~made.solved,
            ),
        )


def _tall(weights: jax.Array, many: jax.Array) -> jax.Array:
    return weights.reshape(-1, *[1] * (many.ndim - 1))


def _combined(weights: jax.Array, differences: jax.Array) -> jax.Array:
    """The sum of differences with these weights: one pass over them, where a product of matrices copies."""
    total = weights[0] * differences[0]
    for i in range(1, _ROWS):
        total = total + weights[i] * differences[i]
    return total


def _turned(turn: jax.Array, differences: jax.Array, change: jax.Array) -> jax.Array:
    """The product of a small matrix with the differences and the change below them."""
    total = _tall(turn[:, _ROWS], differences) * change
    for j in range(_ROWS):
        total = total + _tall(turn[:, j], differences) * differences[j]
    return total


def _respaced(order: jax.Array, stretch: jax.Array) -> jax.Array:
    """The matrix that turns differences up to the order into those for a longer spacing, of the same polynomial."""
    turn = jnp.pad((_differences(stretch) @ _differences(1.0)).T, (0, 2))
    n = jnp.arange(_ROWS)
    return jnp.where((n[:, None] <= order) & (n[None, :] <= order), turn, jnp.eye(_ROWS))


def _differences(stretch: Any) -> jax.Array:
    """Entry (i, j): the weight of the i-th difference in the value j times `stretch` spacings back."""
    i, j = jnp.arange(1, _HIGHEST + 1)[:, None], jnp.arange(_HIGHEST + 1)
    return jnp.concatenate([jnp.ones((1, _HIGHEST + 1)), jnp.cumprod((i - 1 - stretch * j) / i, axis=0)])


def _after(order: jax.Array) -> jax.Array:
    """The matrix that turns differences and the change, that of order k + 1, into differences a step later."""
    i, j = jnp.arange(_ROWS)[:, None], jnp.arange(_ROWS + 1)[None, :]
    last, change = order + 1, j == _ROWS
    summed = ((j >= i) & (j <= order)) | change
    above = 1.0 * change - 1.0 * (j == last)
    return jnp.where(
        i <= order, 1.0 * summed, jnp.where(i == last, 1.0 * change, jnp.where(i == last + 1, above, i == j))
    )
