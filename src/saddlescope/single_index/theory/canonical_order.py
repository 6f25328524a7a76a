"""The canonical learning order: what theory predicts of which degree is learnt when."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.arguments import fraction as open_fraction
from saddlescope.gaussian import Law, Uniform, law
from saddlescope.references import bibtex
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients
from saddlescope.single_index.theory.blow_up import BlowUp, blow_up, edge_of
from saddlescope.single_index.theory.finite_width import escape_slope, needed_width, width_time
from saddlescope.single_index.theory.first_levels import FirstLevels
from saddlescope.single_index.theory.level_flow import LevelRun
from saddlescope.single_index.theory.matched import LEARNT, MatchedRun, matched_run
from saddlescope.single_index.theory.verdicts import EPSILONS, Level, after_level_one, level_one, level_zero

MOST_LEVELS = 6
_BEYOND = 4  # degrees of an endless activation that the flow keeps beyond those asked for
_PATIENCE = 100.0  # how long the flow waits for a degree, in units of the slowest drive's own time
_EARLIER = 0.4  # where the other order of an error estimate hands over to the flow
_STEPS, _NODES = 5e-5, 3e-4  # errors always allowed for: of the flow's steps, and of its nodes beyond degree 2


@dataclass(frozen=True)
class CanonicalOrder:
    """The learning order that theory predicts for a problem and a law of initial weights, degree by degree.

    `levels` says on which scale each degree is learnt as epsilon -> 0, after Berthier, Montanari, Zhou (2023), arXiv
    2303.00055: degree 0 at t ~ epsilon, degree 1 at epsilon^(1/2) log(1/epsilon), degree l >= 2 at epsilon^(1/(2l)).
    `times` and `risk` are for an epsilon that is not 0: levels 0 and 1 in closed form with their corrections, and the
    flow of the other degrees from there. `errors` estimates what is left out.
    """

    problem: SingleIndex
    second_layer: Law
    degrees: int
    references: ClassVar[tuple[str, ...]] = ("berthier2023", "gerbelot2026")
    _runs: dict[Any, MatchedRun] = field(repr=False, compare=False, default_factory=dict)

    @cached_property
    def _first(self) -> FirstLevels:
        problem = self.problem
        most = max(self.degrees, problem.reported_degree, 1) + (_BEYOND if problem.activation.degree is None else 0)
        phi, sigma = coefficients(problem.link, most), coefficients(problem.activation, most)
        # what the activation does not have, the flow need not carry
        last = max(int(np.flatnonzero(sigma).max(initial=1)), self.degrees, 1)
        return FirstLevels(phi[: last + 1], sigma[: last + 1], self.second_layer)

    @property
    def _phi(self) -> np.ndarray:
        return self._first.phi[: self.degrees + 1]

    @cached_property
    def _verdicts(self) -> tuple[tuple[Level, ...], LevelRun | None]:
        result, blown = [level_zero(self._first)], None
        if self.degrees >= 1:
            result.append(level_one(self._first))
        for degree in range(2, self.degrees + 1):
            level, run = after_level_one(self._first, degree, result, self._coarse_times)
            result.append(level)
            blown = run if degree == 2 else blown
        return tuple(result), blown

    @property
    def levels(self) -> tuple[Level, ...]:
        """The verdicts, one a degree."""
        return self._verdicts[0]

    @property
    def constants(self) -> dict[int, float]:
        """c_l by degree, for the levels that have one."""
        return {level.degree: level.constant for level in self.levels if np.isfinite(level.constant)}

    @property
    def canonical_up_to(self) -> int:
        """The last level up to which the order is canonical; -1 if not even degree 0 is."""
        failed = [level.degree for level in self.levels if not level.canonical]
        return (failed[0] if failed else len(self.levels)) - 1

    @property
    def blow_up(self) -> BlowUp | None:
        """Exponents of the jump of degree 2, from the edge of the law that leads it; None where it has no blow-up."""
        levels, run = self._verdicts
        if run is None or not levels[2].canonical:
            return None
        alpha, beta = run.state
        # nodes are in rising order
        edge = edge_of(self.second_layer, upper=bool(np.argmax(np.abs(beta)) > len(alpha) // 2))
        return None if edge is None or edge >= 2 else blow_up(edge)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What may be wrong with the prediction."""
        unknown = [level for level in self.levels if level.verdict == "unknown" and level.degree > 0]
        return tuple(f"Degree {level.degree}: {level.reason}." for level in unknown[:1])

    @property
    def heights(self) -> np.ndarray:
        """Plateau heights before degree l is learnt, l = 0 .. levels + 1, shape (levels + 2,).

        1/2 sum_{k >= l} phi_k^2, and what lower degrees leave that are never learnt. Degree 0 is counted as not learnt
        at all in the first; at the start the risk depends on E a(0) as well.
        """
        learnt = np.array([level.verdict != "never" for level in self.levels])
        parts = np.where(learnt, 0.5 * self._phi**2, 0.0)
        return 0.5 * self.problem.link.norm_squared - np.concatenate([[0.0], np.cumsum(parts)])

    def times(self, epsilon: float, fraction: float = 0.5) -> np.ndarray:
        """Predicted times at which each residual has fallen to `fraction` of |phi_l|, shape (levels + 1,).

        nan where the link has nothing to learn or the degree is not learnt.
        """
        epsilon, fraction = positive("epsilon", epsilon), open_fraction("fraction", fraction)
        first, times = self._first, np.full(self.degrees + 1, np.nan)
        if first.phi[0] != 0 and first.sigma[0] != 0:
            times[0] = first.time_zero(epsilon, fraction)
        if self.degrees >= 1 and first.grows:
            run = self._run(epsilon, **_far_enough(fraction))
            crossed = run.times(first.phi, fraction)[: self.degrees + 1]
            times[1:] = crossed[1:]
            if run.from_start:
                times[0] = crossed[0] if np.isfinite(times[0]) else np.nan
            elif fraction >= abs(run.residual[0, 1] / first.phi[1]):
                times[1] = first.time_one(epsilon, fraction)
        return times

    def errors(self, epsilon: float, fraction: float = 0.5) -> np.ndarray:
        """Estimated relative errors of `times`, shape (levels + 1,): how far apart two orders of the theory are.

        The prediction is compared with one that leaves out the corrections of the last order, and with one that trusts
        the closed form of level 1 until 16 % of degree 1 are learnt instead of 1 %. Where epsilon is too large for
        closed forms, the prediction is the flow from its start, and what is left are its steps and nodes. nan where
        there is no time.
        """
        times = self.times(epsilon, fraction)
        first, errors = self._first, np.full(self.degrees + 1, np.nan)
        if np.isfinite(times[0]):
            errors[0] = epsilon * (first.phi[1] * first.sigma[1]) ** 2 / first.sigma[0] ** 4
        if self.degrees >= 1 and first.grows:
            nodes = max(_NODES, self._run(epsilon).change)
            least = np.where(np.arange(self.degrees + 1) > 2, nodes, _STEPS)
            if self._run(epsilon).from_start:
                return np.where(np.isfinite(times), least, np.nan)

            def read(**options: Any) -> np.ndarray:
                run = self._run(epsilon, **_far_enough(fraction), **options)
                # the layer of degree 1 is shifted as a whole, and its beginning is not in every run
                halved, crossed = (run.times(first.phi, f) for f in (0.5, fraction))
                return np.append(halved[1:2], crossed[2 : self.degrees + 1])

            run, earlier, bare = read(), read(share=_EARLIER), read(corrected=False)
            errors[1:] = np.maximum(np.abs(earlier / run - 1) + np.abs(bare / run - 1), least[1:])
        return np.where(np.isfinite(times), errors, np.nan)

    def width_time(self, epsilon: float, neurons: float) -> float:
        """Time at which a network of this many neurons in high dimension has learnt half of degree 1.

        A neuron of a network acts on itself; `times` is for infinite width, and float("inf") gives its leading t_1.
        """
        m = neurons if neurons == float("inf") else positive("neurons", neurons)
        return width_time(self.problem, positive("epsilon", epsilon), self.second_layer, m)

    def needed_width(self, epsilon: float, within: float = 0.1) -> float:
        """Neurons from which a network learns degree 1 at most this share later than infinite width does."""
        return needed_width(self.problem, positive("epsilon", epsilon), self.second_layer, positive("within", within))

    def citations(self) -> str:
        """BibTeX of what the prediction rests on."""
        return bibtex(self.references)

    @property
    def escape_slope(self) -> float:
        """d T / d log d of a link without a component of degree 1, which wide networks learn in finite dimension d.

        nan where degree 1 is there, or degree 2 drives no neuron of weight phi_0 / sigma_0 away from overlap 0.
        """
        return escape_slope(self.problem)

    def leading_times(self, epsilon: float) -> np.ndarray:
        """Times to leading order in epsilon, t_1 for degree 1 and c_l epsilon^scale above, shape (levels + 1,)."""
        epsilon = positive("epsilon", epsilon)
        times = np.full(self.degrees + 1, np.nan)
        for level in self.levels:
            if level.degree == 0 and np.isfinite(level.constant) and self._first.phi[0] != 0:
                times[0] = self._first.time_zero(epsilon, 0.5)
            elif level.degree == 1 and level.canonical:
                times[1] = self._first.time_one(epsilon)
            elif level.degree > 1 and np.isfinite(level.constant):
                drifted = (epsilon / EPSILONS[1]) ** level.drift
                times[level.degree] = level.constant * drifted * epsilon**level.scale
        return times

    def risk_by_degree(self, time: Any, epsilon: float) -> np.ndarray:
        """Predicted risk of each degree along time, shape (time, levels + 1); what is not learnt stays."""
        time = np.asarray(time, dtype=np.float64)
        epsilon = positive("epsilon", epsilon)
        first = self._first
        residual = np.tile(self._phi, (len(time), 1))
        if first.sigma[0] != 0:
            start = first.phi[0] - first.sigma[0] * self.second_layer.mean
            residual[:, 0] = start * np.exp(-(first.sigma[0] ** 2) * time / epsilon)
        if self.degrees >= 1 and first.grows:
            run = self._run(epsilon)
            rate = 2 * first.drive / np.sqrt(epsilon)
            before, after = time < run.time[0], time > run.time[-1]
            middle = first.time_one(epsilon)
            logistic = 1 / (1 + np.exp(np.clip(rate * (time[before] - middle), -700, 700)))
            residual[before, 1] = first.phi[1] * logistic
            within = ~before & ~after
            columns = slice(0 if run.from_start else 1, self.degrees + 1)
            residual[within, columns] = run.at(time[within])[:, columns]
            residual[after, columns] = _after_the_end(run, first.phi, time[after])[:, columns]
        return 0.5 * residual**2

    def risk(self, time: Any, epsilon: float) -> np.ndarray:
        """Composite predicted risk along time, shape (time,); degrees beyond the levels stay unlearnt."""
        rest = 0.5 * (self.problem.link.norm_squared - float(self._phi @ self._phi))
        return self.risk_by_degree(time, epsilon).sum(axis=1) + max(rest, 0.0)

    def _run(self, epsilon: float, **options: Any) -> MatchedRun:
        key = (epsilon, *sorted(options.items()))
        if key not in self._runs:
            panels = self._run(epsilon).panels if options else None
            self._runs[key] = matched_run(self._first, epsilon, self.degrees, self._horizon(epsilon), panels, **options)
        return self._runs[key]

    def _coarse_times(self, epsilon: float) -> np.ndarray:
        key = ("coarse", epsilon)
        if key not in self._runs:
            self._runs[key] = matched_run(self._first, epsilon, self.degrees, self._horizon(epsilon), coarse=True)
        times = self._runs[key].times(self._first.phi, 0.5)
        # nodes too coarse to learn a degree say nothing about it
        return times if np.isfinite(times[self._acting]).all() else self._run(epsilon).times(self._first.phi, 0.5)

    @property
    def _acting(self) -> np.ndarray:
        first = self._first
        return np.flatnonzero((first.phi * first.sigma)[: self.degrees + 1])

    def _horizon(self, epsilon: float) -> float:
        first, last = self._first, self.degrees
        drives = np.abs(first.phi[1 : last + 1] * first.sigma[1 : last + 1])
        acting = np.flatnonzero(drives) + 1
        # a leap to degree l takes epsilon^((3 - l) / 4)
        leap = int(acting[acting > 1].min(initial=3)) if np.any(acting > 1) else 3
        return _PATIENCE / float(drives[drives > 0].min()) * max(1.0, epsilon ** ((3 - leap) / 4))

    def __str__(self) -> str:
        lines = [f"Learning order of {self.problem}, second layer {self.second_layer}:"]
        for level in self.levels:
            value = f"c = {level.constant:.6g}" if np.isfinite(level.constant) else "no constant"
            verdict = (
                level.verdict if level.canonical or level.verdict == "never" else f"not canonical, {level.verdict}"
            )
            lines.append(f"  degree {level.degree}: {verdict}, {value}; {level.reason}")
        jump = self.blow_up
        if jump is not None:
            lines.append(
                f"  the jump of degree 2: kappa = {jump.kappa:.6g}, p = {jump.power:.6g}, "
                f"relative width ~ epsilon^{jump.width:.4g}"
            )
        return "\n".join([*lines, *(f"  doubt: {doubt}" for doubt in self.doubts)])

    __repr__ = __str__


def _far_enough(fraction: float) -> dict[str, float]:
    """Options of a run that goes on until a fraction below the usual ones is reached."""
    return {} if fraction > 2 * LEARNT else {"learnt": fraction / 2}


def _after_the_end(run: MatchedRun, phi: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Residuals after the last time of a run, shape (time, K + 1): what was nearly learnt goes on decaying."""
    last, rate = run.residual[-1], run.rate[-1]
    decays = (np.abs(last) < 0.1 * np.abs(phi)) & (last * rate < 0)
    speed = np.where(decays, -rate / np.where(decays, last, 1.0), 0.0)
    return last * np.exp(-np.outer(time - run.time[-1], speed))


def canonical_order(problem: SingleIndex, second_layer: Any = None, levels: int = 3) -> CanonicalOrder:
    """Predict which degree is learnt when, in the limits d -> infinity, then m -> infinity.

    Args:
        problem: link and activation.
        second_layer: law of the initial second layer, or its table; by default Uniform(-sqrt 3, sqrt 3).
        levels: last degree to predict, 0 to 6.

    Returns:
        The order: `times(epsilon)` with `errors(epsilon)`, `risk(time, epsilon)`, and for epsilon -> 0 `constants` and
        per level a verdict with its reason.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5, 0.3])
        >>> order = ss.canonical_order(problem, levels=2)
        >>> round(order.constants[2], 4), order.canonical_up_to
        (1.227, 2)
        >>> round(float(order.times(1e-8)[2]), 6), bool(order.errors(1e-8)[2] < 3e-4)  # a full run: 0.01292689
        (0.012927, True)
    """
    if not isinstance(problem, SingleIndex):
        raise ArgumentError("problem", "be a SingleIndex", problem)
    start = Uniform(-(3**0.5), 3**0.5) if second_layer is None else law(second_layer)
    return CanonicalOrder(problem, start, count("levels", levels, least=0, most=MOST_LEVELS))
