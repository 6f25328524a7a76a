"""Mean-field flow of a wide two-layer network: weighted particles that carry the law of the weights."""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, count, finite, fraction, vector
from saddlescope.gaussian import Law, Uniform, law, spec
from saddlescope.gaussian.laws.law import MOST_NODES
from saddlescope.memory import check_fits
from saddlescope.single_index.labels import LABELS
from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.single_index.mean_field.overlap_features import Features, powers, split
from saddlescope.single_index.problem.rate_ratio import FIXED, second_layer_and_ratio, shortest_time
from saddlescope.single_index.problem.single_index import SingleIndex
from saddlescope.single_index.residuals import residual_curves
from saddlescope.single_index.theory.finite_width import doubt_of_sample
from saddlescope.solve import BlockLowRank, Flow, Reading, Rodas5P, System, relative

# Particle arrays are padded with weightless copies to these sizes, so that few programs are ever compiled; above them
# by at most an eighth, since there a particle costs more than a program.
_SIZES = (64, 256, 512, 1024, 2048, 4096)
_LEAST_AUTO = 512  # what refinement mostly ends with: no second program on the way there
_MOST_AUTO = 4096
_GROWTH = 0.35  # e-folds of a growing mode in a step
_ROUNDING = 16 * 2.0**-53  # of a sum, relative to its terms
_DRIVEN = 1e-6  # the least overlaps that are kept to the tolerance, of those that matter first
_PINNED = 40.0  # tanh of it rounds to one


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


class MeanFieldFlow(Flow):
    """Gradient flow of a two-layer network of infinite width in infinite dimension (or of sampled neurons).

    epsilon da/dt = sum_k c_k s^k,  ds/dt = a (1 - s^2) sum_k k c_k s^(k-1),  c_k = sigma_k (phi_k - sigma_k <a s^k>),
    for neurons of output weight a and overlap s = <u*, u> with the target direction; s(0) = 0. Time is the paper's.

    Args:
        problem: what is learnt and by which activation.
        epsilon: learning-rate ratio; the second layer learns 1/epsilon times faster, and not at all at inf; at
            least 1e-20.
        second_layer: law of a(0), or its table; by default Uniform(-sqrt 3, sqrt 3), of variance 1. Or "fixed": the
            second layer stays as it starts (epsilon = inf), at ones unless `initial` says otherwise.
        particles: "auto" for the limit of infinite width: nodes of composite Gauss rules of the law, refined where the
            solution is sharp until the learning times stand to `tolerance`; or a number of nodes of one Gauss rule.
        neurons: instead of nodes of the law, this many neurons with weights sampled from it.
        seed: of that sample.
        tolerance: relative change of learning times at which the refinement of the nodes ends.
        initial: instead of a law, (a, s) of shapes (m,) each.
        weights: weights of the given particles, shape (m,), non-negative, summing to one; equal by default.

    Raises:
        ArgumentError: if epsilon is not positive, or too small, a law, weight or count is refused, or arguments
            contradict.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
        >>> trajectory = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-4, particles=64), until=3.0)
        >>> round(float(trajectory["risk"][0]), 12), bool(trajectory["risk"][-1] < 1e-4)
        (2.0, True)
    """

    labels = LABELS
    references = ("berthier2023",)
    descends = True

    def __init__(
        self,
        problem: SingleIndex,
        epsilon: float | None = None,
        second_layer: Any = None,
        particles: int | Literal["auto"] = "auto",
        *,
        neurons: int | None = None,
        seed: int = 0,
        tolerance: float = 1e-4,
        initial: tuple[Any, Any] | None = None,
        weights: Any = None,
    ):
        if not isinstance(problem, SingleIndex):
            raise ArgumentError("problem", "be a SingleIndex", problem)
        self.problem = problem
        told, self.epsilon = second_layer_and_ratio(second_layer, epsilon)
        self.tolerance = fraction("tolerance", tolerance)
        self.seed = count("seed", seed, least=0)
        self.neurons = None if neurons is None else count("neurons", neurons)
        self.second_layer: Law | None = None
        self.panels: Panels | None = None
        if initial is not None:
            others = None if second_layer == FIXED else second_layer
            if others is not None or neurons is not None or particles != "auto":
                raise ArgumentError("initial", "be given without second_layer, particles or neurons", "both")
            self._start = _given(initial, weights)
            return
        if weights is not None:
            raise ArgumentError("weights", "be given together with `initial`", weights)
        # variance one, as in the examples of the theory
        self.second_layer = Uniform(-(3**0.5), 3**0.5) if told is None else law(told)
        if self.neurons is not None:
            check_fits(16.0 * self.neurons, neurons=self.neurons)  # two numbers each, in all stages of a step
            a = self.second_layer.sample(self.neurons, self.seed)
            self._start = a, np.zeros_like(a), np.full(len(a), 1 / len(a))
        elif particles == "auto" and self.second_layer.atoms is None:
            self.panels = Panels.of(self.second_layer)
            self._start = _resting(self.panels)
        elif particles == "auto":
            a, w = self.second_layer.rule(1)
            self._start = a, np.zeros_like(a), w
        else:
            a, w = self.second_layer.rule(count("particles", particles, most=MOST_NODES))
            self._start = a, np.zeros_like(a), w

    def on(self, panels: Panels) -> MeanFieldFlow:
        """Return the same flow on other nodes of the law."""
        return self._with(panels=panels, _start=_resting(panels))

    def _padded(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a, s, w = self._start
        least = len(a) if self.panels is None else max(len(a), _LEAST_AUTO)
        size = next((n for n in _SIZES if n >= least), _rounded_up(least))
        spare = size - len(a)
        return (
            np.concatenate([a, np.full(spare, a[0])]),
            np.concatenate([s, np.full(spare, s[0])]),
            np.concatenate([w, np.zeros(spare)]),
        )

    def start(self):
        a, s, w = self._padded()
        parts = split(self.problem)
        pinned = np.abs(s) == 1
        with np.errstate(divide="ignore"):
            z = np.where(pinned, _PINNED * s, np.arctanh(s))
        own = np.arange(len(parts.target)) < parts.explicit
        system = MeanFieldSystem(
            epsilon=jnp.asarray(self.epsilon, jnp.float64),
            weights=jnp.asarray(w),
            free=jnp.asarray(1.0 - pinned),
            features=parts.features,
            target=jnp.asarray(parts.target),
            aims=jnp.asarray(np.where(own & (parts.target != 0), np.abs(parts.target), np.inf)),
            floor=jnp.asarray(parts.floor, jnp.float64),
            degrees=self.problem.reported_degree,
        )
        return system, jnp.asarray(np.stack([a, z]))

    def scale(self):
        """Weights a are of order one; overlaps first matter at the scale of level one or of their start."""
        a, s, w = self._start
        given = float(np.sqrt(w @ s**2)) or 1.0
        size = np.array([max(1.0, float(np.sqrt(w @ a**2))), min(1.0, np.sqrt(self.epsilon), given)])
        return np.broadcast_to(size[:, None], (2, len(self._padded()[0])))

    @property
    def shortest_time(self):
        """Of the second layer's relaxation, or of the first layer's motion where that is faster."""
        a, _, w = self._start
        phi, sigma = self.problem.link_coefficients, self.problem.activation_coefficients
        pull = float(np.sqrt(w @ a**2) * np.sum(np.arange(len(phi)) * np.abs(sigma * phi)))
        return shortest_time(self.epsilon, self.problem.activation.norm_squared, pull)

    def read(self, record):
        a, _, w = self._start
        parts = split(self.problem)
        phi, sigma = self.problem.link_coefficients, self.problem.activation_coefficients
        raw = record.observables
        residual = phi - sigma * raw["moment"]
        by_degree = 0.5 * residual**2
        observables = {
            "risk": raw["risk"],
            "risk_rate": raw["risk_rate"],
            "risk_by_degree": by_degree,
            "risk_rest": raw["risk"] - by_degree.sum(axis=1),
            "residual": residual,
            "residual_rate": -sigma * raw["moment_rate"],
            "moment": raw["moment"],
            "second_layer": record.states[:, 0, : len(a)],
            "overlap": np.tanh(record.states[:, 1, : len(a)]),
            "weight": w,
        }
        return Reading(
            observables,
            {"degree": np.arange(len(phi)), "neuron": np.arange(len(a))},
            accuracy={
                "activation": parts.description,
                "kernel_error": parts.kernel_error,
                "link_error": parts.link_error,
                "unlearnable_risk": parts.floor,
                "particles": len(a),
            },
            doubts=self._doubts(),
        )

    def _doubts(self) -> tuple[str, ...]:
        if self.neurons is None or self.second_layer is None:
            return ()
        return doubt_of_sample(self.problem, self.epsilon, self.second_layer, self.neurons)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {
            "link": self.problem.link.name,
            "activation": self.problem.activation.name,
            "link_coefficients": self.problem.link_coefficients.tolist(),
            "activation_coefficients": self.problem.activation_coefficients.tolist(),
            "epsilon": self.epsilon,
            "second_layer": None if self.second_layer is None else spec(self.second_layer),
            "neurons": self.neurons,
            "seed": self.seed if self.neurons is not None else None,
            "dimension": "infinite",
            "width": "infinite" if self.neurons is None and self.second_layer is not None else len(self._start[0]),
        }

    def curves(self, record):
        """The risk, and the residual of each degree beside its target."""
        phi, sigma = self.problem.link_coefficients, self.problem.activation_coefficients
        moment, rate = record.observables["moment"], record.observables["moment_rate"]
        return super().curves(record) + residual_curves(phi, sigma, moment, rate)

    def refined(self, runs):
        from saddlescope.single_index.mean_field.refinement import refine

        return refine(self, runs)


def _resting(panels: Panels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Output weights, overlaps of zero and the law's weights of the particles."""
    a, w = panels.rule()
    return a, np.zeros_like(a), w


def _rounded_up(n: int) -> int:
    """Smallest multiple of an eighth of a power of two that holds n."""
    step = 2 ** max((n - 1).bit_length() - 4, 0)
    return -(-n // step) * step


def _given(initial: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        a, s = initial
    except (TypeError, ValueError):
        raise ArgumentError("initial", "be a pair (a, s) of arrays of one shape (m,)", initial) from None
    a, s = vector("initial", a), vector("initial", s)
    if a.shape != s.shape:
        raise ArgumentError("initial", "hold a and s of one shape", (a.shape, s.shape))
    if np.abs(s).max() > 1:
        raise ArgumentError("initial", "hold overlaps s in [-1, 1]", float(np.abs(s).max()))
    w = np.full(len(a), 1 / len(a)) if weights is None else vector("weights", weights)
    if w.shape != a.shape:
        raise ArgumentError("weights", f"have shape {a.shape}", w.shape)
    if w.min() < 0 or abs(w.sum() - 1) > 1e-12:
        raise ArgumentError("weights", "be non-negative and sum to one", finite("weights", w.sum()))
    return a, s, w
