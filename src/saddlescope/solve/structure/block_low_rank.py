"""Block-diagonal plus low rank: the shape of every mean-field Jacobian, factored in O(m K^2 + K^3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp


class BlockLowRank(eqx.Module):
    """A Jacobian made of one n x n block per particle and K directions that couple all particles.

    On states y of shape (n, m), (J y)_i = D_i y_i + sum_k left_ki (sum_j right_kj . y_j).

    Attributes:
        blocks: D, shape (n, n, m).
        left: what a change of the k-th coupling does to the particles, shape (K, n, m).
        right: what the particles do to the k-th coupling, shape (K, n, m).
    """

    blocks: jax.Array
    left: jax.Array
    right: jax.Array

    def __matmul__(self, y: jax.Array) -> jax.Array:
        """Return J y, shape (n, m)."""
        return jnp.einsum("abm,bm->am", self.blocks, y) + jnp.einsum(
            "kam,k->am", self.left, jnp.einsum("kbm,bm->k", self.right, y)
        )

    def factor(self, shift: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """Return the function that applies (I - shift J)^-1 to a state, by the Woodbury identity.

        The blocks are inverted one by one; what couples them is a K x K system.
        """
        inverse, _ = _inverted(self.blocks, shift)
        left, right = _solved(inverse, _rows(self.left)), _rows(self.right)
        coupling = jnp.eye(len(self.left)) - shift * _added([r @ one.T for r, one in zip(right, left, strict=True)])
        # Two K x K products per stage instead of two calls of LAPACK. (The inverse itself would not do: where there are
        # fewer particles than couplings it loses all digits, and the run.)
        factors, _, order = jax.lax.linalg.lu(coupling)
        one = jnp.eye(len(coupling))
        lower = jax.lax.linalg.triangular_solve(factors, one[order], left_side=True, lower=True, unit_diagonal=True)
        upper = shift * jax.lax.linalg.triangular_solve(factors, one, left_side=True)

        def solve(y: jax.Array) -> jax.Array:
            own = _solved(inverse, list(y))
            z = upper @ (lower @ _added([r @ part for r, part in zip(right, own, strict=True)]))
            return jnp.stack([part + z @ along for part, along in zip(own, left, strict=True)])

        return solve

    def faster_than(self, rate: jax.Array, counted: jax.Array) -> jax.Array:
        """Return how many modes grow faster than `rate`, for a Jacobian of a gradient flow whose coupling only damps.

        J is self-adjoint in some metric, its blocks and its coupling with it, so that the count is that of the
        negative eigenvalues of I - J / rate: those of its blocks, which must be 2 x 2, less those of the K x K
        coupling matrix.

        Args:
            rate: positive.
            counted: the particles that are there, shape (m,); others neither grow nor couple.
        """
        inverse, determinant = _inverted(self.blocks, 1 / rate)
        trace = inverse[0][0] + inverse[1][1]  # of the inverse: of the same sign as the block's, where both are
        negative = jnp.where(determinant < 0, 1, jnp.where(trace < 0, 2, 0))
        left = jnp.where(counted, self.left, 0.0)
        solved = _solved(inverse, _rows(left))
        product = _added([r @ one.T for r, one in zip(_rows(self.right), solved, strict=True)])
        coupling = jnp.eye(len(left)) - product / rate
        damped = jnp.sum(jnp.linalg.eigvalsh(0.5 * (coupling + coupling.T)) < 0)
        return jnp.sum(jnp.where(counted, negative, 0)) - damped

    def dense(self) -> jax.Array:
        """Return J as a matrix of shape (n m, n m): the slow and obvious twin, for tests and small problems."""
        n, m = self.blocks.shape[1:]
        diagonal = jnp.einsum("abm,mn->ambn", self.blocks, jnp.eye(m)).reshape(n * m, n * m)
        return diagonal + self.left.reshape(-1, n * m).T @ self.right.reshape(-1, n * m)


_Block = Sequence[Sequence[jax.Array]]


def _rows(coupling: jax.Array) -> list[jax.Array]:
    """The part of a coupling with each component of the particles, each of shape (K, m)."""
    return [coupling[:, n] for n in range(coupling.shape[1])]


def _added(parts: list[jax.Array]) -> jax.Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _inverted(blocks: jax.Array, shift: jax.Array) -> tuple[_Block, jax.Array]:
    """(1 - shift D)^-1 and the determinant of 1 - shift D, block by block."""
    n = len(blocks)
    if n == 2:
        (p, q), (r, s) = blocks
        p, q, r, s = 1 - shift * p, -shift * q, -shift * r, 1 - shift * s
        determinant = p * s - q * r
        return ((s / determinant, -q / determinant), (-r / determinant, p / determinant)), determinant
    stage = jnp.eye(n) - shift * jnp.moveaxis(blocks, -1, 0)
    inverse = jnp.linalg.inv(stage)
    return [[inverse[:, i, j] for j in range(n)] for i in range(n)], jnp.linalg.det(stage)


def _solved(inverse: _Block, parts: list[jax.Array]) -> list[jax.Array]:
    return [_added([entry * part for entry, part in zip(row, parts, strict=True)]) for row in inverse]
