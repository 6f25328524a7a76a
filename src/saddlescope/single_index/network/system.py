"""The population gradient flow of a finite two-layer network, as what the integrator sees."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.gaussian import Kernel
from saddlescope.solve import RKC2, System


class NetworkSystem(System):
    """epsilon da_i/dt = -m dR/da_i,  du_i/dt = -m (1 - u_i u_i^T) dR/du_i; the state is (a, u), shape (m, 1 + D).

    R = E y^2 / 2 - mean_i a_i V_i + sum_ij a_i a_j U(r_ij) / (2 m^2), V_i = (1/p) sum_r b_r V(s_ir), with
    s_ir = <u_i, v_r> and r_ij = <u_i, u_j>. Neurons are read as u / |u|, so that rounding of their norm does nothing.

    Attributes:
        epsilon: learning-rate ratio.
        U, V: kernels of activation with itself and of link with activation.
        frame: teacher directions, shape (p, D).
        b: their weights over p, shape (p,).
        target: E y^2 / 2.
        phi, sigma: coefficients of the reported degrees, shape (degrees + 1,).
        target_by_degree: phi_k^2 sum_rq b_r b_q <v_r, v_q>^k / 2, shape (degrees + 1,).
    """

    epsilon: jax.Array
    U: Kernel
    V: Kernel
    frame: jax.Array
    b: jax.Array
    target: jax.Array
    phi: jax.Array
    sigma: jax.Array
    target_by_degree: jax.Array
    degrees: int = eqx.field(static=True)

    def solver(self):
        return RKC2(spectral_radius=lambda y, system: system.spectral_radius(y))

    def _neurons(self, y):
        """a, unit vectors, overlaps with teachers (m, p) and with each other (m, m)."""
        a, u = y[:, 0], y[:, 1:]
        u = u / jnp.linalg.norm(u, axis=1, keepdims=True)
        s = jnp.clip(u @ self.frame.T, -1.0, 1.0)
        r = jnp.clip(u @ u.T, -1.0, 1.0)
        r = jnp.where(jnp.eye(len(a), dtype=bool), 1.0, r)
        return a, u, s, r

    def vector_field(self, y):
        a, u, s, r = self._neurons(y)
        m = len(a)
        rate = (self.V(s) @ self.b - self.U(r) @ a / m) / self.epsilon
        # the pull of a neuron on itself is radial, and where U'(1) is infinite it must not enter
        pull = jnp.where(jnp.eye(m, dtype=bool), 0.0, self.U.derivative(r)) * a[None, :]
        push = self.V.derivative(s) * self.b[None, :]
        force = push @ self.frame - pull @ u / m
        tangent = force - jnp.sum(force * u, axis=1, keepdims=True) * u
        # times |u|, so that u / |u| moves as a neuron of norm one does
        length = jnp.linalg.norm(y[:, 1:], axis=1, keepdims=True)
        return jnp.concatenate([rate[:, None], a[:, None] * length * tangent], axis=1)

    def spectral_radius(self, y):
        """A bound by row sums of blocks, of the Hessian in the metric (epsilon, 1) in which it is symmetric.

        A block between two neurons' directions is a_i a_j (U'(r) + U''(r) (1 - r^2)) / m at most: the second derivative
        acts on what each sees of the other beside itself.
        """
        a, _, s, r = self._neurons(y)
        m, size = len(a), jnp.abs(a)
        off = ~jnp.eye(m, dtype=bool)
        beside, beside_teacher = 1 - r**2, 1 - s**2
        first = jnp.where(off, self.U.derivative(r), 0.0)
        # infinite second derivatives belong to r = 1, where nothing is beside
        second = jnp.where(off & (beside > 1e-12), self.U.second_derivative(r) * beside, 0.0)
        first_teacher = self.V.derivative(s)
        second_teacher = jnp.where(beside_teacher > 1e-12, self.V.second_derivative(s) * beside_teacher, 0.0)
        weights = size[:, None] * size[None, :] / m
        directions = jnp.sum(weights * (jnp.abs(first) + jnp.abs(second)), axis=1)
        teacher = size * ((jnp.abs(first_teacher) + jnp.abs(second_teacher)) @ jnp.abs(self.b))
        bent = jnp.sum(weights * (jnp.abs(second) + jnp.abs(first * r)), axis=1) + teacher
        self_overlap = size**2 / m * jnp.sum(jnp.where(off, 0.0, jnp.abs(self._slope_at_one())), axis=1)
        across = jnp.sum(jnp.abs(first) * jnp.sqrt(beside) * size[:, None] / m, axis=1) / jnp.sqrt(self.epsilon)
        pulled = jnp.sum(jnp.abs(first) * jnp.sqrt(beside) * size[None, :] / m, axis=1) / jnp.sqrt(self.epsilon)
        force = jnp.linalg.norm(self.vector_field(y)[:, 1:], axis=1) / jnp.maximum(size, 1e-30)
        diagonal = force / jnp.sqrt(self.epsilon)
        second_layer = jnp.sum(jnp.abs(self.U(r)), axis=1) / (m * self.epsilon)
        first_layer = directions + bent + self_overlap
        return jnp.max(jnp.maximum(second_layer + pulled, first_layer) + across + diagonal)

    def _slope_at_one(self):
        slope = self.U.derivative(jnp.ones(()))
        return jnp.where(jnp.isfinite(slope), slope, 0.0)

    def observables(self, y, rate):
        a, _, s, r = self._neurons(y)
        change = -(self.epsilon * jnp.sum(rate[:, 0] ** 2) + jnp.sum(rate[:, 1:] ** 2)) / len(a)
        return self.read(a, s, r) | {"risk_rate": change}

    def read(self, a: jax.Array, s: jax.Array, r: jax.Array) -> dict[str, jax.Array]:
        """Risk, its parts by degree and the moments, from order parameters alone."""
        m = len(a)
        risk = self.target - a @ (self.V(s) @ self.b) / m + a @ (self.U(r) @ a) / (2 * m * m)
        by_degree, power_s, power_r = [], jnp.ones_like(s), jnp.ones_like(r)
        moments = []
        for k in range(self.degrees + 1):
            with_teacher = a @ (power_s @ self.b) / m
            moments.append(jnp.mean(a[:, None] * power_s, axis=0))
            with_itself = a @ (power_r @ a) / (2 * m * m)
            by_degree.append(
                self.target_by_degree[k] - self.phi[k] * self.sigma[k] * with_teacher + self.sigma[k] ** 2 * with_itself
            )
            power_s, power_r = power_s * s, power_r * r
        return {
            "risk": risk,
            "risk_by_degree": jnp.stack(by_degree),
            "moment": jnp.stack(moments),
        }


def by_degree(phi: np.ndarray, gram: np.ndarray, b: np.ndarray) -> np.ndarray:
    """phi_k^2 sum_rq b_r b_q gram_rq^k / 2 for every degree, b already over p."""
    return np.array([0.5 * phi[k] ** 2 * float(b @ gram**k @ b) for k in range(len(phi))])
