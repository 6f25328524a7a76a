"""Gradient descent on the layers of a deep linear network, with or without momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, finite, positive
from saddlescope.deep_linear.dynamics.blas_descent import blas_pays, descend
from saddlescope.deep_linear.dynamics.network_dynamics import DeepLinearDynamics
from saddlescope.deep_linear.dynamics.system import DeepLinearSystem
from saddlescope.deep_linear.network.layers import gradients
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.solve import Descent, Iteration


class DescentSteps(Iteration):
    """W <- W + V, V <- momentum V - eta (dC/dW + weight_decay W).

    The state is (layers, velocities), the latter None without momentum.

    Many steps at once are made in BLAS where that is faster: the same steps to rounding.
    """

    stop_on: ClassVar[str] = "cost"

    system: DeepLinearSystem
    learning_rate: jax.Array
    momentum: jax.Array

    def advance(self, state):
        weights, velocity = state
        decay = self.system.weight_decay
        slopes = zip(gradients(self.system.cost, weights), weights, strict=True)
        moves = [-self.learning_rate * (slope + decay * W) for slope, W in slopes]
        if velocity is not None:
            moves = [self.momentum * before + move for before, move in zip(velocity, moves, strict=True)]
            velocity = moves
        return [W + move for W, move in zip(weights, moves, strict=True)], velocity

    def advance_by(self, state, steps):
        weights, velocity = state
        if not blas_pays(self.system.cost, weights):
            return super().advance_by(state, steps)
        rates = {
            "learning_rate": float(self.learning_rate),
            "momentum": float(self.momentum),
            "weight_decay": float(self.system.weight_decay),
        }
        return descend(self.system.cost, weights, velocity, **rates, steps=steps)

    def observables(self, state):
        weights, decay = state[0], self.system.weight_decay
        slopes = gradients(self.system.cost, weights)
        squares = sum(jnp.sum(G**2) for G in slopes)
        pulled = sum(jnp.sum(G * W) for G, W in zip(slopes, weights, strict=True))
        # of the flow through these weights, as for the flow itself
        return self.system.readings(self.saved(state)) | {"cost_rate": -squares - decay * pulled}

    def saved(self, state):
        return jnp.concatenate([W.ravel() for W in state[0]])


class GradientDescent(DeepLinearDynamics, Descent):
    """Gradient descent W_l <- W_l - learning_rate (dC/dW_l + weight_decay W_l), with heavy-ball momentum if asked for.

    Arguments are those of `DeepLinearFlow`, and two more. A wide network is replaced by a narrow one only where that is
    exact: at depth 2, and for starts whose reachable subspaces close.

    Args:
        cost, depth, width, gamma, scale, seed, initial, compress, weight_decay: as in `DeepLinearFlow`.
        learning_rate: eta, positive. A step is the time eta of the flow; with momentum mu, eta / (1 - mu).
        momentum: mu in [0, 1).

    Raises:
        ArgumentError: if an argument is refused.

    Example:
        >>> import saddlescope as ss
        >>> descent = ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 4, gamma=1.0, learning_rate=0.01)
        >>> trajectory = ss.solve(descent, until=10.0)
        >>> trajectory.solver["steps"], float(trajectory["cost"][-1]) < 1e-9
        (1000, True)
    """

    _compresses_inexactly = False

    def __init__(
        self,
        cost: Cost,
        depth: int | None = None,
        width: int | None = None,
        gamma: float | None = None,
        scale: float = 1.0,
        seed: int = 0,
        *,
        learning_rate: float,
        momentum: float = 0.0,
        initial: Sequence[ArrayLike] | None = None,
        compress: str | bool | int = "auto",
        weight_decay: float = 0.0,
    ):
        self.learning_rate = positive("learning_rate", learning_rate)
        self.momentum = finite("momentum", momentum)
        if not 0 <= self.momentum < 1:
            raise ArgumentError("momentum", "lie in [0, 1)", self.momentum)
        super().__init__(
            cost, depth, width, gamma, scale, seed, initial=initial, compress=compress, weight_decay=weight_decay
        )

    def start(self) -> tuple[Any, Any]:
        weights = [jnp.asarray(W) for W in self.weights]
        steps = DescentSteps(
            step_size=jnp.asarray(self.step_size),
            system=self._system(),
            learning_rate=jnp.asarray(self.learning_rate),
            momentum=jnp.asarray(self.momentum),
        )
        return steps, (weights, None if self.momentum == 0 else [jnp.zeros_like(W) for W in weights])

    @property
    def step_size(self):
        return self.learning_rate / (1 - self.momentum)

    def kept(self, time: ArrayLike) -> np.ndarray:
        """What weight decay leaves, as a factor, of weights that the gradient does not reach, at these times."""
        steps = np.rint(np.asarray(time, dtype=np.float64) / self.step_size).astype(int)
        # a weight of its own and its velocity, a step later
        push = self.learning_rate * self.weight_decay
        step = np.array([[1 - push, self.momentum], [-push, self.momentum]])
        return np.reshape([np.linalg.matrix_power(step, n)[0, 0] for n in steps.ravel()], steps.shape)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        start = float(np.sum([np.sum(W) for W in self.initial]))
        own = {"learning_rate": self.learning_rate, "momentum": self.momentum, "sum_of_initial_weights": start}
        return super().describe() | own
