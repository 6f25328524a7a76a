"""The population gradient flow of a finite network whose neurons have free norms, or biases."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.gaussian import NormKernel
from saddlescope.gaussian.kernels.norm_pairs import Pair
from saddlescope.single_index.network.errors import ROUNDING, error_of_network
from saddlescope.single_index.network.free_coupling import FreeCoupling, Stiff
from saddlescope.solve import BDF, System, relative

_LEAST = 1e-150  # a norm that is no longer divided by


class Order(NamedTuple):
    """What the risk depends on: weights a (m,), norms (m,), correlations s (m, p) with teachers and r (m, m)."""

    a: jax.Array
    size: jax.Array
    s: jax.Array
    r: jax.Array
    bias: jax.Array | None = None

    @classmethod
    def of(
        cls, a: jax.Array, overlap: jax.Array, mutual: jax.Array, bias: jax.Array | None = None, teachers: Any = 1.0
    ) -> Order:
        """Return it from covariances with teachers and of neurons, biases, and norms of teachers."""
        size = jnp.sqrt(jnp.maximum(jnp.diagonal(mutual), _LEAST**2))
        r = jnp.clip(mutual / size[:, None] / size[None, :], -1.0, 1.0)
        one = jnp.where(jnp.eye(len(a), dtype=bool), 1.0, r)
        return cls(a, size, jnp.clip(overlap / size[:, None] / teachers, -1.0, 1.0), one, bias)


class Pulls(NamedTuple):
    """du_i / dt = a_i (sum_r push_ir v_r - sum_j pull_ij u_j + along_i u_i / |u_i|).

    Attributes:
        push: shape (m, p).
        pull: shape (m, m), zero on its diagonal.
        along: shape (m,).
        radial: what each neuron j adds to along_i, over its a / m, shape (m, m).
        turn: db / dt over a, shape (m,); None without biases.
    """

    push: jax.Array
    pull: jax.Array
    along: jax.Array
    radial: jax.Array
    turn: jax.Array | None


class FreeNetworkSystem(System):
    """epsilon da_i/dt = -m dR/da_i,  du_i/dt = -m dR/du_i; the state is (a, u), shape (m, 1 + D).

    Inputs of covariance Sigma, diagonal in these coordinates, are Sigma^(1/2) of isotropic ones: below, u and v are
    Sigma^(1/2) of what the state and the frame hold, and forces on the former Sigma^(1/2) of those on u.

    With biases b of sigma(<u_i, x> + b_i), db_i/dt = -m dR/db_i, and the state is (a, b, u). On the sphere u moves
    along it, and is read as u / |u|.

    R = E y^2 / 2 - mean_i a_i V_i + sum_ij a_i a_j U_ij / (2 m^2), U_ij = E sigma(<u_i, x>) sigma(<u_j, x>) and
    V_i = (1/p) sum_r b_r E phi(<v_r, x>) sigma(<u_i, x>), functions of correlations and norms. With D_ij the average
    of the derivatives of both and S_ij = dU_ij / d|u_i| at fixed correlation, the slope of U_ij in u_i is

        D_ij (u_j - <u_j, u_i> u_i / |u_i|^2) + S_ij u_i / |u_i|.

    Attributes:
        epsilon: learning-rate ratio.
        U, V: kernels of activation with itself and with the link.
        frame: teacher directions, shape (p, D).
        root: of the variances of inputs, shape (D,).
        teachers: |v_r|, standard deviations of what teachers see, shape (p,).
        axes: of the first coordinates, which of the teachers' axes each is, in whatever eigenspace of Sigma.
        b: weights of teachers over p, shape (p,).
        target: E y^2 / 2.
        phi: coefficients of phi(|v_r| x) in the reported degrees, shape (degrees + 1, p).
        target_by_degree: the parts of E y^2 / 2 in them, shape (degrees + 1,).
        offsets: what is added to what teachers see, in a cloud off the origin, shape (p,); with biases only.
        sphere: whether neurons keep their norm one; inputs are isotropic then.
    """

    epsilon: jax.Array
    U: NormKernel
    V: NormKernel
    frame: jax.Array
    root: jax.Array
    teachers: jax.Array
    axes: jax.Array
    b: jax.Array
    target: jax.Array
    phi: jax.Array
    target_by_degree: jax.Array
    offsets: jax.Array
    degrees: int = eqx.field(static=True)
    sphere: bool = eqx.field(static=True, default=False)

    def solver(self):
        return BDF()

    @property
    def biased(self) -> bool:
        """Whether there are biases."""
        return self.U.biased

    def _first(self, y: jax.Array) -> jax.Array:
        """u, of norm one on the sphere."""
        u = y[:, 1 + self.biased :]
        return (u / jnp.linalg.norm(u, axis=1, keepdims=True) if self.sphere else u) * self.root

    @property
    def seen(self) -> jax.Array:
        """The teachers v, shape (p, D)."""
        return self.frame * self.root

    def order(self, y: jax.Array) -> Order:
        """What the risk depends on, of a state."""
        u = self._first(y)
        return Order.of(y[:, 0], u @ self.seen.T, u @ u.T, y[:, 1] if self.biased else None, self.teachers)

    def own(self, at: Order) -> Pair:
        """U and its slopes for all pairs of neurons, each of shape (m, m)."""
        biases = () if at.bias is None else (at.bias[:, None], at.bias[None, :])
        return self.U(at.r, at.size[:, None], at.size[None, :], *biases)

    def teacher(self, at: Order) -> Pair:
        """Those of all neurons with all teachers, each of shape (m, p)."""
        biases = () if at.bias is None else (at.bias[:, None], self.offsets)
        return self.V(at.s, at.size[:, None], self.teachers, *biases)

    def pulls(self, at: Order) -> Pulls:
        """The forces on all neurons, each over its weight."""
        m = len(at.a)
        off = ~jnp.eye(m, dtype=bool)
        own, teacher = self.own(at), self.teacher(at)
        # a neuron pulls itself along itself, and what its slope says of that may be infinite
        slope = jnp.where(off, own.slope, 0.0)
        # on the sphere nothing stretches
        free = 0.0 if self.sphere else 1.0
        radial = free * own.stretch - slope * at.size[None, :] * at.r
        push = teacher.slope * self.b[None, :]
        along = (free * teacher.stretch - teacher.slope * at.s * self.teachers) @ self.b - radial @ at.a / m
        turn = None if at.bias is None else teacher.shift @ self.b - own.shift @ at.a / m
        return Pulls(push, slope * at.a[None, :] / m, along, radial, turn)

    def rate_of_weights(self, at: Order) -> jax.Array:
        """da/dt."""
        return (self.teacher(at).value @ self.b - self.own(at).value @ at.a / len(at.a)) / self.epsilon

    def _force(self, at: Order, pulls: Pulls, u: jax.Array) -> jax.Array:
        return (pulls.push @ self.seen - pulls.pull @ u + (pulls.along / at.size)[:, None] * u) * self.root

    def vector_field(self, y):
        at = self.order(y)
        pulls = self.pulls(at)
        force = at.a[:, None] * self._force(at, pulls, self._first(y))
        if self.sphere:
            # times |u|, so that u / |u| moves as a neuron of norm one does
            force = force * jnp.linalg.norm(y[:, 1 + self.biased :], axis=1, keepdims=True)
        turned = [] if pulls.turn is None else [(at.a * pulls.turn)[:, None]]
        return jnp.concatenate([self.rate_of_weights(at)[:, None], *turned, force], axis=1)

    def factor(self, y: jax.Array, shift: jax.Array) -> FreeCoupling:
        """What is stiff at y, ready for solves with this shift."""
        return FreeCoupling.at(shift, self.epsilon, self.stiff(y))

    def stiff(self, y: jax.Array) -> Stiff:
        """What is stiff at y."""
        at, u = self.order(y), self._first(y)
        pulls, m, own = self.pulls(at), len(at.a), self.own(at)
        slope = jnp.where(jnp.eye(m, dtype=bool), 0.0, own.slope)
        share = at.a[:, None] / m
        force, radial = self._force(at, pulls, u), share * pulls.radial / at.size[:, None]
        biases = jnp.zeros((0, m)) if pulls.turn is None else jnp.diag(pulls.turn) - share * own.shift
        return Stiff(u * self.root, force, share * slope, radial, biases, own.value / m)

    def error_norm(self, error, before, after, rtol, atol):
        """The largest error of weights, overlaps and, of one teacher, residuals, each beside its present size."""
        norm = error_of_layers(error, before, after, rtol, atol, self.pushed(after), self.axes, biased=self.biased)
        return norm if len(self.frame) > 1 else jnp.maximum(norm, self.error_of_learnt(error, after, rtol))

    def pushed(self, y: jax.Array) -> jax.Array:
        """Sizes of what teachers do to neurons, summed, shape (m, D)."""
        at = self.order(y)
        return jnp.abs(at.a)[:, None] * (jnp.abs(self.pulls(at).push) @ jnp.abs(self.seen * self.root))

    def error_of_learnt(self, error: jax.Array, after: jax.Array, rtol: jax.Array) -> jax.Array:
        """The largest error of what is learnt of one teacher in a degree, beside its target and what is left."""
        learnt, change = jax.jvp(self.learnt, (after,), (error,))
        aim = jnp.abs(self.phi[:, 0] * self.b[0])
        size = rtol * jnp.maximum(aim, jnp.abs(aim - learnt)) + ROUNDING * jnp.mean(jnp.abs(after[:, 0]))
        return jnp.max(jnp.where(aim > 0, jnp.abs(change) / size, 0.0))

    def learnt(self, y: jax.Array) -> jax.Array:
        """mean_i a_i sigma_k(|u_i|) s_i^k, what the network has of h_k(<u*, x>), shape (degrees + 1,)."""
        a, u = y[:, 0], self._first(y)
        size = jnp.sqrt(jnp.maximum(jnp.sum(u**2, axis=1), _LEAST**2))
        s = u @ self.seen[0] / self.teachers[0] / size
        sigma = self.U.coefficients(size, self.degrees, y[:, 1] if self.biased else None)
        return jnp.stack([jnp.mean(a * sigma[k] * _power(s, k)) for k in range(self.degrees + 1)])

    def observables(self, y, rate):
        result = self.of_state(y) | {"risk_rate": risk_rate(rate, self.epsilon)}
        if len(self.frame) == 1:
            result["residual_rate"] = -jax.jvp(self.learnt, (y,), (rate,))[1]
        return result

    def of_state(self, y: jax.Array) -> dict[str, jax.Array]:
        """What is observed of a state whose rate is not known."""
        result = self.read(self.order(y))
        if len(self.frame) == 1:
            result["residual"] = self.phi[:, 0] * self.b[0] - self.learnt(y)
        return result

    def read(self, at: Order) -> dict[str, jax.Array]:
        """Risk and its parts by degree, from order parameters alone."""
        a, m = at.a, len(at.a)
        risk = self.target - a @ (self.teacher(at).value @ self.b) / m + a @ (self.own(at).value @ a) / (2 * m * m)
        sigma = self.U.coefficients(at.size, self.degrees, at.bias)
        by_degree = []
        for k in range(self.degrees + 1):
            charge = a * sigma[k] / m
            with_teacher = charge @ (_power(at.s, k) @ (self.phi[k] * self.b))
            with_itself = 0.5 * charge @ (_power(at.r, k) @ charge)
            by_degree.append(self.target_by_degree[k] - with_teacher + with_itself)
        return {"risk": risk, "risk_by_degree": jnp.stack(by_degree)}


def risk_rate(rate: jax.Array, epsilon: jax.Array) -> jax.Array:
    """dR/dt of a gradient flow, from its velocity, the second layer first."""
    second = jnp.where(jnp.isinf(epsilon), 0.0, epsilon * jnp.sum(rate[:, 0] ** 2))
    return -(second + jnp.sum(rate[:, 1:] ** 2)) / len(rate)


def error_of_layers(
    error: jax.Array,
    before: jax.Array,
    after: jax.Array,
    rtol: jax.Array,
    atol: jax.Array,
    pushed: jax.Array,
    axes: jax.Array,
    *,
    biased: bool,
) -> jax.Array:
    """The largest error of weights, overlaps and biases; see `error_of_network`, whose arguments these are."""
    of_weights = np.array([k for k in range(after.shape[1]) if k != 1 or not biased])
    moved, first, last, least = (x[:, of_weights] for x in (error, before, after, atol))
    norm = error_of_network(moved, first, last, rtol, least, pushed[:, : len(axes)], axes)
    if not biased:
        return norm
    of_biases = relative(error[:, 1], before[:, 1], after[:, 1], rtol, atol[:, 1])
    return jnp.maximum(norm, jnp.sqrt(jnp.mean(of_biases**2)))


def _power(x: jax.Array, k: int) -> jax.Array:
    return x**k if k else jnp.ones_like(x)
