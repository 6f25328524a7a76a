"""Gradient descent of a diagonal linear network, of all examples or of batches, as an optimiser makes it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, count, from_zero
from saddlescope.diagonal_linear.dynamics import dual_flow
from saddlescope.diagonal_linear.dynamics.flow import checked_scale
from saddlescope.diagonal_linear.dynamics.parametrization import checked, time_unit
from saddlescope.diagonal_linear.labels import LABELS, SUPPORT_SHARE
from saddlescope.diagonal_linear.problem.regression import checked_regression
from saddlescope.solve import Descent, Reading
from saddlescope.solve.optimizers.steps import OptimizedSteps, batches
from saddlescope.solve.optimizers.updates import Optimizer, either

_MOST_STEPS = 1e12  # in a unit of time: more are refused with the scale that asks for them


class DiagonalSteps(OptimizedSteps):
    """Steps of the weights, shape (layers, d): of a product all layers, of a difference u and v.

    Attributes:
        inputs: X, shape (n, d).
        outputs: y, shape (n,).
        time_unit: of the trajectory, in that of the weights.
        depth: L.
        is_product: whether beta is the product of the layers, or u^L - v^L.
    """

    inputs: jax.Array
    outputs: jax.Array
    time_unit: jax.Array
    depth: int = eqx.field(static=True)
    is_product: bool = eqx.field(static=True)

    def _regressor(self, weights: jax.Array) -> jax.Array:
        if self.is_product:
            return jnp.prod(weights, axis=0)
        return weights[0] ** self.depth - weights[1] ** self.depth

    def slopes(self, weights, chosen):
        X, y = (self.inputs, self.outputs) if chosen is None else (self.inputs[chosen], self.outputs[chosen])
        beta, pull_back = jax.vjp(self._regressor, weights)
        return pull_back(dual_flow.loss_gradient(beta, X, y))[0]

    def observables(self, state):
        weights = state[0]
        slope = self.slopes(weights, None)
        beta, beta_rate = jax.jvp(self._regressor, (weights,), (-slope,))
        return {
            "cost": dual_flow.loss(beta, self.inputs, self.outputs),
            # of the flow through these weights
            "cost_rate": -self.time_unit * jnp.sum(slope**2),
            "regressor": beta,
            "regressor_rate": self.time_unit * beta_rate,
        }

    def saved(self, state):
        return state[0].ravel()


class DiagonalDescent(Descent):
    """Gradient descent of a diagonal linear network on L = |X beta - y|^2 / (2n), or what an optimiser makes of it.

    Networks, starts and the clock are those of `DiagonalFlow`: a step of SGD is the time learning_rate / (1 - momentum)
    of the weights, which the trajectory counts in units of `time_unit`, so that jumps come at the times of
    `jump_sequence`. As many steps as ln(1/alpha), or alpha^(2-L), asks for are made: alpha cannot be tiny here.

    Args:
        inputs: X, one example a row, shape (n, d).
        outputs: y, shape (n,).
        scale: alpha, in (0, 1).
        log_scale: ln(1/alpha) instead of it.
        depth: L, 2 or more.
        parametrization: "product" or "difference".
        learning_rate: positive.
        momentum: in [0, 1), heavy-ball.
        optimizer: of `ss.optimizer`, such as `Adam(1e-3)`, instead of these two; its steps have a time of their own.
        batch_size: number of examples that a step uses, of all which are shuffled and gone through, again and again. By
            default all at once.
        gradient_noise: standard deviation of Gaussian noise on each weight's gradient, at every step; at least 0.
        batch_seed: of the order of the examples, and of the noise.

    Raises:
        ArgumentError: if the data do not fit each other, leave nothing to learn, or an argument is out of range.

    Source: Pesme, Pillaud-Vivien, Flammarion, arXiv 2106.09524 (SGD ends as from a smaller alpha).

    Example:
        >>> import saddlescope as ss
        >>> descent = ss.DiagonalDescent([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], 1e-3, learning_rate=0.01)
        >>> run = ss.solve(descent, until=4.0)
        >>> run["regressor"][-1].round(4).tolist(), run.solver["steps"]
        ([2.0, -1.0], 2763)
    """

    labels = LABELS
    references = ("pesme2023",)

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        scale: float | None = None,
        *,
        log_scale: float | None = None,
        depth: int = 2,
        parametrization: str = "product",
        learning_rate: float | None = None,
        momentum: float | None = None,
        optimizer: Optimizer | None = None,
        batch_size: int | None = None,
        gradient_noise: float = 0.0,
        batch_seed: int = 0,
    ):
        self.inputs, self.outputs = checked_regression(inputs, outputs)
        if not np.any(self.inputs.T @ self.outputs):
            raise ArgumentError("outputs", "leave something to learn: X^T y is zero", self.outputs.tolist())
        self.log_scale = checked_scale(scale, log_scale)
        self.parametrization, self.depth = checked(parametrization, depth, self.log_scale)
        self.optimizer = either(optimizer, learning_rate, momentum)
        self.optimizer.transformation()  # refused here, not in the middle of a run
        self.batch_size = batches(batch_size, len(self.outputs))
        self.gradient_noise = from_zero("gradient_noise", gradient_noise)
        self.batch_seed = count("batch_seed", batch_seed, least=0)
        if self.step_size * _MOST_STEPS < 1:
            must = f"be smaller: a unit of time takes {1 / self.step_size:.0e} steps (a DiagonalFlow has no such limit)"
            raise ArgumentError("log_scale", must, self.log_scale)

    @property
    def time_unit(self) -> float:
        """The time of the weights that is 1 in the trajectory."""
        return time_unit(self.parametrization, self.depth, self.log_scale)

    @property
    def step_size(self):
        return self.optimizer.step_size / self.time_unit

    def start(self) -> tuple[Any, Any]:
        d, alpha = self.inputs.shape[1], np.exp(-self.log_scale)
        if self.parametrization == "product":
            weights = np.full((self.depth, d), 2**0.5 * alpha)
            weights[-1] = 0.0
        else:
            weights = np.full((2, d), alpha)
        steps = DiagonalSteps(
            step_size=jnp.asarray(self.step_size),
            optimizer=self.optimizer,
            gradient_noise=jnp.asarray(self.gradient_noise) if self.gradient_noise > 0 else None,
            batch_size=self.batch_size,
            examples=len(self.outputs),
            inputs=jnp.asarray(self.inputs),
            outputs=jnp.asarray(self.outputs),
            time_unit=jnp.asarray(self.time_unit),
            depth=self.depth,
            is_product=self.parametrization == "product",
        )
        return steps, steps.begin(jnp.asarray(weights), self.batch_seed)

    def read(self, record):
        raw = record.observables
        shares = np.abs(raw["regressor"]) * np.linalg.norm(self.inputs, axis=0)
        inside = shares > SUPPORT_SHARE * np.linalg.norm(self.outputs)
        slope = self.inputs.T @ (self.inputs @ raw["regressor"][-1] - self.outputs)
        return Reading(
            {
                **raw,
                "support_size": inside.sum(axis=1),
                "l1_norm": np.abs(raw["regressor"]).sum(axis=1),
                "weights": record.states,
            },
            {"coordinate": np.arange(self.inputs.shape[1]), "weight": np.arange(record.states.shape[1])},
            accuracy={
                "gradient_at_the_end": float(np.abs(slope).max() / np.abs(self.inputs.T @ self.outputs).max()),
            },
        )

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        examples, dimension = self.inputs.shape
        told = {"examples": examples, "dimension": dimension, "log_scale": self.log_scale}
        told |= {"depth": self.depth, "parametrization": self.parametrization, "time_unit": self.time_unit}
        told |= {"optimizer": str(self.optimizer)}
        if self.batch_size:
            told["batch_size"] = self.batch_size
        if self.gradient_noise:
            told["gradient_noise"] = self.gradient_noise
        if self.batch_size or self.gradient_noise:
            told["batch_seed"] = self.batch_seed
        return told
