"""Losses of labelled examples: logistic and exponential, with what is known of their minimisers."""

from __future__ import annotations

import abc
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import minimize

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.problem.cost import Cost, matrix
from saddlescope.deep_linear.problem.separation import Separation, separate, widest


class MarginLoss(Cost):
    """A loss of margins: C(A) = sum over outputs k and the mean over examples n of loss(y_kn (A x_n)_k).

    The loss falls for ever, so that C has a minimiser only where no output can separate any of its examples.
    """

    inputs: Array
    labels: Array
    test_inputs: Array | None
    test_labels: Array | None

    def __init__(self, inputs: Any, labels: Any, *, test_inputs: Any = None, test_labels: Any = None):
        self.inputs, self.labels = (jnp.asarray(part) for part in _examples("inputs", inputs, "labels", labels))
        self.test_inputs = self.test_labels = None
        if (test_inputs is None) != (test_labels is None):
            missing = "test_inputs" if test_inputs is None else "test_labels"
            raise ArgumentError(missing, "be given together with its counterpart", None)
        if test_inputs is not None:
            tested, answers = _examples("test_inputs", test_inputs, "test_labels", test_labels)
            if (answers.shape[0], tested.shape[0]) != self.shape:
                raise ArgumentError("test_inputs", f"fit a map of shape {self.shape}", tested.shape)
            self.test_inputs, self.test_labels = jnp.asarray(tested), jnp.asarray(answers)
        if not np.any(np.asarray(self.labels) @ np.asarray(self.inputs).T):
            raise ArgumentError("labels", "leave something to learn: the loss has no slope at A = 0", labels)

    @staticmethod
    @abc.abstractmethod
    def loss(margin: Array) -> Array:
        """Return the loss of margins, of their shape."""

    @staticmethod
    @abc.abstractmethod
    def slope(margin: Array) -> Array:
        """Return its derivative."""

    @staticmethod
    @abc.abstractmethod
    def curvature(margin: Array) -> Array:
        """Return its second derivative."""

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        return self.labels.shape[0], self.inputs.shape[0]

    @property
    def target_rank(self) -> int | None:
        """None: labels do not fix a matrix."""
        return None

    @cached_property
    def separations(self) -> tuple[Separation, ...] | None:
        """What each output can separate, decided by a linear programme; None where that fails in floating point."""
        X, results = np.asarray(self.inputs), []
        for y in np.asarray(self.labels):
            one = separate(X * y)
            if one is None:
                return None
            results.append(one)
        return tuple(results)

    @property
    def separation(self) -> str:
        """Which examples are separable: all ("complete"), some ("quasi-complete"), none ("overlap"), or "unknown"."""
        if self.separations is None:
            return "unknown"
        kinds = {one.kind for one in self.separations}
        return kinds.pop() if len(kinds) == 1 else "quasi-complete"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says so where the cost has no minimiser."""
        if self.separation == "overlap":
            return ()
        if self.separations is None:
            return (
                "Whether the cost has a minimiser is not known: the margins of the examples are too uneven to tell.",
            )
        share = np.mean([one.separated for one in self.separations])
        what = "The examples are separable" if share == 1 else f"{share:.3g} of the margins can grow for ever"
        return (
            f"{what}: the cost has no minimiser and falls towards {self.least_cost:.6g} for ever, the slower the "
            "larger the product.",
        )

    def has_minimiser(self, rank: int) -> bool | None:
        """Whether the cost has a minimiser among products of at most this rank; None where that is not known.

        Without examples to separate it has one at every rank. With some it has none where any product is allowed; of
        lower ranks nothing is known: to find which labels a product of low rank can fit is hard in general.
        """
        if self.separation == "overlap":
            return True
        return False if self.separations is not None and rank >= min(self.shape) else None

    @cached_property
    def least_cost(self) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The infimum of the cost: that of the examples which cannot be separated."""
        if self.separations is None:
            return 0.0
        X, total = np.asarray(self.inputs), 0.0
        for y, one in zip(np.asarray(self.labels), self.separations, strict=True):
            total += self._least((X * y)[:, ~one.separated]) / X.shape[1]
        return total

    def _least(self, signed: np.ndarray) -> float:
        """The least sum of losses of examples that overlap, by Newton's method."""
        if signed.shape[1] == 0:
            return 0.0
        # in the space of the examples the loss is strictly convex
        U, s, _ = np.linalg.svd(signed, full_matrices=False)
        Z = U[:, s > 1e-12 * s[0]].T @ signed if s[0] > 0 else np.zeros((1, signed.shape[1]))
        result = minimize(
            lambda w: float(jnp.sum(self.loss(w @ Z))),
            np.zeros(len(Z)),
            jac=lambda w: Z @ np.asarray(self.slope(jnp.asarray(w @ Z))),
            hess=lambda w: (Z * np.asarray(self.curvature(jnp.asarray(w @ Z)))) @ Z.T,
            method="trust-exact",
            options={"gtol": 1e-10 * signed.shape[1]},
        )
        return float(result.fun)

    def widest_margin(self) -> np.ndarray | None:
        """Return the rows w_k that have margins of 1 or more and are shortest; None where not all can be separated.

        Gradient flow of one layer, and of several with one output, turns to this direction as the loss falls.

        Source: Soudry et al., arXiv 1710.10345; Ji, Telgarsky, arXiv 1810.02032.
        """
        X = np.asarray(self.inputs)
        rows = [widest(X * y) for y in np.asarray(self.labels)]
        return None if any(row is None for row in rows) else np.array(rows)

    def _margins(self, A: Array) -> Array:
        return self.labels * (A @ self.inputs)

    def value(self, A: Array) -> Array:
        """Return C(A)."""
        return jnp.sum(self.loss(self._margins(A))) / self.inputs.shape[1]

    def gradient(self, A: Array) -> Array:
        """Return G, the mean over examples of loss'(margin) y x^T."""
        return (self.slope(self._margins(A)) * self.labels) @ self.inputs.T / self.inputs.shape[1]

    @property
    def examples(self) -> int:
        return self.inputs.shape[1]

    def batch_gradient(self, A: Array, chosen: Array) -> Array:
        X, y = self.inputs[:, chosen], self.labels[:, chosen]
        return (self.slope(y * (A @ X)) * y) @ X.T / chosen.size

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return the mean over examples of loss''(margin) (dA x) x^T."""
        return (self.curvature(self._margins(A)) * (dA @ self.inputs)) @ self.inputs.T / self.inputs.shape[1]

    def test_error(self, A: Array) -> Array:
        """Return the share of test labels that have another sign than the output, or none; nan without test data."""
        if self.test_inputs is None or self.test_labels is None:
            return jnp.asarray(jnp.nan)
        return jnp.mean(self.test_labels * (A @ self.test_inputs) <= 0)


class LogisticLoss(MarginLoss):
    """Logistic loss of labelled examples: C(A) = sum_k mean_n log(1 + exp(-y_kn (A x_n)_k)).

    Args:
        inputs: X, one example a column, shape (d_in, N).
        labels: y, of -1 and 1, shape (d_out, N), or (N,) for one output.
        test_inputs, test_labels: of the same layout; the test error is the share of wrong test labels, else nan.

    Raises:
        ArgumentError: if shapes do not fit, labels are others than -1 and 1, or there is nothing to learn.

    Example:
        >>> cost = LogisticLoss([[1.0, 2.0, -1.0]], [1, 1, -1])
        >>> cost.separation, cost.has_minimiser(1), cost.least_cost, round(float(cost.value(jnp.zeros((1, 1)))), 6)
        ('complete', False, 0.0, 0.693147)
    """

    def __init__(self, inputs: Any, labels: Any, *, test_inputs: Any = None, test_labels: Any = None):
        super().__init__(inputs, labels, test_inputs=test_inputs, test_labels=test_labels)

    @staticmethod
    def loss(margin: Array) -> Array:
        return jax.nn.softplus(-margin)

    @staticmethod
    def slope(margin: Array) -> Array:
        return -jax.nn.sigmoid(-margin)

    @staticmethod
    def curvature(margin: Array) -> Array:
        return jax.nn.sigmoid(margin) * jax.nn.sigmoid(-margin)


class ExponentialLoss(MarginLoss):
    """Exponential loss of labelled examples: C(A) = sum_k mean_n exp(-y_kn (A x_n)_k).

    Args:
        inputs: X, one example a column, shape (d_in, N).
        labels: y, of -1 and 1, shape (d_out, N), or (N,) for one output.
        test_inputs, test_labels: of the same layout; the test error is the share of wrong test labels, else nan.

    Raises:
        ArgumentError: if shapes do not fit, labels are others than -1 and 1, or there is nothing to learn.

    Example:
        >>> cost = ExponentialLoss([[1.0, 1.0, 1.0]], [1, 1, -1])  # least where e^(2 w) = 2
        >>> cost.separation, round(cost.least_cost, 6)
        ('overlap', 0.942809)
    """

    def __init__(self, inputs: Any, labels: Any, *, test_inputs: Any = None, test_labels: Any = None):
        super().__init__(inputs, labels, test_inputs=test_inputs, test_labels=test_labels)

    @staticmethod
    def loss(margin: Array) -> Array:
        return jnp.exp(-margin)

    @staticmethod
    def slope(margin: Array) -> Array:
        return -jnp.exp(-margin)

    @staticmethod
    def curvature(margin: Array) -> Array:
        return jnp.exp(-margin)


def _examples(first: str, inputs: Any, second: str, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    X = matrix(first, inputs)
    y = matrix(second, np.atleast_2d(np.asarray(labels)) if np.ndim(labels) == 1 else labels)
    if X.shape[1] != y.shape[1]:
        raise ArgumentError(second, f"have one column per example, {X.shape[1]} of them", y.shape)
    if not np.all(np.abs(y) == 1):
        raise ArgumentError(second, "be of -1 and 1", labels)
    return X, y
