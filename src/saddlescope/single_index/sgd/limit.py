"""The limit of one-pass SGD in high dimension at fixed step size times dimension: an ODE with noise terms."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import GaussianFunction
from saddlescope.single_index.labels import LABELS
from saddlescope.single_index.network.flow import NetworkFlow
from saddlescope.single_index.network.free_system import FreeNetworkSystem
from saddlescope.single_index.network.system import NetworkSystem
from saddlescope.single_index.problem.single_index import coefficients
from saddlescope.single_index.sgd.descents import OnePassSGD
from saddlescope.single_index.sgd.four_point import erf_average, polynomial_average
from saddlescope.single_index.sgd.free_limit import FreeLimitSystem
from saddlescope.single_index.theory.floors import noise_floor
from saddlescope.solve import Flow, Reading, System
from saddlescope.solve.methods.tsit5 import Tsit5


class SGDLimitSystem(System):
    """Order parameters a_i, s_ir = <u_i, v_r>, r_ij = <u_i, u_j>; the state is (a, s, r), shape (m, 1 + p + m).

    The population flow of these, and from the noise of single samples, with delta = step size x dimension / batch:

        ds_ir/dt: - (delta / 2) N_ii s_ir
        dr_ij/dt: + delta (N_ij - (N_ii + N_jj) r_ij / 2),   N_ij = a_i a_j E (e^2 + tau^2) sigma'(z_i) sigma'(z_j)

    The first comes from the normalisation of the neurons alone, the second also from steps along the same sample.
    """

    stop_on: ClassVar[str] = "risk"

    population: NetworkSystem
    delta: jax.Array
    label_noise: jax.Array
    gram: jax.Array  # of the teachers
    link: tuple[float, ...] = eqx.field(static=True)  # Hermite coefficients; of erf, empty
    activation: tuple[float, ...] = eqx.field(static=True)

    def solver(self):
        return Tsit5()

    def _parts(self, y):
        p = len(self.gram)
        return y[:, 0], y[:, 1 : 1 + p], y[:, 1 + p :]

    def noise(self, a: jax.Array, s: jax.Array, r: jax.Array) -> jax.Array:
        """N_ij, shape (m, m)."""
        m = len(a)
        whole = jnp.concatenate([jnp.concatenate([self.gram, s.T], axis=1), jnp.concatenate([s, r], axis=1)])
        p = len(self.gram)
        weights = jnp.concatenate([self.population.b, -a / m])
        total = jnp.zeros((m, m))
        blocks = ((slice(0, p), self.link), (slice(p, None), self.activation))
        for first, f in blocks:
            for second, g in blocks:
                c12 = whole[first, second][:, :, None, None]
                of_first, of_second = whole[first, p:], whole[second, p:]
                pairs = (
                    c12,
                    of_first[:, None, :, None],
                    of_first[:, None, None, :],
                    of_second[None, :, :, None],
                    of_second[None, :, None, :],
                    r[None, None],
                )
                if not self.activation:
                    average = erf_average(pairs)
                else:
                    slope = _slope(self.activation)
                    average = polynomial_average((np.array(f), np.array(g), slope, slope), pairs)
                average = jnp.broadcast_to(average, (len(of_first), len(of_second), m, m))
                total = total + jnp.einsum("a,b,abij->ij", weights[first], weights[second], average)
        return a[:, None] * a[None, :] * (total + self.label_noise**2 * self.population.U.derivative(r))

    def vector_field(self, y):
        a, s, r = self._parts(y)
        population, m = self.population, len(a)
        r = jnp.clip(r, -1.0, 1.0)
        s = jnp.clip(s, -1.0, 1.0)
        rate = (population.V(s) @ population.b - population.U(r) @ a / m) / population.epsilon
        push = population.V.derivative(s) * population.b[None, :]
        pull = jnp.where(jnp.eye(m, dtype=bool), 0.0, population.U.derivative(r)) * a[None, :] / m
        # force . v and force . u of every neuron, less its radial part
        along = jnp.sum(push * s, axis=1) - jnp.sum(pull * r, axis=1)
        with_teachers = push @ self.gram - pull @ s - along[:, None] * s
        with_neurons = push @ s.T - pull @ r - along[:, None] * r
        moved = a[:, None] * with_neurons
        noise = self.noise(a, s, r)
        own = jnp.diagonal(noise)
        ds = a[:, None] * with_teachers - 0.5 * self.delta * own[:, None] * s
        dr = moved + moved.T + self.delta * (noise - 0.5 * (own[:, None] + own[None, :]) * r)
        return jnp.concatenate([rate[:, None], ds, dr], axis=1)

    def observables(self, y, rate):
        a, s, r = self._parts(y)
        change = jax.jvp(lambda y: self.population.read(*self._parts(y))["risk"], (y,), (rate,))[1]
        return self.population.read(a, s, r) | {"risk_rate": change}


def _slope(activation: tuple[float, ...]) -> np.ndarray:
    """Hermite coefficients of the derivative: h_k' = sqrt(k) h_(k-1)."""
    c = np.array(activation)
    return np.sqrt(np.arange(1.0, len(c))) * c[1:] if len(c) > 1 else np.zeros(1)


class SGDLimit(Flow):
    """What one-pass SGD tends to as d grows at fixed delta = step size x d / batch size: the flow with noise terms.

    As delta goes to zero it is the network flow. Both functions must be polynomials, or both erf.

    Args:
        sgd: the `OnePassSGD` to describe; the limit starts at the order parameters of its first run.

    Raises:
        ArgumentError: if the functions have no closed noise terms.

    Source: Saad & Solla, Phys. Rev. E 52 (1995), 4225; Goldt et al., arXiv 1906.08632; Veiga et al., arXiv 2202.00293;
        here also for neurons that are normalised after every step.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> sgd = ss.OnePassSGD(problem, 1.0, neurons=2, dimension=1000, step_size=1e-4, label_noise=0.1)
        >>> limit = ss.solve(ss.SGDLimit(sgd), until=20.0)
        >>> bool(0 < limit["risk"][-1] < 0.01)  # label noise keeps it from zero
        True
    """

    labels = LABELS
    references = ("saad1995", "goldt2019", "veiga2022")

    def __init__(self, sgd: OnePassSGD):
        if not isinstance(sgd, OnePassSGD):
            raise ArgumentError("sgd", "be a OnePassSGD", sgd)
        if sgd._biases is not None:
            raise ArgumentError("sgd", "have neurons without biases", sgd)
        if not sgd.inputs.isotropic:
            raise ArgumentError("sgd", "have isotropic inputs (NetworkFlow is the limit of small steps)", sgd)
        self.sgd = sgd
        problem = sgd.problem
        if not problem.summed:
            raise ArgumentError("sgd", "learn a sum of functions of one direction, not a JointIndex", sgd)
        both = problem.link, problem.activation
        self._link, self._activation = (), ()
        if all(f.degree is not None for f in both):
            self._link, self._activation = (_series(f) for f in both)
        elif not all(f.name == "erf" for f in both):
            names = f"{problem.link.name} and {problem.activation.name}"
            raise ArgumentError("sgd", "have polynomials, or erf, for link and activation", names)

    def start(self):
        population, y0 = self._network().start()
        common: dict[str, Any] = {
            "delta": jnp.asarray(self.delta),
            "label_noise": jnp.asarray(self.sgd.label_noise),
            "gram": jnp.asarray(self.sgd.problem.gram),
            "link": self._link,
            "activation": self._activation,
        }
        if isinstance(population, FreeNetworkSystem):
            u = y0[:, 1:]
            first = jnp.concatenate([y0[:, :1], u @ population.frame.T, u @ u.T], axis=1)
            return FreeLimitSystem(population=population, **common), first
        assert isinstance(population, NetworkSystem)
        a, _, s, r = population._neurons(y0)
        return SGDLimitSystem(population=population, **common), jnp.concatenate([a[:, None], s, r], axis=1)

    def _network(self) -> NetworkFlow:
        """The flow without noise, from the same start."""
        sgd = self.sgd
        return NetworkFlow(sgd.problem, sgd.epsilon, initial=(sgd._a[0], sgd._u[0]), sphere=sgd.sphere)

    @property
    def delta(self) -> float:
        """Step size x dimension / batch size."""
        return self.sgd.step_size * self.sgd.dimension / self.sgd.batch_size

    def scale(self):
        """Weights of order one; overlaps with teachers matter from the size of their start on: an escape takes time."""
        m, p = self.sgd.neurons, len(self.sgd.problem.gram)
        size = max(1.0, float(np.sqrt(np.mean(self.sgd._a[0] ** 2))))
        overlaps = np.asarray(self.start()[1])[:, 1 : 1 + p]
        given = min(1.0, float(np.sqrt(np.mean(overlaps**2))) or 1.0)
        squares = min(1.0, float(np.mean(np.sum(self.sgd._u[0] ** 2, axis=1))) or 1.0)
        return np.broadcast_to(np.array([size] + [given] * p + [squares] * m), (m, 1 + p + m))

    @property
    def shortest_time(self):
        return self._network().shortest_time

    def read(self, record):
        problem, raw = self.sgd.problem, record.observables
        degree, p = problem.reported_degree, len(problem.gram)
        phi, sigma = coefficients(problem.link, degree), coefficients(problem.activation, degree)
        s = record.states[..., 1 : 1 + p]
        observables = {name: raw[name] for name in ("risk", "risk_rate", "risk_by_degree")}
        observables |= {
            "second_layer": record.states[..., 0],
            "overlap": s[..., 0] if p == 1 else s,
            "mutual_overlap": record.states[..., 1 + p :],
        }
        if self.sgd.sphere:
            observables["moment"] = moment = raw["moment"][..., 0] if p == 1 else raw["moment"]
            if p == 1:
                observables["residual"] = phi - sigma * moment
        else:
            squares = np.diagonal(record.states[..., 1 + p :], axis1=-2, axis2=-1)
            observables["norm"] = np.sqrt(np.maximum(squares, 0.0))
        neurons = np.arange(self.sgd.neurons)
        coords = {"degree": np.arange(degree + 1), "neuron": neurons, "other": neurons}
        if p > 1:
            coords["direction"] = np.arange(p)
        last = record.states[-1]
        of_neurons = [last[:, 0]] if self.sgd.sphere else [last[:, 0], observables["norm"][-1]]
        accuracy = {"corrections_of_order": float(self.sgd.dimension) ** -0.5}
        if self.sgd.label_noise:
            accuracy["noise_floor"] = noise_floor(problem, self.delta, self.sgd.label_noise, *of_neurons)
        return Reading(observables, coords, accuracy=accuracy)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return self.sgd.describe() | {"delta": self.delta}


def _series(function: GaussianFunction) -> tuple[float, ...]:
    assert function.degree is not None
    return tuple(float(c) for c in function.coefficients(function.degree))
