"""The exact population flow of a network of finite width in any dimension."""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, count
from saddlescope.gaussian import Law, Uniform, kernel, law, spec
from saddlescope.memory import check_fits
from saddlescope.single_index.labels import LABELS
from saddlescope.single_index.network.eigenspaces import Eigenspaces
from saddlescope.single_index.network.free_system import FreeNetworkSystem
from saddlescope.single_index.network.mixture_system import MixtureSystem
from saddlescope.single_index.network.population import (
    norm_kernels,
    population,
    population_of_mixture,
    refuse_sphere,
    target,
    told_of_inputs,
)
from saddlescope.single_index.network.sphere import dimension as checked_dimension
from saddlescope.single_index.network.sphere import extras, free_norm, given, start_of_biases
from saddlescope.single_index.network.system import NetworkSystem
from saddlescope.single_index.problem.inputs import law_of_inputs
from saddlescope.single_index.problem.mixture import Mixture
from saddlescope.single_index.problem.multi_index import MultiIndex, Problem, as_multi_index
from saddlescope.single_index.problem.rate_ratio import FIXED, second_layer_and_ratio, shortest_time
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients
from saddlescope.single_index.residuals import residual_curves
from saddlescope.single_index.theory.finite_width import doubt_of_width
from saddlescope.single_index.theory.floors import unlearnable
from saddlescope.solve import Curve, Flow, Reading

_STARTS = ("sphere", "orthogonal", "gaussian")
# overlaps of order d^(-1/2) at the start do not matter beside those of level 1, epsilon^(1/2), if d epsilon is this
_HIGH = 100
_PARTED = 1e-6  # far more than rounding makes where nothing grows
_KERNEL = 1e-6  # relative error of a kernel from which a run is doubted
_SMALL = 64  # neurons up to which their overlaps with each other are kept, and eigenvalues up to which they are parted


class NetworkFlow(Flow):
    """Gradient flow of a two-layer network of m neurons on Gaussian data of dimension d, in the limit of many samples.

    The flow stays in the span of the teachers and of the initial neurons: min(d, m + p) coordinates a neuron, whatever
    d, infinity included. At d = infinity random neurons are orthogonal to the teachers and to each other. Where inputs
    have a covariance of several eigenvalues, all this holds in each of its eigenspaces; the centre of a mixture is one
    direction more.

    Args:
        problem: `SingleIndex`, `MultiIndex` for a sum over several directions, or `JointIndex` for a function of them.
        epsilon: learning-rate ratio; the second layer learns 1/epsilon times faster, and not at all at inf.
        neurons: m.
        dimension: d, a whole number or float("inf").
        second_layer: law of a(0), or its table; by default Uniform(-sqrt 3, sqrt 3). Or "fixed": the second layer stays
            as it starts (epsilon = inf), at ones unless `initial` says otherwise.
        seed: of the start.
        start: "sphere" for uniform directions, "orthogonal" for directions orthogonal to teachers and each other,
            "gaussian" (of free norm) for independent coordinates of variance norm^2 / d.
        initial: (a, u) of shapes (m,) and (m, d), the teachers spanning the first axes, instead of a random start;
            the neurons are of norm one, or, if it is free, of any. With `inputs`, coordinates are those of one
            eigenspace after the other, the teachers, and then the centre of a mixture, spanning the first axes of each.
        sphere: whether neurons keep their norm one, moving on the sphere; if not, du_i/dt = -m dR/du_i.
        norm: of the neurons of a random start, where it is free.
        biases: b(0) of neurons sigma(<u_i, x> + b_i), which learn as the first layer does: a number, one a neuron, or a
            law; by default neurons have none.
        inputs: covariance of x, a `Covariance` or its eigenvalues, or a `Mixture` of two clouds, for neurons of free
            norm; by default the identity.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055; Yoshida and Okada (2019), arXiv 2001.03371, for inputs
        that are not isotropic.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> flow = ss.NetworkFlow(problem, epsilon=0.1, neurons=5, dimension=50, seed=1)
        >>> float(ss.solve(flow, until=20.0)["risk"][-1]) < 1e-6
        True
    """

    labels = LABELS
    references = ("berthier2023",)
    descends = True

    def __init__(
        self,
        problem: Problem,
        epsilon: float | None = None,
        neurons: int | None = None,
        dimension: float = float("inf"),
        second_layer: Any = None,
        seed: int = 0,
        *,
        start: Literal["sphere", "orthogonal", "gaussian"] = "sphere",
        initial: tuple[Any, Any] | None = None,
        sphere: bool = True,
        norm: float = 1.0,
        biases: Any = None,
        inputs: Any = None,
    ):
        self.problem = as_multi_index(problem)
        told, self.epsilon = second_layer_and_ratio(second_layer, epsilon)
        self.seed = count("seed", seed, least=0)
        self.second_layer: Law | None = None
        self.start_kind = start
        self.sphere, self.norm = free_norm(sphere, norm)
        self.inputs = law_of_inputs(inputs)
        refuse_sphere(self.sphere, self.inputs)
        self._mixture = self.inputs if isinstance(self.inputs, Mixture) and not self.inputs.isotropic else None
        if not self.inputs.isotropic and self._mixture is None:
            self.references = (*self.references, "yoshida2019")  # pyright: ignore[reportAttributeAccessIssue]
        if not self.problem.summed:
            for name, other in (("sphere", not self.sphere), ("biases", biases is not None)):
                if other:
                    raise ArgumentError(
                        name, "stay as it is for a JointIndex, whose kernel is that of the sphere", sphere
                    )
        p = len(self.inputs.directions(self.problem.gram))
        if initial is not None:
            others = None if second_layer == FIXED else second_layer
            if neurons is not None or others is not None or dimension != float("inf"):
                raise ArgumentError("initial", "be given without neurons, dimension and second_layer", "both")
            if self.norm != 1:
                raise ArgumentError("norm", "not be given together with `initial`", norm)
            a, u = given(initial, p, sphere=self.sphere)
            self.dimension: float = u.shape[1]
            self._spaces = Eigenspaces.of(self.inputs, self.problem.gram, self.dimension)
            self._initial = a, self._spaces.placed(u)
            self._biases = start_of_biases(biases, len(a), self.seed)
            return
        if neurons is None:
            raise ArgumentError("neurons", "be given (or else `initial`)", None)
        if not isinstance(start, str) or start not in _STARTS:
            raise ArgumentError("start", 'be "sphere", "orthogonal" or "gaussian"', start)
        if start == "gaussian" and self.sphere:
            raise ArgumentError("start", 'not be "gaussian" on the sphere (sphere=False frees the norm)', start)
        m = count("neurons", neurons)
        self.dimension = checked_dimension(dimension, least=p)
        self._spaces = Eigenspaces.of(self.inputs, self.problem.gram, self.dimension)
        # what a method of variable order remembers, what it makes of that, and matrices of all pairs of neurons
        check_fits(24.0 * m * self._spaces.widths(m).sum() + 8.0 * m**2, neurons=m)
        self.second_layer = Uniform(-(3**0.5), 3**0.5) if told is None else law(told)
        a = self.second_layer.sample(m, self.seed)
        # the directions have a stream of their own: another law of a leaves them as they are
        u = self._spaces.start(start, m, np.random.default_rng([self.seed, 1]))
        self._initial = a, self.norm * u
        self._biases = start_of_biases(biases, m, self.seed)

    @property
    def neurons(self) -> int:
        """m."""
        return len(self._initial[0])

    def start(self):
        a, u = self._initial
        own = [] if self._biases is None else [self._biases]
        return self._system, jnp.asarray(np.column_stack([a, *own, u]))

    @property
    def _limit(self) -> bool:
        """Whether neurons are those of the theory: on the sphere, without biases, of isotropic inputs."""
        return self.sphere and self._biases is None

    @property
    def _system(self) -> NetworkSystem | FreeNetworkSystem | MixtureSystem:
        biased, widths = self._biases is not None, self._spaces.widths(self.neurons)
        common = self.problem, self.epsilon, self._spaces, widths
        if self._mixture is not None:
            return population_of_mixture(*common, self._mixture, biased=biased)
        return population(*common, free=not self._limit, sphere=self.sphere, biased=biased)

    def scale(self):
        a, u = self._initial
        size = max(1.0, float(np.sqrt(np.mean(a**2))))
        # overlaps first matter at the scale sqrt(epsilon) of level one; those with teachers at that of their start:
        # an escape from there (information exponent 2 or more) takes its time
        scale = np.column_stack([np.full(len(a), size), np.full(u.shape, min(1.0, np.sqrt(self.epsilon)))])
        first = slice(1, 1 + len(self._spaces.axes))
        start = float(np.sqrt(np.mean(u[:, : first.stop - 1] ** 2))) or 1.0
        scale[:, first] = np.minimum(scale[:, first], start)
        # neurons that start small matter at that size
        scale[:, 1:] = np.minimum(scale[:, 1:], float(np.sqrt(np.mean(np.sum(u**2, axis=1)))) or 1.0)
        if self._biases is not None:
            scale = np.insert(scale, 1, min(1.0, np.sqrt(self.epsilon)), axis=1)
        return scale

    @property
    def shortest_time(self):
        return shortest_time(self.epsilon, self.problem.activation.norm_squared, self._pull())

    def _pull(self) -> float:
        """What the teachers do to a neuron of the size of the second layer, at most."""
        return float(np.sqrt(np.mean(self._initial[0] ** 2))) * self.problem.pull * self.inputs.largest

    def curves(self, record):
        """The risk, and with one teacher the residual of each degree beside its target."""
        if len(self.problem.gram) > 1:
            return super().curves(record)
        degree = self.problem.reported_degree
        if self._mixture is not None:
            residual, rate = (record.observables[f"residual_by_cloud{end}"] for end in ("", "_rate"))
            aims = [self._target(c * self._mixture.offsets(1))[0][:, 0] for c in self._mixture.signs]
            return super().curves(record) + [
                Curve(residual[:, c, k], rate[:, c, k], abs(float(phi[k])))
                for c, phi in enumerate(aims)
                for k in np.flatnonzero(phi)
            ]
        if not self._limit:
            phi = self._target()[0][:, 0]
            residual, rate = record.observables["residual"], record.observables["residual_rate"]
            return super().curves(record) + [
                Curve(residual[:, k], rate[:, k], abs(float(phi[k]))) for k in np.flatnonzero(phi)
            ]
        phi, sigma = coefficients(self.problem.link, degree), coefficients(self.problem.activation, degree)
        moment, rate = (record.observables[name][..., 0] for name in ("moment", "moment_rate"))
        return super().curves(record) + residual_curves(phi, sigma, moment, rate)

    def _target(self, offsets: np.ndarray | None = None) -> tuple[np.ndarray, float, np.ndarray]:
        assert isinstance(self.problem, MultiIndex)
        p = len(self.problem.gram)
        return target(self.problem, self._spaces.overlap[:p, :p], offsets)

    def read(self, record):
        problem, raw = self.problem, record.observables
        degree, p = problem.reported_degree, len(problem.gram)
        biased = self._biases is not None
        a, u = record.states[..., 0], record.states[..., 1 + biased :]
        length = np.linalg.norm(u, axis=-1)
        if self.sphere:
            u = u / length[..., None]
        widths = self._spaces.widths(self.neurons)
        place, directions = self._spaces.places(widths), self._spaces.frame(widths)
        frame = directions[:p]
        root = np.sqrt(self._spaces.eigenvalues[place])
        seen = u * root  # what a neuron is to isotropic inputs
        first = len(self._spaces.axes)
        overlap = seen[..., :first] @ (frame * root)[:, :first].T
        observables = {
            "risk": raw["risk"],
            "risk_rate": raw["risk_rate"],
            "risk_by_degree": raw["risk_by_degree"],
            "risk_rest": raw["risk"] - raw["risk_by_degree"].sum(axis=1),
            "second_layer": a,
            "overlap": overlap[..., 0] if p == 1 else overlap,
        }
        if biased:
            observables["bias"] = record.states[..., 1]
        if self._limit:
            moment = raw["moment"][..., 0] if p == 1 else raw["moment"]
            observables["moment"] = moment
            if p == 1:
                phi, sigma = coefficients(problem.link, degree), coefficients(problem.activation, degree)
                observables["residual"] = phi - sigma * moment
                observables["residual_rate"] = -sigma * raw["moment_rate"][..., 0]
        else:
            observables |= {} if self.sphere else {"norm": length}
            if self._mixture is not None:
                observables["overlap_with_centre"] = u[..., :first] @ directions[p, :first]
            observables |= self._by_eigenvalue(u, seen, frame, place)
            observables |= {name: raw[name] for name in ("residual", "residual_rate") if name in raw}
        coords = {"degree": np.arange(degree + 1), "neuron": np.arange(self.neurons)}
        if p > 1:
            coords["direction"] = np.arange(p)
        coords["eigenvalue"] = self._spaces.eigenvalues
        if self.neurons <= _SMALL:
            observables["mutual_overlap"] = np.einsum("tid,tjd->tij", seen, seen)
            coords["other"] = np.arange(self.neurons)
        spread = observables.get("preactivation", length)
        bias = record.states[..., 1] if biased else None
        accuracy, doubts = self._kernels(spread, bias, observables.get("overlap_with_centre"))
        return Reading(
            observables,
            coords,
            accuracy={**accuracy, "coordinates": int(u.shape[-1])},
            doubts=(*problem.remarks, *self._doubts(), *self._parted(record.states), *doubts),
        )

    def _by_eigenvalue(
        self, u: np.ndarray, seen: np.ndarray, frame: np.ndarray, place: np.ndarray
    ) -> dict[str, np.ndarray]:
        """What neurons see of inputs that are not isotropic, and what they have of the teachers in each eigenspace."""
        if len(self._spaces.eigenvalues) == 1 and self._spaces.eigenvalues[0] == 1:
            return {}
        spread = {"preactivation": np.linalg.norm(seen, axis=-1)}
        spaces = len(self._spaces.eigenvalues)
        if spaces > _SMALL:
            return spread
        first = len(self._spaces.axes)
        parts = [u[..., :first] @ np.where(place[:first] == b, frame[:, :first], 0.0).T for b in range(spaces)]
        result = np.stack(parts, axis=-1)
        return spread | {"overlap_by_eigenvalue": result[..., 0, :] if len(frame) == 1 else result}

    def _kernels(
        self, length: np.ndarray, bias: np.ndarray | None, centre: np.ndarray | None
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What the kernels are and how far off, at the norms and biases of saved states, and doubts of them.

        Args:
            length: of what neurons see, shape (states, m).
            bias: of neurons, of that shape.
            centre: their overlap with the centre of a mixture, of that shape.
        """
        problem = self.problem
        drift = {"norm_drift": float(np.abs(length - 1).max())} if self.sphere else {}
        if self._limit:
            U, V = kernel(problem.activation), problem.seen()
            errors = {"kernel_error": float(U.error), "link_error": float(V.error)} | drift
            return {"activation": U.kind, "unlearnable_risk": unlearnable(problem)} | errors, ()
        p = len(problem.gram)
        length = np.ones_like(length) if self.sphere else length
        of_teachers = np.sqrt(np.diag(self._spaces.overlap))[:p]
        clouds: list[tuple[np.ndarray | None, np.ndarray | None]] = [(bias, None if bias is None else np.zeros(p))]
        if self._mixture is not None and centre is not None:
            # what neurons and teachers see of a centre is a bias in its cloud
            own, far = 0.0 if bias is None else bias, self._mixture.distance
            seen = [own + c * far * centre for c in self._mixture.signs]
            clouds = [(one, c * self._mixture.offsets(p)) for one, c in zip(seen, self._mixture.signs, strict=True)]
            bias = np.max(np.abs(seen), axis=0)
        U, V = norm_kernels(problem, biased=bias is not None).values()
        errors = {
            "kernel_error": max(U.error(length, length, one, one) for one, _ in clouds),
            "link_error": max(V.error(length, of_teachers, one, other) for one, other in clouds),
        }
        place = np.unravel_index(np.argmax(length + (0 if bias is None else np.abs(bias))), length.shape)
        largest = (length[place], length[place]) + (() if bias is None else (bias[place], bias[place]))
        size = float(U(1.0, *largest).value)
        worst = max(errors.values()) / size if size > 0 else 0.0
        doubt = (
            f"The kernel of {problem.activation.name} is known to {worst:.0e} of its size only at the norms and biases "
            f"of this run, up to {length.max():.3g}."
        )
        return {"activation": U.kind} | errors | drift, (doubt,) if worst > _KERNEL else ()

    def _parted(self, states: np.ndarray) -> tuple[str, ...]:
        """Whether neurons that start alike, and so move alike, are no longer so: rounding parts them at a saddle.

        Args:
            states: saved ones, shape (states, m, coordinates).
        """
        _, kind = np.unique(states[0], axis=0, return_inverse=True)
        _, first = np.unique(kind, return_index=True)
        twin = first[kind.ravel()]  # for each neuron, the first that is like it
        apart = float(np.abs(states - states[:, twin]).max())
        if apart <= _PARTED:
            return ()
        return (
            f"Neurons that start alike stay alike, but in this run rounding has grown to part them by {apart:.0e}: "
            "from there it is the flow of another start.",
        )

    def _doubts(self) -> tuple[str, ...]:
        """What its width does to the time of degree 1, where the start in this dimension leaves level 1 as it is."""
        problem = self.problem
        alone = len(problem.gram) == 1 and problem.weights[0] == 1
        if self.second_layer is None or not self._limit or not alone or self.dimension * self.epsilon < _HIGH:
            return ()
        single = SingleIndex(problem.link, problem.activation)
        return doubt_of_width(single, self.epsilon, self.second_layer, self.neurons)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        told = self.problem.describe() | {
            "epsilon": self.epsilon,
            "second_layer": None if self.second_layer is None else spec(self.second_layer),
            "neurons": self.neurons,
            "dimension": "infinite" if np.isinf(self.dimension) else int(self.dimension),
            "start": self.start_kind if self.second_layer is not None else "given",
            "seed": self.seed,
            "sphere": self.sphere,
        }
        told |= extras(self.sphere, self.norm, self._biases)
        return told | told_of_inputs(self.problem, self._spaces, self.inputs)
