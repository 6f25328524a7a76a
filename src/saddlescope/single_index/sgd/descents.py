"""Stochastic gradient descent on fresh samples, in any dimension."""

from __future__ import annotations

import abc
import hashlib
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, count, finite, positive, shortened
from saddlescope.gaussian import Law, Uniform, law, spec
from saddlescope.memory import check_fits
from saddlescope.single_index.labels import LABELS
from saddlescope.single_index.network.eigenspaces import Eigenspaces
from saddlescope.single_index.network.population import population, refuse_sphere, told_of_inputs
from saddlescope.single_index.network.sphere import dimension as checked_dimension
from saddlescope.single_index.network.sphere import extras, free_norm, given, start_of_biases
from saddlescope.single_index.problem.inputs import law_of_inputs
from saddlescope.single_index.problem.mixture import Mixture
from saddlescope.single_index.problem.multi_index import Problem, as_multi_index
from saddlescope.single_index.problem.rate_ratio import FIXED, second_layer_and_ratio
from saddlescope.single_index.problem.single_index import coefficients
from saddlescope.single_index.sgd.steps import DirectSteps, GramSteps
from saddlescope.single_index.theory.floors import noise_floor, unlearnable
from saddlescope.solve import Descent, Reading

_SPARE = 64  # coordinates that samples may open before the neurons are turned back


class NetworkDescent(Descent):
    """Descent on samples: the network, its start, and what is read of it. Arguments are those of `OnePassSGD`."""

    labels = LABELS
    references = ("berthier2023",)

    def __init__(
        self,
        problem: Problem,
        epsilon: float | None = None,
        neurons: int | None = None,
        dimension: int | None = None,
        step_size: float | None = None,
        batch_size: int = 1,
        second_layer: Any = None,
        seed: int = 0,
        *,
        runs: int = 1,
        label_noise: float = 0.0,
        method: Literal["auto", "direct", "gram"] = "auto",
        initial: tuple[Any, Any] | None = None,
        sphere: bool = True,
        norm: float = 1.0,
        biases: Any = None,
        inputs: Any = None,
    ):
        self.problem = as_multi_index(problem)
        if not math.isfinite(self.problem.activation.derivative_norm_squared):
            # its derivative misses the jump, and descent would not be the flow's
            raise ArgumentError("problem", "have an activation without jumps for descent on samples", problem)
        p = len(self.problem.gram)
        told, self.epsilon = second_layer_and_ratio(second_layer, epsilon)
        if step_size is None:
            raise ArgumentError("step_size", "be given", None)
        self._step_size = positive("step_size", step_size)
        self.batch_size = count("batch_size", batch_size)
        self.seed, self.runs = count("seed", seed, least=0), count("runs", runs)
        self.label_noise = finite("label_noise", label_noise)
        if self.label_noise < 0:
            raise ArgumentError("label_noise", "not be negative", self.label_noise)
        self.second_layer: Law | None = None
        self.sphere, self.norm = free_norm(sphere, norm)
        given_law = law_of_inputs(inputs)
        if isinstance(given_law, Mixture):
            must = "be a covariance for descent on samples, which are Gaussian here (NetworkFlow takes a mixture)"
            raise ArgumentError("inputs", must, given_law)
        self.inputs = given_law
        refuse_sphere(self.sphere, self.inputs)
        if not self.inputs.isotropic and biases is not None:
            raise ArgumentError("biases", "be left out beside inputs that are not isotropic, for SGD", biases)
        if method not in ("auto", "direct", "gram"):
            raise ArgumentError("method", 'be "auto", "direct" or "gram"', method)
        if initial is not None:
            others = None if second_layer == FIXED else second_layer
            for name, value in (("neurons", neurons), ("second_layer", others), ("dimension", dimension)):
                if value is not None:
                    raise ArgumentError(name, "not be given together with `initial`", value)
            if self.norm != 1:
                raise ArgumentError("norm", "not be given together with `initial`", norm)
            a, u = given(initial, p, sphere=self.sphere)
            self.neurons, self.dimension = u.shape
        else:
            for name, value in (("neurons", neurons), ("dimension", dimension)):
                if value is None:
                    raise ArgumentError(name, "be given (or else `initial`)", value)
            self.neurons = count("neurons", neurons)
            d = checked_dimension(dimension, least=p)
            if math.isinf(d):
                raise ArgumentError("dimension", "be finite (a step would have no noise left at infinity)", d)
            self.dimension = int(d)
            self.second_layer = Uniform(-(3**0.5), 3**0.5) if told is None else law(told)
            a = u = None
        room = p + self.neurons + _spare(self.batch_size)
        if method == "gram" and self.dimension <= room:
            raise ArgumentError("dimension", f'be above {room} for method "gram" (use "direct")', self.dimension)
        if method == "gram" and not self.inputs.isotropic:
            raise ArgumentError("method", 'be "direct" or "auto" beside inputs that are not isotropic', method)
        big = self.inputs.isotropic and self.dimension > max(4 * (self.neurons + p), room)
        self.method = ("gram" if big else "direct") if method == "auto" else method
        self._check_size(p)
        self._spaces = Eigenspaces.of(self.inputs, self.problem.gram, self.dimension)
        self._a, self._u = self._starts(a, u)
        seeds = range(self.seed, self.seed + self.runs)
        starts = [start_of_biases(biases, self.neurons, seed) for seed in seeds]
        self._biases = None if biases is None else np.array(starts)

    def _check_size(self, p: int) -> None:
        """Refuse what does not fit: the runs before and after a step, and the samples of a step."""
        m, d, batch = float(self.neurons), float(self.dimension), float(self.batch_size)
        asked = {"neurons": self.neurons, "batch_size": self.batch_size, "runs": self.runs}
        if self.method == "direct":
            check_fits(self.runs * (2 * m * d + batch * (d + 2 * m)), **asked, dimension=self.dimension)
        else:
            coordinates = p + m + _spare(self.batch_size)
            check_fits(self.runs * (2 * m + batch) * coordinates, **asked)

    def _starts(self, a: Any, u: Any) -> tuple[np.ndarray, np.ndarray]:
        """Starts of all runs, (runs, m) and (runs, m, coordinates)."""
        if a is not None:
            u = self._spaces.placed(u, whole=self.method == "direct")
            return np.tile(a, (self.runs, 1)), np.tile(u, (self.runs, 1, 1))
        assert self.second_layer is not None
        all_a, all_u = [], []
        for seed in range(self.seed, self.seed + self.runs):
            all_a.append(self.second_layer.sample(self.neurons, seed))
            # the start of a NetworkFlow of that seed; turned into few coordinates, which isotropic samples do not feel
            u = self._spaces.start("sphere", self.neurons, np.random.default_rng([seed, 1]))
            all_u.append(self.norm * (self._spaces.widened(u) if self.method == "direct" else u))
        return np.array(all_a), np.array(all_u)

    @property
    def step_size(self):
        return self._step_size

    def _population(self, coordinates: int):
        biased = self._biases is not None
        # samples open coordinates beside those of the flow
        widths = np.array([coordinates]) if self.inputs.isotropic else self._spaces.counts
        kind = {"free": not self.sphere or biased, "sphere": self.sphere, "biased": biased}
        return population(self.problem, self.epsilon, self._spaces, widths, **kind)

    def start(self) -> tuple[Any, Any]:
        keys = jnp.stack([jax.random.PRNGKey(seed) for seed in range(self.seed, self.seed + self.runs)])
        u, p = self._u, len(self.problem.gram)
        biased = self._biases is not None
        common: dict[str, Any] = {
            "step_size": jnp.asarray(self.step_size),
            "label_noise": jnp.asarray(self.label_noise),
            "activation": self.problem.activation,
            "link": self.problem.link,
            "batch": self.batch_size,
            "root": jnp.ones(()),
        }
        if not self.inputs.isotropic:
            common["root"] = jnp.asarray(np.sqrt(self.inputs.eigenvalues[self._spaces.places(self._spaces.counts)]))
        if self._biases is not None:
            u = np.insert(u, p, self._biases, axis=2)
        if self.method == "direct":
            steps: DirectSteps | GramSteps = DirectSteps(population=self._population(u.shape[-1] - biased), **common)
            used = 0
        else:
            used = u.shape[-1]
            u = np.pad(u, [(0, 0), (0, 0), (0, _spare(self.batch_size))])
            steps = GramSteps(
                population=self._population(u.shape[-1] - biased),
                dimension=jnp.asarray(float(self.dimension)),
                teachers=p,
                **common,
            )
        # a key is used once: for the first samples here, or for what comes after them
        keys, draws = (jnp.stack(part) for part in zip(*(jax.random.split(key) for key in keys), strict=True))
        first = jnp.stack([steps.draw(key, jnp.asarray(used), u.shape[-1]) for key in draws])
        return steps, (jnp.asarray(used, jnp.int64), keys, jnp.asarray(self._a), jnp.asarray(u), first)

    def read(self, record):
        problem, raw, states = self.problem, record.observables, record.states
        degree, p = problem.reported_degree, len(problem.gram)
        single = self.runs == 1
        seeds, diverged = np.arange(self.seed, self.seed + self.runs), ~np.isfinite(raw["risk"][-1])
        some = diverged.any() and not diverged.all()
        if some:
            # the others went on: what is told is of them
            raw, states = {name: values[:, ~diverged] for name, values in raw.items()}, states[:, ~diverged]

        def squeezed(values: np.ndarray) -> np.ndarray:
            return values[:, 0] if single else values

        overlap = states[..., 1] if p == 1 else states[..., 1 : 1 + p]
        observables = {
            "risk": squeezed(raw["risk"]),
            "risk_by_degree": squeezed(raw["risk_by_degree"]),
            "second_layer": squeezed(states[..., 0]),
            "overlap": squeezed(overlap),
        }
        observables |= {name: squeezed(raw[name]) for name in ("train_risk", "residual") if name in raw}
        if not self.sphere:
            observables["norm"] = squeezed(states[..., 1 + p])
        if not self.inputs.isotropic:
            observables["preactivation"] = squeezed(states[..., 2 + p])
        if self._biases is not None:
            observables["bias"] = squeezed(states[..., -1])
        if "moment" in raw:
            observables["moment"] = squeezed(raw["moment"][..., 0] if p == 1 else raw["moment"])
        if p == 1 and "moment" in raw:
            phi, sigma = coefficients(problem.link, degree), coefficients(problem.activation, degree)
            observables["residual"] = phi - sigma * observables["moment"]
        coords = {"degree": np.arange(degree + 1), "neuron": np.arange(self.neurons)}
        if p > 1:
            coords["direction"] = np.arange(p)
        if not single:
            coords["run"] = seeds[~diverged] if some else seeds
        doubts = ()
        if record.outcome.name == "NOT_FINITE":
            which = f"All {self.runs} runs diverged, what is told is of the last ones," if some else "The run diverged"
            doubts = (f"{which} after step {record.solver['steps']}: the step size is too large.",)
        elif some:
            which = shortened(", ".join(str(seed) for seed in seeds[diverged]))
            doubts = (
                f"Of {self.runs} runs {diverged.sum()} diverged and are left out (seeds {which}): the step size is too "
                "large for them, and means are over those that it suits.",
            )
        solver = {"samples": self._samples(record.solver["steps"])}
        return Reading(observables, coords, accuracy=self._floors(states[-1]), doubts=doubts, solver=solver)

    def _floors(self, states: np.ndarray) -> dict[str, float]:
        """What stays of the risk, at saved states (runs, m, ...)."""
        p = len(self.problem.gram)
        floors = {"unlearnable_risk": unlearnable(self.problem)} if self.sphere and self._biases is None else {}
        delta = self._noise_of_samples
        if not delta or not self.label_noise or not np.all(np.isfinite(states)):
            return floors
        norm = 1.0 if self.sphere else states[..., 1 + p if self.inputs.isotropic else 2 + p]
        bias = None if self._biases is None else states[..., -1]
        second = self.step_size / (self.epsilon * self.batch_size)
        told = self.problem, delta, self.label_noise, states[..., 0], norm, bias
        return floors | {"noise_floor": noise_floor(*told, second=second)}

    @property
    def _noise_of_samples(self) -> float:
        """Step size x dimension / batch of fresh samples, or x tr Sigma, which is as much of an isotropic input."""
        return self.step_size * float(self._spaces.counts @ self.inputs.eigenvalues) / self.batch_size

    @abc.abstractmethod
    def _samples(self, steps: int) -> int:
        """How many samples so many steps see."""

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return (
            self.problem.describe()
            | {
                "epsilon": self.epsilon,
                "second_layer": None if self.second_layer is None else spec(self.second_layer),
                "neurons": self.neurons,
                "dimension": self.dimension,
                "step_size": self.step_size,
                "batch_size": self.batch_size,
                "label_noise": self.label_noise,
                "seed": self.seed,
                "runs": self.runs,
                "method": self.method,
                "sphere": self.sphere,
                "initial": hashlib.sha256(self._a.tobytes() + self._u.tobytes()).hexdigest()[:16],
            }
            | extras(self.sphere, self.norm, self._biases)
            | told_of_inputs(self.problem, self._spaces, self.inputs)
        )


def _spare(batch: int) -> int:
    """Coordinates kept for samples to open: whole batches."""
    return batch * -(-_SPARE // batch)


class OnePassSGD(NetworkDescent):
    """Projected SGD on fresh Gaussian samples, with the layers' ratio epsilon; time is step number times step size.

    a_i += (eta / epsilon) e sigma(<u_i, x>) and u_i <- normalise(u_i + eta a_i e sigma'(<u_i, x>) (x - <u_i, x> u_i)),
    averaged over a batch, e = y - f(x); of free norm, u_i += eta a_i e sigma'(<u_i, x>) x.

    Args:
        problem: `SingleIndex`, `MultiIndex` for a sum over several directions, or `JointIndex` for a function of them.
        epsilon: learning-rate ratio: the second layer has the learning rate step_size / epsilon, and none at inf.
        neurons: m.
        dimension: d, finite.
        step_size: eta, the time of a step.
        batch_size: fresh samples a step.
        second_layer: law of a(0), or its table; by default Uniform(-sqrt 3, sqrt 3); or "fixed", see `NetworkFlow`.
        seed: of start and samples; the start is that of a `NetworkFlow` of this seed.
        runs: independent runs at once, with seeds `seed`, `seed` + 1, ...
        label_noise: standard deviation of noise added to labels; the risk reported is without it.
        method: "direct" draws all d coordinates of a sample, "gram" only those that matter: exact in law, at a cost
            that does not depend on d. "auto" takes "gram" where d > 4 (m + p).
        initial: (a, u) of shapes (m,) and (m, d) for all runs, instead of a random start.
        sphere: whether neurons keep their norm one; if not, it is free.
        norm: of the neurons of a random start, where it is free.
        biases: b(0) of neurons sigma(<u_i, x> + b_i), see `NetworkFlow`.
        inputs: covariance of samples, see `NetworkFlow`; they are drawn in all d coordinates then.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055; Saad & Solla (1995).

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> sgd = ss.OnePassSGD(problem, epsilon=0.5, neurons=4, dimension=10**6, step_size=1e-7, seed=1)
        >>> trajectory = ss.solve(sgd, until=1e-4)
        >>> trajectory.solver["steps"], trajectory.parameters["method"]
        (1000, 'gram')
    """

    def _samples(self, steps):
        return steps * self.batch_size
