"""Steps of an optimiser on gradients of all examples or of batches, with noise or without."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.arguments import ArgumentError, count
from saddlescope.solve.iterate import Iteration
from saddlescope.solve.optimizers.updates import Optimizer


class OptimizedSteps(Iteration):
    """What an optimiser makes of the gradients of a loss, one step after another.

    The state is (weights, state of the optimiser, random key, order of the examples, batches made of that order); the
    last three are None where nothing is random. All examples are shuffled, gone through in batches, and shuffled again;
    those that do not fill the last batch are left out until the next time.

    Attributes:
        optimizer: what is done to a gradient.
        gradient_noise: standard deviation of independent Gaussian noise on every entry of the gradient; None for none.
        batch_size: examples in a batch; 0 for all of them at once.
        examples: in all.
    """

    stop_on: ClassVar[str] = "cost"

    optimizer: Optimizer
    gradient_noise: jax.Array | None
    batch_size: int = eqx.field(static=True)
    examples: int = eqx.field(static=True)

    @property
    def references(self) -> tuple[str, ...]:
        return self.optimizer.references

    @abc.abstractmethod
    def slopes(self, weights: Any, chosen: jax.Array | None) -> Any:
        """Return the gradient, of the structure of the weights: of all examples, or an estimate by the chosen ones."""

    def begin(self, weights: Any, seed: int) -> Any:
        """Return the state to start from.

        Args:
            weights: pytree of arrays.
            seed: of the batches and the noise.
        """
        inner = self.optimizer.transformation().init(weights)
        if not self.batch_size and self.gradient_noise is None:
            return weights, inner, None, None, None
        key = jax.random.PRNGKey(seed)
        if not self.batch_size:
            return weights, inner, key, None, None
        # no batch is left of this order: the first step shuffles
        return weights, inner, key, jnp.arange(self.examples), jnp.asarray(self.examples // self.batch_size)

    def advance(self, state):
        weights, inner, key, order, place = state
        chosen = None
        if order is not None:
            key, order, place = jax.lax.cond(
                place >= self.examples // self.batch_size, _shuffled, lambda *same: same, key, order, place
            )
            chosen = jax.lax.dynamic_slice(order, (place * self.batch_size,), (self.batch_size,))
            place = place + 1
        slopes = self.slopes(weights, chosen)
        if self.gradient_noise is not None:
            key, drawn = jax.random.split(key)
            leaves, structure = jax.tree.flatten(slopes)
            parts = jax.random.split(drawn, len(leaves))
            noisy = [
                leaf + self.gradient_noise * jax.random.normal(part, leaf.shape, leaf.dtype)
                for leaf, part in zip(leaves, parts, strict=True)
            ]
            slopes = jax.tree.unflatten(structure, noisy)
        moves, inner = self.optimizer.transformation().update(slopes, inner, weights)
        return jax.tree.map(jnp.add, weights, moves), inner, key, order, place


def _shuffled(key: jax.Array, order: jax.Array, place: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    key, drawn = jax.random.split(key)
    return key, jax.random.permutation(drawn, order), jnp.zeros_like(place)


def batches(size: Any, examples: int) -> int:
    """Return the examples in a batch, 0 for all at once; refuse what the data cannot give.

    Args:
        size: asked for; None for all at once.
        examples: that there are; 0 where the data are none.

    Raises:
        ArgumentError: if there are no examples, or fewer.

    Example:
        >>> batches(None, 10), batches(4, 10)
        (0, 4)
    """
    if size is None:
        return 0
    if not examples:
        raise ArgumentError("batch_size", "be None, as this cost is not made of examples", size)
    return count("batch_size", size, 1, examples)
