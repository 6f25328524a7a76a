"""The limit of one-pass SGD in high dimension for neurons of free norm: the equations of committee machines."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.gaussian.kernels.norm_profiles import SeriesPart
from saddlescope.single_index.network.free_system import FreeNetworkSystem, Order
from saddlescope.single_index.sgd.four_point import erf_average, polynomial_average
from saddlescope.solve import System
from saddlescope.solve.methods.tsit5 import Tsit5


class FreeLimitSystem(System):
    """Order parameters a_i, R_ir = <u_i, v_r>, Q_ij = <u_i, u_j>; the state is (a, R, Q), shape (m, 1 + p + m).

    The population flow of these, and from steps along one sample, with delta = step size x dimension / batch size,

        dQ_ij/dt: + delta N_ij,   N_ij = a_i a_j E (e^2 + tau^2) sigma'(z_i) sigma'(z_j).

    Source: Saad & Solla (1995), equations (6) and (7); Goldt et al. (2019) with a second layer and label noise.
    """

    stop_on: ClassVar[str] = "risk"

    population: FreeNetworkSystem
    delta: jax.Array
    label_noise: jax.Array
    gram: jax.Array  # T, of the teachers
    link: tuple[float, ...] = eqx.field(static=True)  # Hermite coefficients; of erf, empty
    activation: tuple[float, ...] = eqx.field(static=True)

    def solver(self):
        return Tsit5()

    def _parts(self, y: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        p = len(self.gram)
        return y[:, 0], y[:, 1 : 1 + p], 0.5 * (y[:, 1 + p :] + y[:, 1 + p :].T)

    def noise(self, a: jax.Array, R: jax.Array, Q: jax.Array) -> jax.Array:
        """N_ij, shape (m, m)."""
        m, p = len(a), len(self.gram)
        at = Order.of(a, R, Q)
        whole = jnp.concatenate([jnp.concatenate([self.gram, R.T], axis=1), jnp.concatenate([R, Q], axis=1)])
        size = jnp.concatenate([jnp.ones(p), at.size])
        weights = jnp.concatenate([self.population.b, -a / m])
        total = jnp.zeros((m, m))
        blocks = (slice(0, p), self.link), (slice(p, None), self.activation)
        for first, f in blocks:
            for second, g in blocks:
                lengths = size[first][:, None, None, None], size[second][:, None, None], at.size[:, None], at.size
                of_first, of_second = whole[first, p:], whole[second, p:]
                covariances = (
                    whole[first, second][:, :, None, None],
                    of_first[:, None, :, None],
                    of_first[:, None, None, :],
                    of_second[None, :, :, None],
                    of_second[None, :, None, :],
                    Q[None, None],
                )
                average = self._average(f, g, covariances, lengths)
                average = jnp.broadcast_to(average, (len(of_first), len(of_second), m, m))
                total = total + jnp.einsum("a,b,abij->ij", weights[first], weights[second], average)
        slopes = self.population.U(at.r, at.size[:, None], at.size[None, :]).slope
        return a[:, None] * a[None, :] * (total + self.label_noise**2 * slopes)

    def _average(
        self, f: tuple[float, ...], g: tuple[float, ...], covariances: tuple[Any, ...], lengths: tuple[Any, ...]
    ) -> jax.Array:
        """E f g sigma' sigma' of Gaussians of these standard deviations."""
        if not self.activation:
            return erf_average(covariances, tuple(length**2 for length in lengths))
        l1, l2, l3, l4 = lengths
        pairs = ((l1, l2), (l1, l3), (l1, l4), (l2, l3), (l2, l4), (l3, l4))
        correlations = tuple(c / (x * y) for c, (x, y) in zip(covariances, pairs, strict=True))
        of_slopes = (_profile(self.activation, length, slope=True) for length in (l3, l4))
        return polynomial_average((_profile(f, l1), _profile(g, l2), *of_slopes), correlations)

    def vector_field(self, y):
        a, R, Q = self._parts(y)
        at = Order.of(a, R, Q)
        pulls, population = self.population.pulls(at), self.population
        own = (pulls.along / at.size)[:, None]
        with_teachers = pulls.push @ self.gram - pulls.pull @ R + own * R
        with_neurons = a[:, None] * (pulls.push @ R.T - pulls.pull @ Q + own * Q)
        dQ = with_neurons + with_neurons.T + self.delta * self.noise(a, R, Q)
        return jnp.concatenate([population.rate_of_weights(at)[:, None], a[:, None] * with_teachers, dQ], axis=1)

    def observables(self, y, rate):
        a, R, Q = self._parts(y)
        at, population, m = Order.of(a, R, Q), self.population, len(a)
        da, dR, dQ = self._parts(rate)
        # the risk falls along the forces on weights and neurons; of d|u|^2 along them, half is twice u du
        pulls = population.pulls(at)
        falls = population.rate_of_weights(at) * jnp.where(jnp.isinf(population.epsilon), 0.0, population.epsilon) @ da
        radial = (pulls.along / at.size) @ (a * jnp.diagonal(dQ)) / 2
        falls += jnp.sum(a[:, None] * pulls.push * dR) - jnp.sum(a[:, None] * pulls.pull * dQ) / 2 + radial
        return population.read(at) | {"risk_rate": -falls / m}


def _profile(terms: tuple[float, ...], length: Any, *, slope: bool = False) -> list[Any]:
    """Hermite coefficients of f(l x), or of f'(l x), with a plain zero where there is none at any length."""
    degree = len(terms) - 1
    value, slopes = SeriesPart.of(terms).profile(length, degree)
    rows, shift = (slopes, 1) if slope else (value, 0)
    return [rows[k] if any(terms[k + shift :: 2]) else 0.0 for k in range(max(degree + 1 - shift, 1))]
