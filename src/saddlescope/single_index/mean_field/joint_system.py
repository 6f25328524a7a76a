"""The mean-field equations of several overlaps, in coordinates that keep the distance of an overlap from length one."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.single_index.mean_field.joint_features import JointFeatures
from saddlescope.single_index.mean_field.overlap_features import powers
from saddlescope.solve import BlockLowRank, Rodas5P, System, relative

_GROWTH = 0.35  # e-folds of a growing mode in a step
_ROUNDING = 16 * 2.0**-53  # of a sum, relative to its terms
_DRIVEN = 1e-6  # the least overlaps that are kept to the tolerance, of those that matter first
_NEAR = 1e-2  # below this |z|^2 functions of it are summed as series
# of (tanh r / r - 1) / r^2 in powers of r^2
_SERIES = (-1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925, 21844 / 6081075, -929569 / 638512875)


class JointMeanFieldSystem(System):
    """epsilon a_i' = p(s_i), s_i' = a_i (I - s_i s_i^T) grad p(s_i), p = sum_alpha g_alpha psi_alpha.

    The state is y = (a, z), shape (1 + k, m), with s = tanh|z| z / |z|: along s it moves as a |ds| / (1 - |s|^2), and
    an overlap that comes close to length one keeps its distance from it, and can come back. There

    z' = a (I + (|z| / tanh|z| - 1) (I - z z^T / |z|^2)) grad p(s).
    """

    epsilon: jax.Array
    weights: jax.Array  # (m,), sums to one
    features: JointFeatures
    target: jax.Array  # c_alpha, (N,)
    aims: jax.Array  # |c_alpha| where there is one, infinite for all others, (N,)
    floor: jax.Array
    terms: jax.Array  # the target's own terms in the features, (terms, N), and their coefficients, (terms,)
    coefficients: jax.Array
    space: jax.Array  # overlaps with the directions are s . space, (k, directions)
    degrees: int = eqx.field(static=True)  # degrees 0 .. are observed

    def solver(self):
        return Rodas5P()

    def vector_field(self, y):
        a, z = y[0], y[1:]
        around = _around(z)
        products = self.features.products(around.s)
        value, slope = self.features.value_and_slope(products, self._residual(products, a))
        return jnp.concatenate([(value / self.epsilon)[None], a * _applied(around.push, slope)])

    def linearise(self, y: jax.Array) -> BlockLowRank:
        """The Jacobian at y: what a particle does to itself, and what it does to all others through g."""
        a, z = y[0], y[1:]
        around = _around(z)
        products = self.features.products(around.s)
        g = self._residual(products, a)
        _, slope = self.features.value_and_slope(products, g)
        along = _applied(self.features.curvature(products, g), around.move)
        # d(push grad p) / dz
        own = a * (_applied(around.push, along) + jnp.sum(around.turn * slope[None, :, None], axis=1))
        drive = _applied(around.move, slope) / self.epsilon
        blocks = jnp.concatenate(
            [
                jnp.concatenate([jnp.zeros_like(a)[None], drive])[None],
                jnp.concatenate([_applied(around.push, slope)[:, None], own], axis=1),
            ]
        )
        psi, slopes = self.features.scale[:, None] * products, self.features.slopes(products)
        pushed, moved = a * _applied(around.push, slopes), a * _applied(around.move, slopes)
        left = jnp.concatenate([psi[:, None] / self.epsilon, jnp.swapaxes(pushed, 0, 1)], axis=1)
        right = -self.weights * jnp.concatenate([psi[:, None], jnp.swapaxes(moved, 0, 1)], axis=1)
        return BlockLowRank(blocks, left, right)

    def _residual(self, products: jax.Array, a: jax.Array) -> jax.Array:
        """g_alpha = c_alpha - <a psi_alpha(s)>, (N,)."""
        return self.target - self.features.scale * (products @ (self.weights * a))

    def longest_step(self, y, rate, length):
        """A step shorter than the one asked for, where a mode grows by more than a fraction of an e-fold in that.

        What one particle does to itself grows no faster than its block says (of which the largest eigenvalue is
        bounded by trace and norm), and the coupling between particles only damps. What has not moved by more than
        rounding does not count.
        """
        a, z = y[0], y[1:]
        around = _around(z)
        products = self.features.products(around.s)
        g = self._residual(products, a)
        _, slope = self.features.value_and_slope(products, g)
        # in a frame of length one
        block = a * _applied(around.root, _applied(self.features.curvature(products, g), around.root))
        k = len(z)
        trace = jnp.trace(block)
        spread = jnp.maximum(jnp.sum(block**2, axis=(0, 1)) - trace**2 / k, 0.0)
        half = 0.5 * (trace / k + jnp.sqrt((k - 1) / k * spread))
        driven = jnp.sum(_applied(around.root, slope) ** 2, axis=0) / self.epsilon
        growth = jnp.where(self.weights > 0, half + jnp.sqrt(half**2 + driven), 0.0)
        rounding = self._rounding(products, self.weights * a)
        psi, slopes = self.features.scale[:, None] * products, self.features.slopes(products)
        still = jnp.concatenate(
            [
                (rounding @ jnp.abs(psi) / self.epsilon)[None],
                jnp.abs(a) * jnp.einsum("n,jnm->jm", rounding, jnp.abs(slopes)),
            ]
        )
        moves = jnp.any(jnp.abs(rate) > still + _ROUNDING * growth * jnp.abs(y), axis=0)
        fastest = jnp.max(jnp.where(moves, growth, 0.0))
        return jnp.minimum(length, _GROWTH / jnp.maximum(fastest, 1e-300))

    def _rounding(self, products: jax.Array, mass: jax.Array) -> jax.Array:
        """What rounding leaves uncertain of g, (N,)."""
        terms = jnp.abs(self.features.scale) * (jnp.abs(products) @ jnp.abs(mass))
        return _ROUNDING * (jnp.abs(self.target) + terms)

    def observables(self, y, rate):
        a, z = y[0], y[1:]
        around = _around(z)
        s, turn = around.s, _applied(around.move, rate[1:])
        products, mass = self.features.products(s), self.weights * a
        g = self._residual(products, a)
        change = -self._moved(products, self.weights * rate[0], mass * turn)
        degree = self.features.order.degree
        of_degree = jnp.asarray(np.arange(self.degrees + 1)[:, None] == degree, dtype=float)
        table = jax.vmap(lambda row: powers(row, self.degrees))(self.space.T @ s)  # (directions, degree, m)
        return {
            "risk": self.floor + 0.5 * g @ g,
            "risk_rate": g @ change,
            "risk_by_degree": 0.5 * (of_degree @ g**2),
            "term_residual": self.coefficients - self.terms @ (self.target - g),
            "term_residual_rate": self.terms @ change,
            "moment": (table @ mass).T,
        }

    def _moved(self, products: jax.Array, flux: jax.Array, turned: jax.Array) -> jax.Array:
        """The change of <a psi_alpha(s)> with weights times changes of a, and weights times a times those of s."""
        return self.features.scale * (products @ flux) + jnp.einsum("jnm,jm->n", self.features.slopes(products), turned)

    def error_norm(self, error, before, after, rtol, atol):
        """The larger of the error of the particles and that of the moments, each moment beside its own target."""
        # An overlap is small beside those of all particles with that direction, or beside where overlaps begin to
        # matter; not beside one: what finds a direction may be driven by next to nothing.
        typical = rtol * jnp.sqrt(jnp.sum(self.weights * after[1:] ** 2, axis=1, keepdims=True))
        least = jnp.concatenate([atol[:1], jnp.clip(typical, _DRIVEN * atol[1:], atol[1:])])
        scaled = relative(error, before, after, rtol, least)
        # Weighted by the law: splitting a particle in two, or padding with weightless ones, changes no step.
        of_particles = jnp.sqrt(jnp.mean(jnp.sum(self.weights * scaled**2, axis=1)))
        a, z = after[0], after[1:]
        around = _around(z)
        products, mass = self.features.products(around.s), self.weights * a
        moved = jnp.abs(self._moved(products, self.weights * error[0], mass * _applied(around.move, error[1:])))
        size = rtol * jnp.maximum(jnp.abs(self._residual(products, a)), self.aims)
        return jnp.maximum(of_particles, jnp.max(moved / (size + self._rounding(products, mass))))


class _Around(NamedTuple):
    """The overlaps of all particles, and matrices at each of them that are functions of z, all of shape (k, k, m)."""

    s: jax.Array  # (k, m)
    push: jax.Array  # z' = a push grad p
    turn: jax.Array  # derivatives of `push`, the last of the first three axes says by which z, (k, k, k, m)
    move: jax.Array  # ds/dz
    root: jax.Array  # (I - s s^T)^(1/2), that of ds/dt = a (I - s s^T) grad p


def _around(z: jax.Array) -> _Around:
    x, outer = jnp.sum(z**2, axis=0), z[:, None] * z[None]
    unit = jnp.eye(len(z))[:, :, None]
    across = x * unit - outer
    near = x < _NEAR
    low, far = jnp.where(near, x, 0.0), jnp.where(near, 1.0, x)
    r = jnp.sqrt(jnp.where(x > 0, x, 1.0))
    steep = jnp.where(x > 0, 1 / jnp.cosh(r) ** 2, 1.0)
    # u = (tanh r / r - 1) / r^2 and its derivative by r^2
    ratio = jnp.tanh(r) / r
    u = jnp.where(near, _polynomial(_SERIES, low), (ratio - 1) / far)
    slope_of_u = _polynomial([n * c for n, c in enumerate(_SERIES)][1:], low)
    slope = jnp.where(near, u + low * slope_of_u, (steep - ratio) / (2 * far))
    du = jnp.where(near, slope_of_u, (slope - u) / far)
    tangent = jnp.where(near, 1 + low * u, ratio)
    lag = u / tangent  # (1 - r / tanh r) / r^2
    lag_slope = (du - lag * slope) / tangent
    # of `across` by z: what it does to v changes by 2 z_l v_j - v_l z_j - (z . v) for j = l
    change = 2 * unit[:, :, None] * z[None, None] - z[:, None, None] * unit[None] - unit[:, None] * z[None, :, None]
    return _Around(
        tangent * z,
        unit - lag * across,
        -2 * lag_slope * across[:, :, None] * z[None, None] - lag * change,
        steep * unit - 2 * slope * across,
        # (1 - 1 / cosh r) / r^2 = tanh^2 r / (r^2 (1 + 1 / cosh r)), which has no cancellation
        unit - tangent**2 / (1 + jnp.sqrt(steep)) * outer,
    )


def _applied(matrix: jax.Array, v: jax.Array) -> jax.Array:
    """A matrix (k, k, m) at each particle times v, shape (k, ..., m)."""
    between = (1,) * (v.ndim - 2)
    return jnp.sum(matrix.reshape(*matrix.shape[:2], *between, matrix.shape[-1]) * v[None], axis=1)


def _polynomial(coefficients, x: jax.Array) -> jax.Array:
    total = jnp.zeros_like(x)
    for c in reversed(coefficients):
        total = total * x + c
    return total
