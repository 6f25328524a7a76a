"""One step of projected stochastic gradient descent, on real samples or on their Gram matrix alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.gaussian import GaussianFunction
from saddlescope.single_index.network.free_system import FreeNetworkSystem
from saddlescope.single_index.network.system import NetworkSystem
from saddlescope.solve import Iteration


class SGDSteps(Iteration):
    """With e = y - f(x), averaged over a batch: a_i += (eta / epsilon) e sigma(z_i), z_i = <u_i, x>, and
    u_i <- normalise(u_i + eta a_i e sigma'(z_i) (x - z_i u_i)), or, of free norm, u_i += eta a_i e sigma'(z_i) x.

    The state is (used, keys (runs, 2), a (runs, m), u (runs, m, coordinates), x (runs, batch, coordinates)) of several
    runs at once. A bias is the coordinate after those of the teachers, in which every sample is one. The samples x of
    the next step are part of the state: were they drawn where they are used, the compiler would draw them anew for
    every neuron.

    Attributes:
        population: the flow of the same network, which knows its exact risk.
        label_noise: standard deviation of the labels.
        activation, link: sigma and phi.
        batch: samples a step.
        root: standard deviations of samples in their coordinates, or one for all, shape ().
    """

    stop_on: ClassVar[str] = "risk"

    population: NetworkSystem | FreeNetworkSystem
    label_noise: jax.Array
    root: jax.Array
    activation: GaussianFunction = eqx.field(static=True)
    link: GaussianFunction = eqx.field(static=True)
    batch: int = eqx.field(static=True)

    @property
    def sphere(self) -> bool:
        """Whether neurons keep their norm one."""
        return self.population.sphere

    @property
    def biased(self) -> bool:
        """Whether neurons have biases."""
        return self.population.biased

    @property
    def _bias(self) -> int:
        """The coordinate of biases."""
        return len(self.population.frame)

    def _beside(self, u: jax.Array) -> jax.Array:
        """Coordinates (..., coordinates) without that of biases."""
        return jnp.delete(u, self._bias, axis=-1, assume_unique_indices=True) if self.biased else u

    def observables(self, state):
        _, _, a, u, *_ = state

        def one(a, u):
            biases = [u[:, self._bias]] if self.biased else []
            result = self.population.of_state(jnp.column_stack([a, *biases, self._beside(u)]))
            return result | {"overlaps": self._overlap(u)}

        return jax.vmap(one)(a, u)

    def saved(self, state):
        _, _, a, u, *_ = state
        s = self._overlap(u)
        norms = [] if self.sphere else [jnp.linalg.norm(self._beside(u), axis=-1, keepdims=True)]
        norms += [jnp.linalg.norm(u * self.root, axis=-1, keepdims=True)] if self.root.ndim else []
        biases = [u[..., self._bias : self._bias + 1]] if self.biased else []
        return jnp.concatenate([a[..., None], s, *norms, *biases], axis=-1)

    def _overlap(self, u: jax.Array) -> jax.Array:
        """Covariances of what neurons and teachers see, shape (..., m, p)."""
        return (u * self.root**2) @ self._frame(u.shape[-1]).T

    def _frame(self, coordinates: int) -> jax.Array:
        frame = self.population.frame
        return jnp.pad(frame, [(0, 0), (0, coordinates - frame.shape[1])])

    def _step(self, key: jax.Array, a: jax.Array, u: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """One step from samples x, shape (batch, coordinates)."""
        m = len(a)
        z = x @ u.T
        y = self.link(x @ self._frame(x.shape[1]).T) @ self.population.b
        y = y + self.label_noise * jax.random.normal(key, y.shape)
        e = (y - self.activation(z) @ a / m) / self.batch
        eta = self.step_size
        pull = eta * a * (e[:, None] * self.activation.derivative(z))
        new_a = a + eta / self.population.epsilon * (e @ self.activation(z))
        if not self.sphere or self.biased:
            return new_a, self._kept(u, pull.T @ x)
        stay = 1 - jnp.sum(pull * z, axis=0)
        # the new length from what is known of the old one, which is one: no pass over u for it
        square = stay**2 + 2 * stay * jnp.sum(pull * z, axis=0) + jnp.sum(pull * (x @ x.T @ pull), axis=0)
        length = jnp.sqrt(square)
        return new_a, (stay / length)[:, None] * u + (pull / length).T @ x

    def _kept(self, u: jax.Array, change: jax.Array) -> jax.Array:
        """Neurons after a change: as they are, or on the sphere without their radial part and of norm one."""
        if not self.sphere:
            return u + change
        weights = jnp.ones(u.shape[1]).at[self._bias].set(0.0) if self.biased else jnp.ones(u.shape[1])
        own, moved = u * weights, change * weights
        moved = own + moved - jnp.sum(moved * own, axis=1, keepdims=True) * own
        moved = moved / jnp.linalg.norm(moved, axis=1, keepdims=True)
        return moved + (u + change) * (1 - weights)


class DirectSteps(SGDSteps):
    """Samples are drawn in all d coordinates."""

    def draw(self, key: jax.Array, used: jax.Array, coordinates: int) -> jax.Array:
        """The samples of the next step, shape (batch, coordinates)."""
        del used
        x = jax.random.normal(key, (self.batch, coordinates)) * self.root
        return x.at[:, self._bias].set(1.0) if self.biased else x

    def advance(self, state):
        used, keys, a, u, x = state

        def one(key, a, u, x):
            key, draw, noise = jax.random.split(key, 3)
            return key, *self._step(noise, a, u, x), self.draw(draw, used, u.shape[-1])

        return used, *_each_run(one, keys, a, u, x)


class GramSteps(SGDSteps):
    """Samples are drawn in the span of teachers and neurons, and their rest as one more coordinate of the right length.

    A sample is N(0, 1) along the coordinates in use, and the rest of it, chi-distributed with d minus their number
    degrees of freedom, opens a new one. When the spare coordinates are used up, neurons are turned back into p + m.
    Only their Gram matrix matters, so that this is exact in law.

    Attributes:
        dimension: d.
        teachers: p, coordinates that stay.
    """

    dimension: jax.Array
    teachers: int = eqx.field(static=True)

    def draw(self, key: jax.Array, used: jax.Array, coordinates: int) -> jax.Array:
        """The samples of the next step, shape (batch, coordinates)."""
        inside, rest = jax.random.split(key)
        opened = used + jnp.arange(self.batch)
        length = jnp.sqrt(2 * jax.random.gamma(rest, 0.5 * (self.dimension - opened + self.biased)))
        x = jax.random.normal(inside, (self.batch, coordinates))
        place = jnp.arange(coordinates)
        x = jnp.where(place[None, :] < opened[:, None], x, 0.0)
        x = jnp.where(place[None, :] == opened[:, None], length[:, None], x)
        return x.at[:, self._bias].set(1.0) if self.biased else x

    def advance(self, state):
        used, keys, a, u, x = state
        m, coordinates = u.shape[-2:]

        def step(key, a, u, x):
            key, draw, noise = jax.random.split(key, 3)
            return key, draw, *self._step(noise, a, u, x)

        keys, draws, a, u = _each_run(step, keys, a, u, x)
        used = used + self.batch
        full = used + self.batch > coordinates
        u = jax.lax.cond(full, lambda u: _each_run(self._fold, u)[0], lambda u: u, u)
        used = jnp.where(full, self.teachers + self.biased + m, used)
        (x,) = _each_run(lambda key: (self.draw(key, used, coordinates),), draws)
        return used, keys, a, u, x

    def _fold(self, u: jax.Array) -> tuple[jax.Array]:
        """The same Gram matrix in the first p + m coordinates, after that of biases."""
        stay = self.teachers + self.biased
        R = jnp.linalg.qr(u[:, stay:].T, mode="r")
        turned = jnp.concatenate([u[:, :stay], R.T], axis=1)
        if self.sphere:
            turned = self._kept(turned, jnp.zeros_like(turned))
        return (jnp.pad(turned, [(0, 0), (0, u.shape[1] - turned.shape[1])]),)


class FullBatchSteps(SGDSteps):
    """The same n samples at every step."""

    x: jax.Array  # (n, d)
    y: jax.Array  # (n,)

    def advance(self, state):
        used, keys, a, u, x = state
        return used, keys, *_each_run(self._descend, a, u), x

    def _descend(self, a: jax.Array, u: jax.Array) -> tuple[jax.Array, jax.Array]:
        m, n = len(a), len(self.y)
        z = self.x @ u.T
        value = self.activation(z)
        e = (self.y - value @ a / m) / n
        pull = self.step_size * a * (e[:, None] * self.activation.derivative(z))
        a = a + self.step_size / self.population.epsilon * (e @ value)
        return a, self._kept(u, pull.T @ self.x)

    def observables(self, state):
        result = super().observables(state)
        _, _, a, u, *_ = state
        f = jax.vmap(lambda a, u: self.activation(self.x @ u.T) @ a / len(a))(a, u)
        return result | {"train_risk": 0.5 * jnp.mean((self.y - f) ** 2, axis=-1)}


def _each_run(function: Callable[..., tuple[Any, ...]], *arrays: jax.Array) -> tuple[Any, ...]:
    """Apply a function to every run: one after the other on a CPU, where a batch gains nothing, else all at once."""
    if len(arrays[0]) == 1:
        return tuple(result[None] for result in function(*(array[0] for array in arrays)))
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda of_run: function(*of_run), arrays)
    return jax.vmap(function)(*arrays)
