"""Least squares on the product matrix, whitened or from examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.problem.cost import QuadraticCost, matrix


class LeastSquares(QuadraticCost):
    """Least squares, either whitened from a target or empirical from inputs and outputs.

    Arguments: `target` S (d_out, d_in): C(A) = ½‖A − S‖²; or `inputs` X (d_in, N) and `outputs` Y (d_out, N),
    one example a column: C(A) = ‖AX − Y‖² / (2N). With `test_inputs` and `test_outputs`, of the same layout,
    the test error is ‖A X_t − Y_t‖ / ‖Y_t‖; from a target it is ‖A − S‖ / ‖S‖; otherwise it is nan. All norms
    are Frobenius.

    Raises `ArgumentError` if both or neither form is given, on shapes that do not fit and on numbers that are
    not finite.

    Source: Saxe, McClelland, Ganguli, arXiv 1312.6120 (whitened inputs make XXᵀ/N the identity).

    >>> float(LeastSquares([[3.0, 0.0], [0.0, 1.0]]).value(jnp.zeros((2, 2))))
    5.0
    """

    numpy_pays: ClassVar[bool] = True

    target: Array
    inputs: Array | None
    floor: Array
    each: tuple[Array, Array] | None  # inputs and outputs, one example a column, of which batches are made
    test_inputs: Array | None
    test_outputs: Array | None

    def __init__(
        self,
        target: Any = None,
        *,
        inputs: Any = None,
        outputs: Any = None,
        test_inputs: Any = None,
        test_outputs: Any = None,
    ):
        self.inputs, self.floor, self.each = None, jnp.zeros(()), None
        if target is not None:
            if any(data is not None for data in (inputs, outputs, test_inputs, test_outputs)):
                raise ArgumentError("target", "stand alone, without inputs or outputs", target)
            self.target = jnp.asarray(matrix("target", target))
            self.test_inputs = self.test_outputs = None
            return
        if inputs is None or outputs is None:
            raise ArgumentError("target", "be given, or else both `inputs` and `outputs`", None)
        X, Y = _examples("inputs", inputs, "outputs", outputs)
        count = X.shape[1]
        self.each = jnp.asarray(X), jnp.asarray(Y)
        residual = np.zeros(1)
        if count > X.shape[0]:
            # Only the row space of the examples enters: Xᵀ = QR leaves d_in columns. Forming XXᵀ instead
            # would square the condition number and floor the cost at the rounding of ‖Y‖².
            Q, R = np.linalg.qr(X.T)
            X, residual = R.T, Y - (Y @ Q) @ Q.T
            Y = Y @ Q
        self.inputs = jnp.asarray(X / np.sqrt(count))
        self.target = jnp.asarray(Y / np.sqrt(count))
        self.floor = jnp.asarray(np.sum(residual**2) / (2 * count))
        self.test_inputs = self.test_outputs = None
        if (test_inputs is None) != (test_outputs is None):
            missing = "test_inputs" if test_inputs is None else "test_outputs"
            raise ArgumentError(missing, "be given together with its counterpart", None)
        if test_inputs is not None:
            tested, answers = _examples("test_inputs", test_inputs, "test_outputs", test_outputs)
            if (answers.shape[0], tested.shape[0]) != self.shape:
                raise ArgumentError("test_inputs", f"fit a map of shape {self.shape}", tested.shape)
            self.test_inputs, self.test_outputs = jnp.asarray(tested), jnp.asarray(answers)

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        columns = self.target.shape[1] if self.inputs is None else self.inputs.shape[0]
        return self.target.shape[0], columns

    @property
    def minimiser(self) -> np.ndarray:
        """The minimiser of least norm, (d_out, d_in)."""
        target = np.asarray(self.target)
        return target if self.inputs is None else target @ np.linalg.pinv(np.asarray(self.inputs))

    @property
    def least_cost(self) -> float:
        return float(self.value(self.minimiser))  # pyright: ignore[reportArgumentType]

    def has_minimiser(self, rank: int) -> bool | None:
        # it grows with the part of A that the inputs see, whose rank is no larger
        del rank
        return True

    @property
    def whitened_target(self) -> np.ndarray | None:
        return np.asarray(self.target) if self.inputs is None else None

    @property
    def examples(self) -> int:
        return 0 if self.each is None else self.each[0].shape[1]

    def batch_gradient(self, A: Array, chosen: Array) -> Array:
        if self.each is None:
            return super().batch_gradient(A, chosen)
        X, Y = (part[:, chosen] for part in self.each)
        return (A @ X - Y) @ X.T / chosen.size

    def numpy_gradient(self) -> Callable[[np.ndarray], np.ndarray]:
        target = np.asarray(self.target)
        if self.inputs is None:
            return lambda A: A - target
        X = np.asarray(self.inputs)
        return lambda A: (A @ X - target) @ X.T

    def relaxed(self, A: np.ndarray, clock: np.ndarray) -> np.ndarray:
        clock = clock[:, None, None]
        if self.inputs is None:
            return A + np.expm1(-clock) * (A - np.asarray(self.target))
        # in the left singular frame of X every input direction relaxes at its own rate
        frame, values, _ = np.linalg.svd(np.asarray(self.inputs))
        rates = np.zeros(len(frame))
        rates[: values.size] = values**2
        return A + (np.expm1(-clock * rates) * ((A - self.minimiser) @ frame)) @ frame.T

    @property
    def target_rank(self) -> int | None:
        """Rank of the minimiser of least norm."""
        return int(np.linalg.matrix_rank(self.minimiser))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says so when the examples leave the minimiser open."""
        if self.inputs is None or np.linalg.matrix_rank(np.asarray(self.inputs)) == self.shape[1]:
            return ()
        return ("The inputs do not span the input space: the minimiser is not unique.",)

    def _residual(self, A: Array) -> Array:
        return (A if self.inputs is None else A @ self.inputs) - self.target

    def value(self, A: Array) -> Array:
        """Return C(A)."""
        return 0.5 * jnp.sum(self._residual(A) ** 2) + self.floor

    def gradient(self, A: Array) -> Array:
        """Return G = A − S, or (AX − Y)Xᵀ/N."""
        residual = self._residual(A)
        return residual if self.inputs is None else residual @ self.inputs.T

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return dA, or dA X Xᵀ/N."""
        del A
        return dA if self.inputs is None else (dA @ self.inputs) @ self.inputs.T

    def test_error(self, A: Array) -> Array:
        """Return ‖A − S‖/‖S‖, or ‖A X_t − Y_t‖/‖Y_t‖ with test examples, or nan."""
        if self.inputs is None:
            return jnp.linalg.norm(A - self.target) / jnp.linalg.norm(self.target)
        if self.test_inputs is None or self.test_outputs is None:
            return jnp.asarray(jnp.nan)
        error = jnp.linalg.norm(A @ self.test_inputs - self.test_outputs)
        return error / jnp.linalg.norm(self.test_outputs)


def _examples(first: str, inputs: Any, second: str, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    X, Y = matrix(first, inputs), matrix(second, outputs)
    if X.shape[1] != Y.shape[1]:
        raise ArgumentError(second, f"have one column per example, {X.shape[1]} of them", Y.shape)
    return X, Y
