"""Gradient descent on the layers of a deep linear network: plain, with momentum, or as an optimiser makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, from_zero
from saddlescope.deep_linear.dynamics.blas_descent import blas_pays, descend
from saddlescope.deep_linear.dynamics.network_dynamics import DeepLinearDynamics
from saddlescope.deep_linear.dynamics.system import DeepLinearSystem
from saddlescope.deep_linear.network.layers import Weights, gradients, products_from_input, pull_back
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.solve import Descent, Iteration
from saddlescope.solve.optimizers.steps import OptimizedSteps, batches
from saddlescope.solve.optimizers.updates import Optimizer, either


def _observed(system: DeepLinearSystem, weights: Weights) -> dict[str, jax.Array]:
    """What is seen of the weights; the rate of the cost is that of the flow through them, as for the flow itself."""
    slopes = gradients(system.cost, weights)
    squares = sum(jnp.sum(G**2) for G in slopes)
    pulled = sum(jnp.sum(G * W) for G, W in zip(slopes, weights, strict=True))
    return system.readings(_vector(weights)) | {"cost_rate": -squares - system.weight_decay * pulled}


def _vector(weights: Weights) -> jax.Array:
    return jnp.concatenate([W.ravel() for W in weights])


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
        return _observed(self.system, state[0])

    def saved(self, state):
        return _vector(state[0])


class OptimizedLayers(OptimizedSteps):
    """What an optimiser makes of the gradients dC/dW + weight_decay W, of all examples or of batches."""

    system: DeepLinearSystem

    def slopes(self, weights, chosen):
        decay = self.system.weight_decay
        prefixes = products_from_input(weights)
        A, cost = prefixes[-1], self.system.cost
        G = cost.gradient(A) if chosen is None else cost.batch_gradient(A, chosen)
        return [slope + decay * W for slope, W in zip(pull_back(weights, prefixes, G), weights, strict=True)]

    def observables(self, state):
        return _observed(self.system, state[0])

    def saved(self, state):
        return _vector(state[0])


class GradientDescent(DeepLinearDynamics, Descent):
    """Gradient descent W_l <- W_l - learning_rate (dC/dW_l + weight_decay W_l), or what an optimiser makes of it.

    Arguments are those of `DeepLinearFlow`, and more. A wide network is replaced by a narrow one only where that is
    exact: at depth 2, and for starts whose reachable subspaces close, by steps that commute with rotations of neurons
    (those of Adam and RMSprop do not).

    Args:
        cost, depth, width, gamma, scale, seed, initial, compress, weight_decay: as in `DeepLinearFlow`.
        learning_rate: eta, positive. A step is the time eta of the flow; with momentum mu, eta / (1 - mu).
        momentum: mu in [0, 1), heavy-ball.
        optimizer: of `ss.optimizer`, such as `Adam(1e-3)`, instead of these two. Its steps have a time of their own,
            which for Adam and RMSprop is no time of the flow.
        batch_size: number of examples (observed entries, measurements) that a step uses, of a cost that is made of
            them, which are shuffled and gone through, again and again. By default all at once.
        gradient_noise: standard deviation of Gaussian noise on each entry of each gradient, at every step; at least 0.
        batch_seed: of the order of the examples, and of the noise.

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
    _copies = 4

    def __init__(
        self,
        cost: Cost,
        depth: int | None = None,
        width: int | None = None,
        gamma: float | None = None,
        scale: float = 1.0,
        seed: int = 0,
        *,
        learning_rate: float | None = None,
        momentum: float | None = None,
        optimizer: Optimizer | None = None,
        batch_size: int | None = None,
        gradient_noise: float = 0.0,
        batch_seed: int = 0,
        initial: Sequence[ArrayLike] | None = None,
        compress: str | bool | int = "auto",
        weight_decay: float = 0.0,
    ):
        self.optimizer = either(optimizer, learning_rate, momentum)
        self.gradient_noise = from_zero("gradient_noise", gradient_noise)
        self.batch_seed = count("batch_seed", batch_seed, least=0)
        self.batch_size = batches(batch_size, cost.examples if isinstance(cost, Cost) else 0)
        random = self.batch_size > 0 or self.gradient_noise > 0
        self.plain = None if random else self.optimizer.plain
        if self.plain is None:
            self.optimizer.transformation()  # refused here, not in the middle of a run
        # noise is not that of narrow layers, and how weights decay that are not in them is known of plain steps only
        narrows = self.optimizer.turns and self.gradient_noise == 0 and (self.plain is not None or weight_decay == 0)
        if not narrows:
            if compress not in ("auto", False):
                must = 'be False or "auto" for steps that a narrow network does not make'
                raise ArgumentError("compress", must, compress)
            compress = False
        super().__init__(
            cost, depth, width, gamma, scale, seed, initial=initial, compress=compress, weight_decay=weight_decay
        )

    def start(self) -> tuple[Any, Any]:
        weights = [jnp.asarray(W) for W in self.weights]
        if self.plain is None:
            made = OptimizedLayers(
                step_size=jnp.asarray(self.step_size),
                optimizer=self.optimizer,
                gradient_noise=jnp.asarray(self.gradient_noise) if self.gradient_noise > 0 else None,
                batch_size=self.batch_size,
                examples=self.cost.examples,
                system=self._system(),
            )
            return made, made.begin(weights, self.batch_seed)
        learning_rate, momentum = self.plain
        steps = DescentSteps(
            step_size=jnp.asarray(self.step_size),
            system=self._system(),
            learning_rate=jnp.asarray(learning_rate),
            momentum=jnp.asarray(momentum),
        )
        return steps, (weights, None if momentum == 0 else [jnp.zeros_like(W) for W in weights])

    @property
    def own_clock(self) -> str | None:
        """What the steps are of, where their time is not that of gradient flow; else None."""
        return None if self.optimizer.turns else str(self.optimizer)

    @property
    def step_size(self):
        return self.optimizer.step_size

    def kept(self, time: ArrayLike) -> np.ndarray:
        """What weight decay leaves, as a factor, of weights that the gradient does not reach, at these times."""
        if self.plain is None:  # there are no such weights, or they do not decay
            return np.ones(np.shape(time))
        learning_rate, momentum = self.plain
        steps = np.rint(np.asarray(time, dtype=np.float64) / self.step_size).astype(int)
        # a weight of its own and its velocity, a step later
        push = learning_rate * self.weight_decay
        step = np.array([[1 - push, momentum], [-push, momentum]])
        return np.reshape([np.linalg.matrix_power(step, n)[0, 0] for n in steps.ravel()], steps.shape)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        start = float(np.sum([np.sum(W) for W in self.initial]))
        own: dict[str, Any] = {"sum_of_initial_weights": start}
        if self.plain is not None:
            return super().describe() | {"learning_rate": self.plain[0], "momentum": self.plain[1]} | own
        if self.batch_size:
            own["batch_size"] = self.batch_size
        if self.gradient_noise:
            own["gradient_noise"] = self.gradient_noise
        if self.batch_size or self.gradient_noise:
            own["batch_seed"] = self.batch_seed
        return super().describe() | {"optimizer": str(self.optimizer)} | own
