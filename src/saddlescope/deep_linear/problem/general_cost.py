"""Any differentiable cost of the product matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.problem.cost import Cost


class GeneralCost(Cost):
    """Any scalar function of the product matrix that JAX can differentiate.

    Arguments: `function` of an array (d_out, d_in), written in JAX; an `equinox.Module` keeps its arrays
    changeable without a new compilation, any other callable is compiled in; `shape` (d_out, d_in); `test`, the error
    on test data as another such function, of which no derivative is taken. Without it the test error is nan.

    Raises `ArgumentError` if `test` is no real scalar function, or if the function is not scalar and real, cannot be
    traced, is not finite, or has no derivative at the origin (where small networks start) or at a random point of
    norm one.

    >>> cost = GeneralCost(lambda A: jnp.sum(jnp.log(jnp.cosh(A - 1.0))), (1, 2))
    >>> cost.gradient(jnp.ones((1, 2))).tolist()
    [[0.0, 0.0]]
    >>> float(GeneralCost(jnp.sum, (1, 2), test=lambda A: jnp.mean(A < 1)).test_error(jnp.ones((1, 2))))
    0.0
    """

    function: Callable[[Array], Array]
    test: Callable[[Array], Array] | None
    rows: int = eqx.field(static=True)
    columns: int = eqx.field(static=True)

    def __init__(
        self,
        function: Callable[[Array], Array],
        shape: tuple[int, int],
        *,
        test: Callable[[Array], Array] | None = None,
    ):
        if not callable(function):
            raise ArgumentError("function", "be callable", function)
        try:
            rows, columns = (int(size) for size in shape)
        except (TypeError, ValueError):
            raise ArgumentError("shape", "be two whole numbers, (d_out, d_in)", shape) from None
        if rows < 1 or columns < 1:
            raise ArgumentError("shape", "be two positive whole numbers, (d_out, d_in)", shape)
        # Partial is a pytree without leaves, so that plain functions pass through jax.jit
        self.function = function if _is_pytree(function) else jax.tree_util.Partial(function)
        if test is not None:
            _refuse_no_scalar(test, (rows, columns))
        self.test = test if test is None or _is_pytree(test) else jax.tree_util.Partial(test)
        self.rows, self.columns = rows, columns
        _refuse_not_differentiable(self.function, (rows, columns))

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        return self.rows, self.columns

    @property
    def target_rank(self) -> int | None:
        """None: a general cost does not tell."""
        return None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Empty: nothing is known about the data."""
        return ()

    def value(self, A: Array) -> Array:
        """Return C(A)."""
        return self.function(A)

    def gradient(self, A: Array) -> Array:
        """Return ∇C(A) by automatic differentiation."""
        return jax.grad(self.function)(A)

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return ∇²C(A)[dA], forward over reverse."""
        return jax.jvp(jax.grad(self.function), (A,), (dA,))[1]

    def test_error(self, A: Array) -> Array:
        """Return what `test` says, or nan."""
        return jnp.asarray(jnp.nan) if self.test is None else jnp.asarray(self.test(A), dtype=jnp.float64)


def _is_pytree(function: Callable[[Array], Array]) -> bool:
    return isinstance(function, eqx.Module | jax.tree_util.Partial)


def _refuse_no_scalar(test: Any, shape: tuple[int, int]) -> None:
    must = "be a function of the product that JAX can trace, of one real number"
    if not callable(test):
        raise ArgumentError("test", must, test)
    try:
        told = jax.eval_shape(test, jax.ShapeDtypeStruct(shape, jnp.float64))
    except Exception as error:  # whatever the user's function raises, the refusal is the same
        raise ArgumentError("test", must, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    if getattr(told, "shape", None) != () or jnp.issubdtype(told.dtype, jnp.complexfloating):
        raise ArgumentError("test", must, told)


def _refuse_not_differentiable(function: Callable[[Array], Array], shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for where in ("the origin", "a random point"):
        A = np.zeros(shape) if where == "the origin" else random.standard_normal(shape)
        E = random.standard_normal(shape)
        A, E = A / max(1.0, float(np.linalg.norm(A))), E / np.linalg.norm(E)
        try:
            value = function(jnp.asarray(A))
            slope = jax.grad(function)(jnp.asarray(A))
        except Exception as error:  # whatever the user's function raises, the refusal is the same
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ArgumentError("function", "be a real scalar function that JAX can differentiate", reason) from error
        if not bool(jnp.isfinite(value)) or not bool(jnp.all(jnp.isfinite(slope))):
            raise ArgumentError("function", f"have a finite value and gradient at {where}", float(value))
        gaps = []
        for step in (1e-4, 1e-6):
            # one-sided slopes must both tend to the gradient's; at a kink or jump the gap does not shrink
            sides = [(float(function(jnp.asarray(A + sign * step * E))) - float(value)) / step for sign in (1, -1)]
            along = float(jnp.sum(slope * E))
            rounding = 8 * np.finfo(float).eps * (abs(float(value)) + abs(sides[0]) * step) / step
            gaps.append(max(abs(sides[0] - along), abs(sides[1] + along)) - rounding)
        if not gaps[1] <= max(1e-3 * (1.0 + abs(along)), 0.5 * gaps[0]):
            raise ArgumentError(
                "function", f"be differentiable at {where}", f"one-sided slopes that differ by {gaps[1]:.3g}"
            )
