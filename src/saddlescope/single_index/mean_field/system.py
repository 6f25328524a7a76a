"""The mean-field equations of one overlap, as a system with the structure of its Jacobian."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.single_index.mean_field.overlap_features import Features, powers
from saddlescope.solve import BlockLowRank, Rodas5P, System, relative

_GROWTH = 0.35  # e-folds of a growing mode in a step
_ROUNDING = 16 * 2.0**-53  # of a sum, relative to its terms
_DRIVEN = 1e-6  # the least overlaps that are kept to the tolerance, of those that matter first


class MeanFieldSystem(System):
    """epsilon a_i' = p(s_i), z_i' = a_i p'(s_i), s = tanh z, p = sum_n g_n psi_n, g_n = b_n - <a psi_n(s)>.

    The state is y = (a, z), shape (2, m): an overlap that comes close to one keeps its distance from it in z, and can
    come back.
    """

    epsilon: jax.Array
    weights: jax.Array  # (m,), sums to one
    free: jax.Array  # (m,), zero for overlaps that start at one or minus one, and stay there
    features: Features
    target: jax.Array  # b, (N,)
    aims: jax.Array  # |b_n| of the degrees with a feature of their own and a target; infinite for all others, (N,)
    floor: jax.Array
    degrees: int = eqx.field(static=True)  # moments M_0 .. M_degrees are observed

    def solver(self):
        return Rodas5P()

    def vector_field(self, y):
        a, z = y
        s = jnp.tanh(z)
        g = self.target - self.features(s) @ (self.weights * a)
        value, slope = self.features.combined(s, g)
        return jnp.stack([value / self.epsilon, self.free * a * slope])

    def linearise(self, y: jax.Array) -> BlockLowRank:
        """The Jacobian at y: what a particle does to itself, and what it does to all others through g."""
        a, z = y
        psi, slope, curvature = self._along(z)
        g = self.target - psi @ (self.weights * a)
        dp, ddp = g @ slope, g @ curvature
        spread = _spread(z)
        pull = self.free * a
        blocks = jnp.stack(
            [jnp.stack([jnp.zeros_like(z), spread * dp / self.epsilon]), jnp.stack([self.free * dp, pull * ddp])]
        )
        left = jnp.stack([psi / self.epsilon, pull * slope], axis=1)
        right = jnp.stack([-self.weights * psi, -self.weights * a * spread * slope], axis=1)
        return BlockLowRank(blocks, left, right)

    def _along(self, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """psi(s), psi'(s) and d psi'(s) / dz."""
        psi, slope, second = self.features.with_curvatures(jnp.tanh(z))
        curvature = _spread(z) * second
        # kinked activations have infinite curvature at one
        return psi, slope, jnp.where(jnp.isfinite(curvature), curvature, 0.0)

    def longest_step(self, y, rate, length):
        """A step shorter than the one asked for, where a mode grows by more than a fraction of an e-fold in that.

        What one particle does to itself grows no faster than its 2 x 2 block says, and the coupling between particles
        only damps: a step that is short for every block that moves by more than rounding is short enough. For a longer
        one, the modes that grow are counted.
        """
        J = self.linearise(y)
        half = 0.5 * J.blocks[1, 1]
        growth = jnp.where(self.weights > 0, half + jnp.sqrt(half**2 + J.blocks[0, 1] * J.blocks[1, 0]), 0.0)

        def limit():
            a, z = y
            psi, slope = self.features.with_slopes(jnp.tanh(z))
            rounding = self._rounding(psi, self.weights * a)
            still = jnp.stack([(rounding @ jnp.abs(psi)) / self.epsilon, jnp.abs(a) * (rounding @ jnp.abs(slope))])
            moves = jnp.any(jnp.abs(rate) > still + _ROUNDING * growth * jnp.abs(y), axis=0)
            short = _GROWTH / jnp.maximum(jnp.max(jnp.where(moves, growth, 0.0)), 1e-300)
            return jax.lax.while_loop(
                lambda tried: (tried > short) & (J.faster_than(_GROWTH / tried, self.weights > 0) > 0),
                lambda tried: jnp.maximum(short, 0.7 * tried),
                length,
            )

        return jax.lax.cond(length * jnp.max(growth) > _GROWTH, limit, lambda: length)

    def _rounding(self, psi: jax.Array, mass: jax.Array) -> jax.Array:
        """What rounding leaves uncertain of g, (N,)."""
        return _ROUNDING * (jnp.abs(self.target) + jnp.abs(psi) @ jnp.abs(mass))

    def observables(self, y, rate):
        a, z = y
        s = jnp.tanh(z)
        psi, slope = self.features.with_slopes(s)
        mass = self.weights * a
        flux, turned = self.weights * rate[0], mass * _spread(z) * rate[1]
        # few products of matrices: a step of few particles is made of calls
        had, grown = (psi @ jnp.stack([mass, flux], axis=1)).T
        g, change = self.target - had, grown + slope @ turned
        moment, of_mass, of_overlap = (powers(s, self.degrees) @ jnp.stack([mass, flux, turned], axis=1)).T
        k = jnp.arange(1.0, self.degrees + 1)
        moment_rate = of_mass.at[1:].add(k * of_overlap[:-1])
        return {
            "risk": self.floor + 0.5 * g @ g,
            "risk_rate": -g @ change,
            "moment": moment,
            "moment_rate": moment_rate,
        }

    def error_norm(self, error, before, after, rtol, atol):
        """The larger of the error of the particles and that of the moments, each moment beside its own target."""
        # An overlap is small beside those of all particles, or beside where overlaps begin to matter; not beside one:
        # an escape may be driven by next to nothing.
        typical = rtol * jnp.sqrt(jnp.sum(self.weights * after[1] ** 2))
        least = jnp.stack([atol[0], jnp.clip(typical, _DRIVEN * atol[1], atol[1])])
        scaled = relative(error, before, after, rtol, least)
        # Weighted by the law: splitting a particle in two, or padding with weightless ones, changes no step.
        of_particles = jnp.sqrt(0.5 * jnp.sum(self.weights * scaled**2))
        a, z = after
        psi, slope = self.features.with_slopes(jnp.tanh(z))
        mass = self.weights * a
        had, moved = (psi @ jnp.stack([mass, self.weights * error[0]], axis=1)).T
        moved = jnp.abs(moved + slope @ (mass * _spread(z) * error[1]))
        size = rtol * jnp.maximum(jnp.abs(self.target - had), self.aims)
        of_moments = moved / (size + self._rounding(psi, mass))
        return jnp.maximum(of_particles, jnp.max(of_moments))


def _spread(z: jax.Array) -> jax.Array:
    """1 - s^2 = ds/dz for s = tanh z, to all digits also where s rounds to one."""
    return 1 / jnp.cosh(z) ** 2
