"""The population gradient flow of a network on a mixture of two Gaussian clouds, made of those of single clouds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.single_index.network.free_coupling import FreeCoupling, Stiff
from saddlescope.single_index.network.free_system import FreeNetworkSystem, error_of_layers, risk_rate
from saddlescope.solve import BDF, System


class MixtureSystem(System):
    """epsilon da_i/dt = -m dR/da_i,  du_i/dt = -m dR/du_i for x = c mu + xi; the state is (a, u), shape (m, 1 + D).

    In cloud c, of weight w_c, neurons are those of isotropic inputs with biases c <u_i, mu>, and so are teachers. With
    R_c(a, b, u) the risk there and T_c the map (a, u) -> (a, c <u, mu>, u),

        R = sum_c w_c R_c T_c,   dy/dt = sum_c w_c T_c^T F_c(T_c y),

    F_c the field of biased neurons: what a bias would feel moves u along c mu. With biases b of their own, the state is
    (a, b, u), and those in cloud c are b_i + c <u_i, mu>.

    Attributes:
        clouds: the flows in both, each array of them with one more axis, first.
        signs: c, shape (2,).
        weights: w, shape (2,).
        centre: mu, shape (D,).
        axes: of the first coordinates, those of teachers and of mu, which are held to one size.
        biased: whether neurons have biases of their own.
    """

    clouds: FreeNetworkSystem
    signs: jax.Array
    weights: jax.Array
    centre: jax.Array
    axes: jax.Array
    biased: bool = eqx.field(static=True)

    def solver(self):
        return BDF()

    @property
    def epsilon(self) -> jax.Array:
        """Learning-rate ratio."""
        return self.clouds.epsilon[0]

    def _in(self, y: jax.Array, sign: jax.Array) -> jax.Array:
        """T_c y, shape (m, 2 + D)."""
        a, u = y[:, :1], y[:, 1 + self.biased :]
        seen = sign * u @ self.centre[:, None]
        return jnp.concatenate([a, y[:, 1:2] + seen if self.biased else seen, u], axis=1)

    def _each(self, read: Callable[..., Any], *states: jax.Array) -> Any:
        """What is read of the system of each cloud at T_c y, one more axis first."""
        return jax.vmap(lambda cloud, c: read(cloud, *(self._in(y, c) for y in states)))(self.clouds, self.signs)

    def _mean(self, x: jax.Array) -> jax.Array:
        return jnp.tensordot(self.weights, x, 1)

    def vector_field(self, y):
        rates = self._each(FreeNetworkSystem.vector_field, y)
        mean, turned = self._mean(rates), jnp.tensordot(self.weights * self.signs, rates[:, :, 1:2], 1)
        return jnp.concatenate([mean[:, : 1 + self.biased], mean[:, 2:] + turned * self.centre], axis=1)

    def factor(self, y: jax.Array, shift: jax.Array) -> FreeCoupling:
        """What is stiff at y, ready for solves with this shift."""
        each: Stiff = self._each(FreeNetworkSystem.stiff, y)
        mean: Stiff = jax.tree.map(self._mean, each)
        lifted = jnp.tensordot(self.weights * self.signs, each.biases, 1)
        biases = mean.biases if self.biased else mean.biases[:0]
        return FreeCoupling.at(shift, self.epsilon, mean._replace(biases=biases, lifted=lifted, centre=self.centre))

    def error_norm(self, error, before, after, rtol, atol):
        """The largest error of weights, overlaps and, of one teacher, of what is learnt in each cloud."""

        def pushed(cloud, y):
            at = cloud.order(y)
            turn = jnp.abs(at.a * cloud.pulls(at).turn)
            return cloud.pushed(y) + turn[:, None] * jnp.abs(self.centre)

        sizes = self._mean(self._each(pushed, after))
        norm = error_of_layers(error, before, after, rtol, atol, sizes, self.axes, biased=self.biased)
        if self.clouds.frame.shape[1] > 1:
            return norm
        learnt = self._each(lambda cloud, e, y: cloud.error_of_learnt(e, y, rtol), error, after)
        return jnp.maximum(norm, jnp.max(learnt))

    def observables(self, y, rate):
        each = self._each(FreeNetworkSystem.of_state, y)
        result = {name: self._mean(each[name]) for name in ("risk", "risk_by_degree")}
        result["risk_rate"] = risk_rate(rate, self.epsilon)
        if "residual" in each:
            moved = self._each(lambda cloud, y, rate: jax.jvp(cloud.learnt, (y,), (rate,))[1], y, rate)
            result |= {"residual_by_cloud": each["residual"], "residual_by_cloud_rate": -moved}
        return result
