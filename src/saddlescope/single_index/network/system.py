"""The population gradient flow of a finite two-layer network, as what the integrator sees."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.gaussian import Kernel
from saddlescope.single_index.network.coupling import Coupling, FeatureMatrix
from saddlescope.single_index.network.errors import ROUNDING, error_of_network
from saddlescope.single_index.problem.joint_kernel import JointKernel
from saddlescope.solve import BDF, RKC2, System


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
    V: Kernel | JointKernel
    frame: jax.Array
    b: jax.Array
    target: jax.Array
    phi: jax.Array
    sigma: jax.Array
    target_by_degree: jax.Array
    degrees: int = eqx.field(static=True)

    sphere: ClassVar[bool] = True
    biased: ClassVar[bool] = False

    def solver(self):
        return BDF()

    def other_solvers(self):
        return (RKC2(),)

    def _neurons(self, y):
        """a, unit vectors, overlaps with teachers (m, p) and with each other (m, m)."""
        a, u = y[:, 0], y[:, 1:]
        u = u / jnp.linalg.norm(u, axis=1, keepdims=True)
        s = jnp.clip(u @ self.frame.T, -1.0, 1.0)
        r = jnp.clip(u @ u.T, -1.0, 1.0)
        r = jnp.where(jnp.eye(len(a), dtype=bool), 1.0, r)
        return a, u, s, r

    def _pulls(self, a, u, s, r):
        """U'(r) beside the diagonal, and the force on each neuron over its a: orthogonal to it, and along it."""
        m = len(a)
        # the pull of a neuron on itself is radial, and where U'(1) is infinite it must not enter
        slope = jnp.where(jnp.eye(m, dtype=bool), 0.0, self.U.derivative(r))
        push = self.V.derivative(s) * self.b[None, :]
        force = push @ self.frame - (slope * a[None, :]) @ u / m
        along = jnp.sum(force * u, axis=1, keepdims=True)
        return slope, force - along * u, along[:, 0]

    def factor(self, y: jax.Array, shift: jax.Array) -> Coupling:
        """What is stiff at y, ready for solves with this shift."""
        a, u, s, r = self._neurons(y)
        slope, force, along = self._pulls(a, u, s, r)
        m = len(a)
        # the diagonal takes no part; filled as if neurons had only teachers in common, it does not add to the rank
        alone = self.U.derivative(jnp.sum(u[:, : len(self.frame)] ** 2, axis=1))
        filled = jnp.where(jnp.eye(m, dtype=bool), alone, slope) / m
        drawn = jnp.maximum(a * along, 0.0)
        return Coupling.at(shift, self.epsilon, a, u, r, force, drawn, self.U(r) / m, FeatureMatrix.of(filled))

    def vector_field(self, y):
        a, u, s, r = self._neurons(y)
        m = len(a)
        rate = (self.V(s) @ self.b - self.U(r) @ a / m) / self.epsilon
        _, tangent, _ = self._pulls(a, u, s, r)
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

    def error_norm(self, error, before, after, rtol, atol):
        """The largest error of weights, overlaps and moments, each beside its present size."""
        p = len(self.frame)
        a, u = after[:, 0], after[:, 1:]
        s = u[:, :p] @ self.frame[:, :p].T
        push = jnp.abs(a[:, None] * self.V.derivative(jnp.clip(s, -1.0, 1.0))) @ jnp.abs(self.b[:, None] * self.frame)
        norm = error_of_network(error, before, after, rtol, atol, push[:, :p])
        return jnp.maximum(norm, self._error_of_moments(error, a, s, rtol)) if p == 1 else norm

    def _error_of_moments(self, error, a, s, rtol):
        """The largest error of a moment, beside its target and what is left to learn of it."""
        moved, power = [], jnp.ones_like(s)
        slope = a * (error[:, 1:2] @ self.frame[:1, :1].T)[:, 0]
        had, rounding, grown = [], [], jnp.zeros(len(a))
        for k in range(self.degrees + 1):
            moved.append(jnp.mean(error[:, 0] * power[:, 0] + grown * slope))
            had.append(jnp.mean(a * power[:, 0]))
            rounding.append(ROUNDING * jnp.mean(jnp.abs(a * power[:, 0])))
            grown, power = (k + 1) * power[:, 0], power * s
        phi, sigma = self.phi * self.b[0], self.sigma
        aimed = (phi != 0) & (sigma != 0)
        size = jnp.maximum(jnp.abs(phi - sigma * jnp.stack(had)), jnp.abs(phi)) / jnp.where(aimed, jnp.abs(sigma), 1.0)
        return jnp.max(jnp.where(aimed, jnp.abs(jnp.stack(moved)) / (rtol * size + jnp.stack(rounding)), 0.0))

    def observables(self, y, rate):
        a, u, s, r = self._neurons(y)
        da, du = rate[:, 0], rate[:, 1:] / jnp.linalg.norm(y[:, 1:], axis=1, keepdims=True)
        turned = (du - jnp.sum(du * u, axis=1, keepdims=True) * u) @ self.frame.T
        second = jnp.where(jnp.isinf(self.epsilon), 0.0, self.epsilon * jnp.sum(da**2))
        change = -(second + jnp.sum(rate[:, 1:] ** 2)) / len(a)
        power, moments = jnp.ones_like(s), [jnp.mean(da) * jnp.ones(s.shape[1])]
        for k in range(1, self.degrees + 1):
            moments.append(jnp.mean(da[:, None] * power * s + k * a[:, None] * power * turned, axis=0))
            power = power * s
        return self.read(a, s, r) | {"risk_rate": change, "moment_rate": jnp.stack(moments)}

    def seen_by_degree(self, s: jax.Array) -> list[jax.Array]:
        """What the target and each neuron have in common, degree by degree, (m,) each."""
        powers = [jnp.ones_like(s)]
        for _ in range(self.degrees):
            powers.append(powers[-1] * s)
        return [self.phi[k] * self.sigma[k] * (power @ self.b) for k, power in enumerate(powers)]

    def of_state(self, y: jax.Array) -> dict[str, jax.Array]:
        """What is observed of a state whose rate is not known."""
        a, _, s, r = self._neurons(y)
        return self.read(a, s, r)

    def read(self, a: jax.Array, s: jax.Array, r: jax.Array) -> dict[str, jax.Array]:
        """Risk, its parts by degree and the moments, from order parameters alone."""
        m = len(a)
        risk = self.target - a @ (self.V(s) @ self.b) / m + a @ (self.U(r) @ a) / (2 * m * m)
        by_degree, power_s, power_r = [], jnp.ones_like(s), jnp.ones_like(r)
        moments = []
        of_target = self.seen_by_degree(s)
        for k in range(self.degrees + 1):
            moments.append(jnp.mean(a[:, None] * power_s, axis=0))
            with_itself = a @ (power_r @ a) / (2 * m * m)
            by_degree.append(self.target_by_degree[k] - a @ of_target[k] / m + self.sigma[k] ** 2 * with_itself)
            power_s, power_r = power_s * s, power_r * r
        return {
            "risk": risk,
            "risk_by_degree": jnp.stack(by_degree),
            "moment": jnp.stack(moments),
        }


class JointNetworkSystem(NetworkSystem):
    """The same for a target of several directions at once, whose kernel V has terms that no direction has alone."""

    def seen_by_degree(self, s):
        return list(self.V.by_degree(s, self.degrees))  # pyright: ignore[reportAttributeAccessIssue]
