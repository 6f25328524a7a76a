"""Mean-field flow of a wide two-layer network: weighted particles that carry the law of the weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from saddlescope.arguments import ArgumentError, count, finite, fraction, vector
from saddlescope.gaussian import Law, Uniform, law, spec
from saddlescope.gaussian.laws.law import MOST_NODES
from saddlescope.memory import check_fits
from saddlescope.single_index.labels import LABELS
from saddlescope.single_index.mean_field.directions import Directions, Particles
from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.single_index.mean_field.one_direction import OneDirection
from saddlescope.single_index.mean_field.several_directions import SeveralDirections
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.rate_ratio import FIXED, second_layer_and_ratio, shortest_time
from saddlescope.single_index.problem.single_index import SingleIndex
from saddlescope.single_index.theory.finite_width import doubt_of_sample, sampled
from saddlescope.solve import Flow

# Particle arrays are padded with weightless copies to these sizes, so that few programs are ever compiled; above them
# by at most an eighth, since there a particle costs more than a program.
_SIZES = (64, 256, 512, 1024, 2048, 4096)
_LEAST_AUTO = 512  # what refinement mostly ends with: no second program on the way there


class MeanFieldFlow(Flow):
    """Gradient flow of a two-layer network of infinite width in infinite dimension (or of sampled neurons).

    epsilon da/dt = sum_k c_k s^k,  ds/dt = a (1 - s^2) sum_k k c_k s^(k-1),  c_k = sigma_k (phi_k - sigma_k <a s^k>),
    for neurons of output weight a and overlap s = <u*, u> with the target direction; s(0) = 0. Time is the paper's.
    With a `JointIndex` neurons have an overlap with each of its k directions: epsilon da/dt = p(s),
    ds/dt = a (I - s s^T) grad p(s), p(s) = sum_alpha sigma_|alpha| (c_alpha - sigma_|alpha| M_alpha) h_alpha(s) with
    h_alpha = (|alpha|! / alpha!)^(1/2) s^alpha, M_alpha = <a h_alpha(s)>. What is never found from zero is a doubt.

    Args:
        problem: what is learnt and by which activation, a `SingleIndex` or a `JointIndex`. Of an activation with a long
            Hermite series a JointIndex takes the degrees that 300 products of overlaps reach, and
            `accuracy["risk_left_out"]` tells what the rest would add.
        epsilon: learning-rate ratio; the second layer learns 1/epsilon times faster, and not at all at inf; at
            least 1e-20.
        second_layer: law of a(0), or its table; by default Uniform(-sqrt 3, sqrt 3), of variance 1. Or "fixed": the
            second layer stays as it starts (epsilon = inf), at ones unless `initial` says otherwise.
        particles: "auto" for the limit of infinite width: nodes of composite Gauss rules of the law, refined where the
            solution is sharp until the learning times stand to `tolerance`; or a number of nodes of one Gauss rule.
        neurons: instead of nodes of the law, this many neurons with weights sampled from it.
        seed: of that sample.
        tolerance: relative change of learning times at which the refinement of the nodes ends.
        initial: instead of a law, (a, s) of shapes (m,) each; of a JointIndex (m,) and (m, k), with |s| < 1.
        weights: weights of the given particles, shape (m,), non-negative, summing to one; equal by default.

    Raises:
        ArgumentError: if epsilon is not positive, or too small, a law, weight or count is refused, or arguments
            contradict.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055; Abbe, Boix-Adsera, Misiakiewicz, arXiv 2202.08658, for
        joint targets.

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
        problem: SingleIndex | JointIndex,
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
        if not isinstance(problem, SingleIndex | JointIndex):
            raise ArgumentError("problem", "be a SingleIndex or a JointIndex", problem)
        self.problem = problem
        side = self.directions
        if isinstance(problem, JointIndex):
            self.references = (*self.references, "abbe2022")  # pyright: ignore[reportAttributeAccessIssue]
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
            a, s = side.given(initial)
            self._start = a, s, _shares(weights, a)
            return
        if weights is not None:
            raise ArgumentError("weights", "be given together with `initial`", weights)
        # variance one, as in the examples of the theory
        self.second_layer = Uniform(-(3**0.5), 3**0.5) if told is None else law(told)
        if self.neurons is not None:
            check_fits(side.numbers * self.neurons, neurons=self.neurons)
            a = self.second_layer.sample(self.neurons, self.seed)
            self._start = a, side.resting(a), np.full(len(a), 1 / len(a))
        elif particles == "auto" and self.second_layer.atoms is None:
            self.panels = Panels.of(self.second_layer)
            self._start = self._resting(self.panels)
        elif particles == "auto":
            a, w = self.second_layer.rule(1)
            self._start = a, side.resting(a), w
        else:
            nodes = count("particles", particles, most=MOST_NODES)
            check_fits(side.numbers * nodes, particles=nodes)
            a, w = self.second_layer.rule(nodes)
            self._start = a, side.resting(a), w

    @property
    def directions(self) -> Directions:
        """What differs with the number of hidden directions."""
        return OneDirection(self.problem) if isinstance(self.problem, SingleIndex) else SeveralDirections(self.problem)

    def _resting(self, panels: Panels) -> Particles:
        """Output weights, overlaps of zero and the law's weights of the particles."""
        a, w = panels.rule()
        return a, self.directions.resting(a), w

    def on(self, panels: Panels) -> MeanFieldFlow:
        """Return the same flow on other nodes of the law."""
        return self._with(panels=panels, _start=self._resting(panels))

    def _padded(self) -> Particles:
        a, s, w = self._start
        least = len(a) if self.panels is None else max(len(a), _LEAST_AUTO)
        size = next((n for n in _SIZES if n >= least), _rounded_up(least))
        spare = size - len(a)
        return (
            np.concatenate([a, np.full(spare, a[0])]),
            np.concatenate([s, np.repeat(s[:1], spare, axis=0)]),
            np.concatenate([w, np.zeros(spare)]),
        )

    def start(self):
        return self.directions.system(self.epsilon, self._padded())

    def scale(self):
        """Weights a are of order one; overlaps first matter at the scale of level one or of their start."""
        a, s, w = self._start
        given = float(np.sqrt(np.sum(w @ s**2))) or 1.0
        overlap = min(1.0, np.sqrt(self.epsilon), given)
        rows = self.directions.rows(s)
        size = np.array([max(1.0, float(np.sqrt(w @ a**2))), *[overlap] * (rows - 1)])
        return np.broadcast_to(size[:, None], (rows, len(self._padded()[0])))

    @property
    def shortest_time(self):
        """Of the second layer's relaxation, or of the first layer's motion where that is faster."""
        a, _, w = self._start
        pull = float(np.sqrt(w @ a**2)) * self.directions.pull
        return shortest_time(self.epsilon, self.problem.activation.norm_squared, pull)

    def read(self, record):
        reading = self.directions.read(record, self._start)
        return replace(reading, doubts=(*reading.doubts, *self._doubts()))

    def _doubts(self) -> tuple[str, ...]:
        if self.neurons is None or self.second_layer is None:
            return ()
        if isinstance(self.problem, JointIndex):
            return (sampled(self.neurons),)
        return doubt_of_sample(self.problem, self.epsilon, self.second_layer, self.neurons)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {
            **self.directions.describe(),
            "epsilon": self.epsilon,
            "second_layer": None if self.second_layer is None else spec(self.second_layer),
            "neurons": self.neurons,
            "seed": self.seed if self.neurons is not None else None,
            "dimension": "infinite",
            "width": "infinite" if self.neurons is None and self.second_layer is not None else len(self._start[0]),
        }

    def curves(self, record):
        """The risk, and the residual of each degree or term beside its target."""
        return super().curves(record) + self.directions.curves(record)

    def refined(self, runs):
        from saddlescope.single_index.mean_field.refinement import refine

        return refine(self, runs)


def _rounded_up(n: int) -> int:
    """Smallest multiple of an eighth of a power of two that holds n."""
    step = 2 ** max((n - 1).bit_length() - 4, 0)
    return -(-n // step) * step


def _shares(weights: Any, a: np.ndarray) -> np.ndarray:
    """What share of the law each particle stands for."""
    w = np.full(len(a), 1 / len(a)) if weights is None else vector("weights", weights)
    if w.shape != a.shape:
        raise ArgumentError("weights", f"have shape {a.shape}", w.shape)
    if w.min() < 0 or abs(w.sum() - 1) > 1e-12:
        raise ArgumentError("weights", "be non-negative and sum to one", finite("weights", w.sum()))
    return w
