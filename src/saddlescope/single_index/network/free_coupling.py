"""What is stiff in the flow of a network with free norms or biases: its second layer, and what couples the two."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp


class Stiff(NamedTuple):
    """The part of the Jacobian that grows like 1 / epsilon, in the symbols of `FreeCoupling`.

    Attributes:
        u: neurons, shape (m, D).
        force: f, shape (m, D).
        toward: a_i d_ij / m, shape (m, m), without its diagonal, which counts as radial.
        radial: a_i t_ij / m, shape (m, m).
        biases: what a change of a_j does to b_i, shape (m, m); without biases (0, m).
        kernel: K, shape (m, m).
        lifted: h, what a change of a_j does to u_i along the centre of a mixture, shape (m, m).
        centre: mu, shape (D,).
    """

    u: jax.Array
    force: jax.Array
    toward: jax.Array
    radial: jax.Array
    biases: jax.Array
    kernel: jax.Array
    lifted: jax.Array | None = None
    centre: jax.Array | None = None

    def gram(self) -> jax.Array:
        """G."""
        u, f, toward, radial = self.u, self.force, self.toward, self.radial
        r = u @ u.T
        own = toward * (f @ u.T) + radial * jnp.sum(f * u, axis=1)[:, None]
        mixed = (toward * r).T @ radial
        gram = jnp.diag(jnp.sum(f**2, axis=1)) - own - own.T + r * (toward.T @ toward) + mixed + mixed.T
        gram += radial.T @ (jnp.diagonal(r)[:, None] * radial) + self.biases.T @ self.biases
        if self.lifted is None or self.centre is None:
            return gram
        along = u @ self.centre
        beside = self.lifted.T @ (jnp.diag(f @ self.centre) - toward * along - along[:, None] * radial)
        return gram + beside + beside.T + self.centre @ self.centre * (self.lifted.T @ self.lifted)

    def back(self, w: jax.Array, b: jax.Array) -> jax.Array:
        """sum_i g_ij . w_i, and the same of biases b, of shapes (m, D) and (m,), or (0,) without them."""
        result = jnp.sum(self.force * w - self.u * (self.toward.T @ w), axis=1)
        result -= self.radial.T @ jnp.sum(self.u * w, axis=1)
        result += self.biases.T @ b
        if self.lifted is None or self.centre is None:
            return result
        return result + self.lifted.T @ (w @ self.centre)

    def pushed(self, x: jax.Array) -> jax.Array:
        """sum_j g_ij x_j, for x of shape (m, 1)."""
        result = x * self.force - self.toward @ (x * self.u) - (self.radial @ x) * self.u
        if self.lifted is None or self.centre is None:
            return result
        return result + (self.lifted @ x) * self.centre


class FreeCoupling(eqx.Module):
    """(I - c A)^-1 for the part A of the Jacobian that grows like 1 / epsilon: as `Coupling`, without a sphere.

    Write g_ij for what a change of a_j does to u_i, d_ij for the slope of the kernel and t_ij for its part along u_i,

        J_aa = -K / epsilon,   J_ua x = sum_j g_ij x_j,   J_au = J_ua^T / epsilon,
        g_ij = delta_ij f_i - a_i (d_ij u_j + t_ij u_i) / m + h_ij mu,   K = U / m,

    f_i the force on u_i over a_i, mu the centre of a mixture if there is one, and the same of biases. What elimination
    of u and b leaves is 1 + (c / epsilon) (K - c G), with G_jk = sum_i g_ij . g_ik.

    Attributes:
        shift: c.
        epsilon: learning-rate ratio.
        stiff: what A is made of.
        decomposed: L and U of the m x m matrix.
        order: of its rows.
    """

    shift: jax.Array
    epsilon: jax.Array
    stiff: Stiff
    decomposed: jax.Array
    order: jax.Array

    @classmethod
    def at(cls, shift: jax.Array, epsilon: jax.Array, stiff: Stiff) -> FreeCoupling:
        """Return it with that matrix decomposed."""
        small = jnp.eye(len(stiff.u)) + shift / epsilon * (stiff.kernel - shift * stiff.gram())
        decomposed, _, order = jax.lax.linalg.lu(small)
        return cls(shift, epsilon, stiff, decomposed, order)

    def solve(self, y: jax.Array) -> jax.Array:
        """Return (I - c A)^-1 y, of the shape of y, (m, 1 + D), or (m, 2 + D) with biases."""
        biases = self.stiff.biases
        first = 2 if len(biases) else 1
        w = y[:, first:]
        back = self.stiff.back(w, y[: len(biases), 1])
        right = (y[:, 0] + self.shift / self.epsilon * back)[self.order][:, None]
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True, lower=True, unit_diagonal=True)
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True)
        turned = [y[:, 1:2] + self.shift * biases @ right] if len(biases) else []
        return jnp.concatenate([right, *turned, w + self.shift * self.stiff.pushed(right)], axis=1)
