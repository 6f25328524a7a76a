"""The stiff part of a deep linear network's Hessian, which is of low rank, and shifted solves with it.

Write F_l = W_l .. W_1, S_l = W_L .. W_(l+1), G for the cost's gradient and H for its Hessian, both at A = W_L .. W_1.
Near a saddle two parts of the Hessian are of order one. One is J^T H J, where J is the derivative of the product,
dA = sum_l S_l dW_l F_(l-1). The other couples the outer layers through M = W_(L-1) .. W_2:
2 tr(G^T dW_L M dW_1). (At a saddle G is orthogonal to the modes in use, so that the same term of other pairs of layers
holds the small weights.) Both are of the rank of the product and not of the number of weights.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.deep_linear.network.layers import Weights, products_from_input
from saddlescope.deep_linear.problem.cost import Cost

_LEAST = 1e-6  # distance from a singular coupling; any approximation of the Hessian will do


class StiffCurvature(eqx.Module):
    """J^T H J and the coupling of the outer layers, in the singular frames of G = U diag(g) V^T.

    Attributes:
        U: shape (d_out, d_out).
        V: shape (d_in, d_in).
        outer: S_l^T U for l = 1 .. L - 1, shape (w, d_out) each.
        inner: (F_l V)^T for l = 1 .. L - 1, shape (d_in, w) each.
        hessian: H in the frames, shape (d_out d_in, d_out d_in).
        gram: J J^T, likewise.
        strengths: singular values g_a m_b of the coupling, shape (a, b).
        left: p_b, M = sum_b m_b p_b q_b^T between the rows of W_L and the columns of W_1, shape (w, b).
        right: q_b, shape (w, b).
        seen_left: p_b^T F_(L-1) V, transposed, shape (d_in, b).
        seen_right: U^T S_1 q_b, shape (d_out, b).
    """

    U: jax.Array
    V: jax.Array
    outer: list[jax.Array]
    inner: list[jax.Array]
    hessian: jax.Array
    gram: jax.Array
    strengths: jax.Array
    left: jax.Array
    right: jax.Array
    seen_left: jax.Array
    seen_right: jax.Array

    @classmethod
    def at(cls, cost: Cost, weights: Weights) -> StiffCurvature:
        """Return the curvature at these weights, of depth 2 or more."""
        prefixes = products_from_input(weights)
        A = prefixes[-1]
        rows, columns = A.shape
        U, g, Vt = jnp.linalg.svd(cost.gradient(A), full_matrices=True)
        V = Vt.T
        suffixes = [U.T @ weights[-1]]
        for W in weights[-2:0:-1]:
            suffixes.append(suffixes[-1] @ W)
        outer = [S.T for S in reversed(suffixes)]
        inner = [(F @ V).T for F in prefixes[:-1]]
        units = jnp.einsum("ia,jb->abij", U, V).reshape(-1, rows, columns)
        bent = jax.vmap(lambda unit: cost.hessian_product(A, unit))(units)
        gram = jnp.kron(outer[0].T @ outer[0], jnp.eye(columns)) + jnp.kron(jnp.eye(rows), inner[-1] @ inner[-1].T)
        for S, F in zip(outer[1:], inner[:-1], strict=True):
            gram += jnp.kron(S.T @ S, F @ F.T)
        entry, exit_ = jnp.linalg.qr(weights[0])[0], jnp.linalg.qr(weights[-1].T)[0]
        through = entry
        for W in weights[1:-1]:
            through = W @ through
        left, m, right = jnp.linalg.svd(exit_.T @ through, full_matrices=False)
        left, right = exit_ @ left, entry @ right.T
        return cls(
            U=U,
            V=V,
            outer=outer,
            inner=inner,
            hessian=jnp.einsum("ia,nij,jb->nab", U, bent, V).reshape(rows * columns, rows * columns),
            gram=gram,
            strengths=g[:, None] * m,
            left=left,
            right=right,
            seen_left=inner[-1] @ left,
            seen_right=outer[0].T @ right,
        )

    def factor(self, shift: jax.Array) -> Any:
        """What is needed to apply (I + shift * Hessian)^-1: the inverse coupling and a small decomposed matrix."""
        c = shift * self.strengths
        determinant = 1 - c**2
        determinant = jnp.where(jnp.abs(determinant) < _LEAST, _LEAST, determinant)
        same, other = c**2 / determinant, -c / determinant
        # J (I + shift * coupling)^-1 J^T: the coupling changes the blocks that share a mode of G. (A scatter into them
        # takes longer than all else.)
        rows, columns = len(self.U), len(self.V)
        s, f = self.seen_right, self.seen_left
        gram = self.gram.reshape(rows, columns, rows, columns)
        of_first = jnp.einsum("jb,ib,kb->ijk", _padded(columns, same), s, s)
        of_last = jnp.einsum("ib,jb,lb->ijl", _padded(rows, same), f, f)
        gram += of_first[:, :, :, None] * jnp.eye(columns)[:, None, :]
        gram += of_last[:, :, None, :] * jnp.eye(rows)[:, None, :, None]
        cross = jnp.einsum("jb,ib,lb->ijl", _padded(columns, other), s, f)
        cross = cross[:, :, None, :] * jnp.eye(columns, rows)[:, :, None]
        gram += cross + jnp.transpose(cross, (2, 3, 0, 1))
        size = rows * columns
        small = jnp.eye(size) + shift * gram.reshape(size, size) @ self.hessian
        decomposed, _, order = jax.lax.linalg.lu(small)
        return shift, same, other, decomposed, order

    def advance(self, factor: Any, cost: Cost, weights: Weights) -> Weights:
        """Return W - shift (I + shift * Hessian)^-1 dC/dW: one linearly implicit Euler step of the gradient flow.

        The slopes dC/dW_l = column_l row_l^T have the rank of the product. They are never written out: in small
        networks the time goes into the number of products, in large ones into those with w x w matrices. (Columns are
        held transposed: W^T column would copy W.)
        """
        shift, same, other, decomposed, order = factor
        rows = [self.V]
        for W in weights:
            rows.append(W @ rows[-1])
        columns = [self.V.T @ cost.gradient(rows[-1] @ self.V.T).T]
        for W in weights[:0:-1]:
            columns.append(columns[-1] @ W)
        columns = columns[::-1]
        first, last, end = columns[0], rows[-2], columns[-1] @ self.U
        # (I + shift * coupling)^-1 changes the modes (a, b) of the outer layers
        shared = slice(len(same))
        x, z = first[shared] @ self.right, (self.left.T @ last @ end[:, shared]).T
        x, z = same * x + other * z, same * z + other * x
        seen = first @ self.outer[0] + (self.inner[-1] @ last) @ end
        seen = seen.at[shared].add(x @ self.seen_right.T).at[:, shared].add(self.seen_left @ z.T)
        middle = list(zip(self.outer[1:], columns[1:-1], rows[1:-2], self.inner[:-1], strict=True))
        for S, column, row, F in middle:
            seen += (F @ row) @ (column @ S)
        solved = seen.T.ravel()[order][:, None]
        solved = jax.lax.linalg.triangular_solve(decomposed, solved, left_side=True, lower=True, unit_diagonal=True)
        solved = jax.lax.linalg.triangular_solve(decomposed, solved, left_side=True)
        push = shift * (self.hessian @ solved).reshape(seen.T.shape)
        # and once more, in what is taken back
        x_back, z_back = push.T[shared] @ self.seen_right, push[shared] @ self.seen_left
        x, z = x - same * x_back - other * z_back, z - same * z_back - other * x_back
        of_first = (first.T - self.outer[0] @ push).at[:, shared].add(self.right @ x.T)
        of_last = (end.T @ last.T - push @ self.inner[-1]).at[shared].add(z @ self.left.T)
        return [
            weights[0] - shift * (of_first @ self.V.T),
            *(
                W - shift * (jnp.hstack([column.T, S @ push]) @ jnp.vstack([row.T, -F]))
                for W, (S, column, row, F) in zip(weights[1:-1], middle, strict=True)
            ),
            weights[-1] - shift * (self.U @ of_last),
        ]


def _padded(size: int, M: jax.Array) -> jax.Array:
    """M with rows of zeros up to `size`, for modes that G has on one side only."""
    return jnp.pad(M, [(0, size - len(M)), (0, 0)])
