"""Costs: differentiable functions of the product matrix A, with gradient and Hessian product."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from saddlescope.arguments import ArgumentError

Product = Float[Array, "d_out d_in"]
Number = Float[Array, ""]

_POWER_STEPS, _MARGIN = 30, 1.05
_POWER_STEPS_AT_A, _POWER_MARGIN = 8, 1.5


def matrix(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a non-empty two-dimensional float64 array of finite numbers, or refuse it."""
    entries = entries_or_nan(argument, value)
    if not np.all(np.isfinite(entries)):
        raise ArgumentError(argument, "hold finite numbers only", value)
    return entries


def entries_or_nan(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a non-empty two-dimensional float64 array, or refuse it."""
    try:
        entries = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(argument, "be a matrix of numbers", value) from None
    except OverflowError:
        raise ArgumentError(argument, "hold numbers that fit into a float", value) from None
    if entries.ndim != 2 or entries.size == 0:
        raise ArgumentError(argument, "be a non-empty matrix", value)
    return entries


def checked_cost(cost: Any) -> Cost:
    """Return a cost, or refuse what is none."""
    if not isinstance(cost, Cost):
        raise ArgumentError("cost", "be a cost of the product matrix, such as LeastSquares", cost)
    return cost


class Cost(eqx.Module):
    """A cost C(A) of the product matrix A, shape (d_out, d_in); every array in it is a leaf of the pytree.

    What a cost can do beyond its value and derivatives it says itself: the general answers stand here, and a cost that
    knows better overrides them. Nobody asks for its type.
    """

    numpy_pays: ClassVar[bool] = False  # whether `numpy_gradient` is as fast as NumPy, without a call of JAX in it

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        rows, columns = self.shape
        rank = [] if self.target_rank is None else [("rank of the target", self.target_rank)]
        told = [("product", f"{rows} x {columns}"), *rank, *(("remark", remark) for remark in self.remarks)]
        return pairs(type(self).__name__, told)

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""

    @property
    @abc.abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What is unusual about the data, one sentence each; empty when nothing is."""

    @property
    @abc.abstractmethod
    def target_rank(self) -> int | None:
        """Rank of the matrix to be learnt, or None where the data do not fix it."""

    @abc.abstractmethod
    def value(self, A: Product) -> Number:
        """Return C(A)."""

    @abc.abstractmethod
    def gradient(self, A: Product) -> Product:
        """Return G = ∇C(A), of the shape of A."""

    @abc.abstractmethod
    def hessian_product(self, A: Product, dA: Product) -> Product:
        """Return ∇²C(A)[dA], of the shape of A."""

    @abc.abstractmethod
    def test_error(self, A: Product) -> Number:
        """Return the relative error on what the cost does not see; nan where nothing is known about it."""

    @property
    def least_cost(self) -> float:
        """The lowest cost of any product, or a lower bound of it: 0 unless a cost knows better."""
        return 0.0

    @property
    def whitened_target(self) -> np.ndarray | None:
        """The matrix S of a cost ½‖A − S‖²; None of any other."""
        return None

    def has_minimiser(self, rank: int) -> bool | None:
        """Return whether the cost has a minimiser among products of at most this rank; None where that is not known.

        Args:
            rank: 1 or more.
        """
        del rank
        return None

    def root_mean_squares(self, cost: float, test_error: float) -> tuple[float, float] | None:
        """Return cost and test error as errors of one number, seen and not seen; None where they are of no numbers.

        Args:
            cost: C(A) of some A.
            test_error: of the same.
        """
        del cost, test_error
        return None

    @property
    def examples(self) -> int:
        """Of how many examples, or other terms, the cost is a mean or a sum; 0 where it is of none."""
        return 0

    def batch_gradient(self, A: Product, chosen: Int[Array, " batch"]) -> Product:
        """Return an estimate of ∇C(A) by some of the examples, whose mean over all batches is ∇C(A).

        Args:
            A: shape (d_out, d_in).
            chosen: numbers of examples, shape (batch,).

        Raises:
            ArgumentError: if the cost is not made of examples.
        """
        del A, chosen
        raise ArgumentError("cost", "be made of examples", type(self).__name__)

    def components(self) -> int:
        """Return into how many parts the problem falls that learn without each other; 1 unless a cost knows better."""
        return 1

    def numpy_gradient(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return ∇C as a function of NumPy arrays."""
        return lambda A: np.asarray(_gradient(self, A))  # pyright: ignore[reportArgumentType]

    def largest_curvature(self, places: list[np.ndarray]) -> float:
        """Return the largest curvature at some A, a little enlarged: an upper bound everywhere if C is quadratic."""
        largest, random = 0.0, np.random.default_rng(0)
        for A in places:
            direction, value = random.standard_normal(self.shape), 0.0
            for _ in range(_POWER_STEPS):
                direction = direction / np.linalg.norm(direction)
                direction = np.asarray(_hessian_product(self, A, direction))  # pyright: ignore[reportArgumentType]
                value = float(np.linalg.norm(direction))
                if value == 0:
                    break
            largest = max(largest, value)
        return _MARGIN * largest

    def curvature_bound(self, A: Product, G: Product, known: Number) -> Number:
        """Return an upper bound of |∇²C(A)[dA]| / |dA| at A, by power iteration where it is not `known` to hold.

        Args:
            A: shape (d_out, d_in).
            G: the gradient there.
            known: the largest curvature seen at the start.
        """
        # a start with a part in every direction, the gradient's among them
        direction = G / (jnp.linalg.norm(G) + jnp.finfo(G.dtype).tiny) + jnp.cos(jnp.arange(G.size)).reshape(G.shape)
        size = jnp.zeros(())
        for _ in range(_POWER_STEPS_AT_A):
            direction = self.hessian_product(A, direction / jnp.linalg.norm(direction))
            size = jnp.linalg.norm(direction)
            direction = jnp.where(size > 0, direction, 1.0)
        return jnp.maximum(_POWER_MARGIN * size, known)

    def relaxed(
        self, A: Float[np.ndarray, "d_out d_in"], clock: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "time d_out d_in"]:
        """Return the solution of dA/dt = −∇C(A) from A at the times `clock`, shape (time, d_out, d_in).

        Raises:
            ArgumentError: if no closed form is known.
        """
        del A, clock
        raise ArgumentError("cost", "have a closed form, as LeastSquares and MatrixCompletion do", type(self).__name__)


class QuadraticCost(Cost):
    """A cost whose Hessian is the same everywhere."""

    def has_minimiser(self, rank: int) -> bool | None:
        # among all products it has one; those of a lower rank may tend to it and grow without end
        return True if rank >= min(self.shape) else None

    def curvature_bound(self, A: Product, G: Product, known: Number) -> Number:
        del A, G
        return known


_gradient = jax.jit(lambda cost, A: cost.gradient(A))
_hessian_product = jax.jit(lambda cost, A, dA: cost.hessian_product(A, dA))
