"""Block-diagonal plus low rank: the shape of every mean-field Jacobian, factored in O(m K^2 + K^3)."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp


class BlockLowRank(eqx.Module):
    """A Jacobian made of one 2x2 block per particle and K directions that couple all particles.

    On states y of shape (2, m), (J y)_i = D_i y_i + sum_k left_ki (sum_j right_kj . y_j).

    Attributes:
        blocks: D, shape (2, 2, m).
        left: what a change of the k-th coupling does to the particles, shape (K, 2, m).
        right: what the particles do to the k-th coupling, shape (K, 2, m).
    """

    blocks: jax.Array
    left: jax.Array
    right: jax.Array

    def __matmul__(self, y: jax.Array) -> jax.Array:
        """Return J y, shape (2, m)."""
        return jnp.einsum("abm,bm->am", self.blocks, y) + jnp.einsum(
            "kam,k->am", self.left, jnp.einsum("kbm,bm->k", self.right, y)
        )

    def factor(self, shift: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """Return the function that applies (I - shift J)^-1 to a state, by the Woodbury identity.

        The blocks are inverted one by one; what couples them is a K x K system.
        """
        inverse, _ = _inverted(self.blocks, shift)
        left_a, left_b = _solved(inverse, self.left[:, 0], self.left[:, 1])
        right_a, right_b = self.right[:, 0], self.right[:, 1]
        coupling = jnp.eye(len(self.left)) - shift * (right_a @ left_a.T + right_b @ left_b.T)
        # Two K x K products per stage instead of two calls of LAPACK. (The inverse itself would not do: where there are
        # fewer particles than couplings it loses all digits, and the run.)
        factors, _, order = jax.lax.linalg.lu(coupling)
        one = jnp.eye(len(coupling))
        lower = jax.lax.linalg.triangular_solve(factors, one[order], left_side=True, lower=True, unit_diagonal=True)
        upper = shift * jax.lax.linalg.triangular_solve(factors, one, left_side=True)

        def solve(y: jax.Array) -> jax.Array:
            a, b = _solved(inverse, y[0], y[1])
            z = upper @ (lower @ (right_a @ a + right_b @ b))
            return jnp.stack([a + z @ left_a, b + z @ left_b])

        return solve

    def faster_than(self, rate: jax.Array, counted: jax.Array) -> jax.Array:
        """Return how many modes grow faster than `rate`, for a Jacobian of a gradient flow whose coupling only damps.

        J is self-adjoint in some metric, its blocks and its coupling with it, so that the count is that of the
        negative eigenvalues of I - J / rate: those of its blocks less those of the K x K coupling matrix.

        Args:
            rate: positive.
            counted: the particles that are there, shape (m,); others neither grow nor couple.
        """
        inverse, determinant = _inverted(self.blocks, 1 / rate)
        trace = inverse[0][0] + inverse[1][1]  # of the inverse: of the same sign as the block's, where both are
        negative = jnp.where(determinant < 0, 1, jnp.where(trace < 0, 2, 0))
        left = jnp.where(counted, self.left, 0.0)
        solved = _solved(inverse, left[:, 0], left[:, 1])
        coupling = jnp.eye(len(left)) - (self.right[:, 0] @ solved[0].T + self.right[:, 1] @ solved[1].T) / rate
        damped = jnp.sum(jnp.linalg.eigvalsh(0.5 * (coupling + coupling.T)) < 0)
        return jnp.sum(jnp.where(counted, negative, 0)) - damped

    def dense(self) -> jax.Array:
        """Return J as a matrix of shape (2 m, 2 m): the slow and obvious twin, for tests and small problems."""
        m = self.blocks.shape[-1]
        diagonal = jnp.einsum("abm,mn->ambn", self.blocks, jnp.eye(m)).reshape(2 * m, 2 * m)
        return diagonal + self.left.reshape(-1, 2 * m).T @ self.right.reshape(-1, 2 * m)


_Block = tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def _inverted(blocks: jax.Array, shift: jax.Array) -> tuple[_Block, jax.Array]:
    """(1 - shift D)^-1 and the determinant of 1 - shift D, block by block."""
    (p, q), (r, s) = blocks
    p, q, r, s = 1 - shift * p, -shift * q, -shift * r, 1 - shift * s
    determinant = p * s - q * r
    return ((s / determinant, -q / determinant), (-r / determinant, p / determinant)), determinant


def _solved(inverse: _Block, a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    return inverse[0][0] * a + inverse[0][1] * b, inverse[1][0] * a + inverse[1][1] * b
