"""What is stiff in the flow of a network with free norms or biases: its second layer, and what couples the two."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp


class FreeCoupling(eqx.Module):
    """(I - c A)^-1 for the part A of the Jacobian that grows like 1 / epsilon: as `Coupling`, without a sphere.

    Write g_ij for what a change of a_j does to u_i, d_ij for the slope of the kernel and t_ij for its part along u_i,

        J_aa = -K / epsilon,   J_ua x = sum_j g_ij x_j,   J_au = J_ua^T / epsilon,
        g_ij = delta_ij f_i - a_i (d_ij u_j + t_ij u_i) / m,   K = U / m,

    f_i the force on u_i over a_i, and the same of biases. What elimination of u and b leaves is
    1 + (c / epsilon) (K - c G), with G_jk = sum_i g_ij . g_ik.

    Attributes:
        shift: c.
        epsilon: learning-rate ratio.
        u: neurons, shape (m, D).
        force: f, shape (m, D).
        toward: a_i d_ij / m, shape (m, m), without its diagonal, which counts as radial.
        radial: a_i t_ij / m, shape (m, m).
        biases: what a change of a_j does to b_i, shape (m, m); without biases (0, m).
        decomposed: L and U of the m x m matrix.
        order: of its rows.
    """

    shift: jax.Array
    epsilon: jax.Array
    u: jax.Array
    force: jax.Array
    toward: jax.Array
    radial: jax.Array
    biases: jax.Array
    decomposed: jax.Array
    order: jax.Array

    @classmethod
    def at(
        cls,
        shift: jax.Array,
        epsilon: jax.Array,
        u: jax.Array,
        force: jax.Array,
        toward: jax.Array,
        radial: jax.Array,
        biases: jax.Array,
        kernel: jax.Array,
    ) -> FreeCoupling:
        """Return it from u, f, a d / m, a t / m, what it does to biases, and K."""
        r = u @ u.T
        own = toward * (force @ u.T) + radial * jnp.sum(force * u, axis=1)[:, None]
        mixed = (toward * r).T @ radial
        gram = jnp.diag(jnp.sum(force**2, axis=1)) - own - own.T + r * (toward.T @ toward) + mixed + mixed.T
        gram += radial.T @ (jnp.diagonal(r)[:, None] * radial) + biases.T @ biases
        small = jnp.eye(len(u)) + shift / epsilon * (kernel - shift * gram)
        decomposed, _, order = jax.lax.linalg.lu(small)
        return cls(shift, epsilon, u, force, toward, radial, biases, decomposed, order)

    def solve(self, y: jax.Array) -> jax.Array:
        """Return (I - c A)^-1 y, of the shape of y, (m, 1 + D), or (m, 2 + D) with biases."""
        first = 2 if len(self.biases) else 1
        w = y[:, first:]
        back = jnp.sum(self.force * w - self.u * (self.toward.T @ w), axis=1)
        back -= self.radial.T @ jnp.sum(self.u * w, axis=1)
        back += self.biases.T @ y[: len(self.biases), 1]
        right = (y[:, 0] + self.shift / self.epsilon * back)[self.order][:, None]
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True, lower=True, unit_diagonal=True)
        right = jax.lax.linalg.triangular_solve(self.decomposed, right, left_side=True)
        pushed = right * self.force - self.toward @ (right * self.u) - (self.radial @ right) * self.u
        turned = [y[:, 1:2] + self.shift * self.biases @ right] if len(self.biases) else []
        return jnp.concatenate([right, *turned, w + self.shift * pushed], axis=1)
