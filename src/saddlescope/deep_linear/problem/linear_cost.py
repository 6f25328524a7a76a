"""The linear cost that free neurons see next to a saddle."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from saddlescope.deep_linear.problem.cost import QuadraticCost


class LinearCost(QuadraticCost):
    """The cost ⟨G, A⟩, with the one argument G (d_out, d_in).

    >>> cost = LinearCost(jnp.array([[2.0, -1.0]]))
    >>> float(cost.value(jnp.array([[1.0, 3.0]])))
    -1.0
    """

    G: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        return self.G.shape[0], self.G.shape[1]

    @property
    def remarks(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def target_rank(self) -> int | None:
        """None: nothing is to be learnt."""
        return None

    def has_minimiser(self, rank: int) -> bool | None:
        del rank
        return False

    def value(self, A: Array) -> Array:
        """Return ⟨G, A⟩."""
        return jnp.sum(self.G * A)

    def gradient(self, A: Array) -> Array:
        """Return G."""
        del A
        return self.G

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return zero."""
        del A
        return jnp.zeros_like(dA)

    def test_error(self, A: Array) -> Array:
        """Return nan."""
        del A
        return jnp.asarray(jnp.nan)
