"""What is stiff in the flow of a finite network - its second layer and what couples the first to it - and solves."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

_RANK = 32
_WIDE = 128  # neurons from which a product with S costs more than finding its range


class FeatureMatrix(eqx.Module):
    """A symmetric matrix S, shape (m, m), or its part Q B Q^T in the range of a few vectors where it is wide.

    U'(r) is a kernel of few features: what is left out is small, and only makes an iteration slower.

    Attributes:
        values: S, or B of shape (q, q).
        frame: Q of shape (m, q), or None.
    """

    values: jax.Array
    frame: jax.Array | None

    @classmethod
    def of(cls, S: jax.Array) -> FeatureMatrix:
        """Return S, or its part in the range that two products with a fixed block of vectors find."""
        m = len(S)
        if m < _WIDE:
            return cls(S, None)
        n = np.arange(m)[:, None]
        start = np.cos(np.pi * (n + 0.5) * np.arange(_RANK) / m) + 0.1 * np.sin(1.7 * (n + 1) * np.arange(1, _RANK + 1))
        frame = jnp.linalg.qr(S @ jnp.linalg.qr(S @ start)[0])[0]
        return cls(frame.T @ (S @ frame), frame)

    def __matmul__(self, x: jax.Array) -> jax.Array:
        return self.values @ x if self.frame is None else self.frame @ (self.values @ (self.frame.T @ x))

    def dense(self) -> jax.Array:
        """The matrix."""
        return self.values if self.frame is None else self.frame @ self.values @ self.frame.T

    def squared(self, weights: jax.Array) -> jax.Array:
        """S diag(weights) S, for weights of shape (m, 1)."""
        if self.frame is None:
            return self.values @ (weights * self.values)
        inner = self.values @ (self.frame.T @ (weights * self.frame)) @ self.values
        return self.frame @ inner @ self.frame.T


class Coupling(eqx.Module):
    """(I - c A)^-1 for the part A of the Jacobian that grows like 1 / epsilon, or with the weights.

    With J for the Jacobian in blocks of second layer a and directions u, A is J but for its block of u with u, of which
    it keeps -d_i (1 - u_i u_i^T), d_i = a_i <F_i, u_i> of the whole force F_i over a_i where that is positive: weights
    of order epsilon^(-1/2) pull their neurons along that fast. Write g_ij for what a change of a_j does to u_i. Then

        J_aa = -K / epsilon,   J_ua x = sum_j g_ij x_j,   J_au = J_ua^T / epsilon,
        g_ij = (1 - u_i u_i^T) (delta_ij f_i - a_i S_ij u_j),   S = U'(r) / m,   K = U(r) / m,

    f_i the part of F_i orthogonal to u_i. What elimination of u leaves, 1 + (c / epsilon) (K - c G), with
    G_jk = sum_i g_ij . g_ik / (1 + c d_i), is an m x m matrix.

    Attributes:
        shift: c.
        epsilon: learning-rate ratio.
        a: shape (m,).
        u: unit vectors, shape (m, D).
        force: f, shape (m, D).
        share: 1 / (1 + c d), shape (m, 1).
        slope: S beside its diagonal, which the projection takes away: as a matrix (m, m), or Q and B of Q B Q^T.
        decomposed: L and U of the m x m matrix.
        order: of its rows.
    """

    shift: jax.Array
    epsilon: jax.Array
    a: jax.Array
    u: jax.Array
    force: jax.Array
    share: jax.Array
    slope: FeatureMatrix
    decomposed: jax.Array
    order: jax.Array

    @classmethod
    def at(
        cls,
        shift: jax.Array,
        epsilon: jax.Array,
        a: jax.Array,
        u: jax.Array,
        r: jax.Array,
        force: jax.Array,
        drawn: jax.Array,
        kernel: jax.Array,
        slope: FeatureMatrix,
    ) -> Coupling:
        """Return it from a, u, r, f, d, K and S."""
        share = 1 / (1 + shift * drawn[:, None])
        squares, S = share * (a**2)[:, None], slope.dense()
        seen, crossed = S * r, share * a[:, None] * S * (force @ u.T)
        gram = jnp.diag(jnp.sum(share * force**2, axis=1)) - crossed - crossed.T
        gram += slope.squared(squares) * r - seen @ (squares * seen)
        small = jnp.eye(len(u)) + shift / epsilon * (kernel - shift * gram)
        decomposed, _, order = jax.lax.linalg.lu(small)
        return cls(shift, epsilon, a, u, force, share, slope, decomposed, order)

    def solve(self, y: jax.Array) -> jax.Array:
        """Return (I - c A)^-1 y, of the shape of y, (m, 1 + D)."""
        pull, u = self.a[:, None], y[:, 1:]
        u = u - (1 - self.share) * self._beside(u)
        back = jnp.sum(self.force * u - self.u * (self.slope @ (pull * self._beside(u))), axis=1)
        right = (y[:, 0] + self.shift / self.epsilon * back)[self.order][:, None]
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True, lower=True, unit_diagonal=True)
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True)
        pushed = right * self.force - pull * self._beside(self.slope @ (right * self.u))
        return jnp.concatenate([right, u + self.shift * self.share * pushed], axis=1)

    def _beside(self, x: jax.Array) -> jax.Array:
        """The parts of vectors (m, D) that are orthogonal to their neurons."""
        return x - jnp.sum(x * self.u, axis=1, keepdims=True) * self.u
