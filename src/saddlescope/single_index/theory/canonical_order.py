"""The canonical learning order: what theory predicts of which degree is learnt when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, count, fraction, positive
from saddlescope.gaussian import Law, Uniform, law
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients
from saddlescope.single_index.theory.level_chain import blowups

# Levels 3 and up are computed at these, and followed by a power law between and beyond.
_EPSILONS = np.array([1e-8, 1e-16])
MOST_LEVELS = 6


@dataclass(frozen=True)
class Level:
    """What is predicted of one degree.

    Attributes:
        degree: l.
        canonical: whether degree l is learnt by itself on its own time-scale, after all lower ones.
        constant: c_l in T_l ~ c_l epsilon^(1/(2l)); for l = 0 in c_0 epsilon, for l = 1 in
            c_1 epsilon^(1/2) log(1/epsilon); nan where nothing is predicted.
        reason: why, in a sentence.
        drift: d log c_l / d log epsilon, for levels l >= 3 whose c_l has no limit.
    """

    degree: int
    canonical: bool
    constant: float
    reason: str
    drift: float = 0.0


@dataclass(frozen=True)
class CanonicalOrder:
    """The learning order that theory predicts for a problem and a law of initial weights, level by level.

    `constants`, `times` and `risk` follow Berthier, Montanari, Zhou (2023), arXiv 2303.00055: degree 0 is
    learnt at t ~ epsilon, degree 1 at epsilon^(1/2) log(1/epsilon), degree l >= 2 at epsilon^(1/(2l)).
    """

    problem: SingleIndex
    second_layer: Law
    levels: tuple[Level, ...]
    doubts: tuple[str, ...] = ()
    _phi: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))
    _sigma: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

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
    def heights(self) -> np.ndarray:
        """Plateau heights 1/2 sum_{k >= l} phi_k^2 before degree l is learnt, l = 0 .. levels + 1, shape (levels + 2,).

        Degree 0 is counted as not learnt at all in the first; at the start the risk depends on E a(0) as well.
        """
        parts = 0.5 * self._phi**2
        whole = 0.5 * self.problem.link.norm_squared
        return whole - np.concatenate([[0.0], np.cumsum(parts)])

    def times(self, epsilon: float, fraction: float = 0.5) -> np.ndarray:
        """Predicted times at which each residual has fallen to `fraction` of |phi_l|, shape (levels + 1,).

        Times of levels >= 2 are those of the jump, which is sharp on their scale, and do not depend on the fraction.
        nan where nothing is predicted.
        """
        epsilon = positive("epsilon", epsilon)
        fraction = _fraction(fraction)
        phi, sigma, start = self._phi, self._sigma, self.second_layer
        times = np.full(len(self.levels), np.nan)
        for level in self.levels:
            k = level.degree
            if not level.canonical or phi[k] == 0:
                continue
            if k == 0:
                gap = abs(phi[0] - sigma[0] * start.mean) / (fraction * abs(phi[0]))
                times[0] = epsilon / sigma[0] ** 2 * max(np.log(gap), 0.0) if gap > 0 else 0.0
            elif k == 1:
                rate = 2 * abs(sigma[1] * phi[1]) / np.sqrt(epsilon)
                spread = start.variance if sigma[0] != 0 else start.second_moment
                middle = np.log(4 * abs(phi[1]) / (spread * abs(sigma[1]) * np.sqrt(epsilon))) / rate
                times[1] = max(middle + np.log((1 - fraction) / fraction) / rate, 0.0)
            else:
                constant = level.constant * (epsilon / _EPSILONS[-1]) ** level.drift
                times[k] = constant * epsilon ** (1 / (2 * k))
        return times

    def risk_by_degree(self, time: Any, epsilon: float) -> np.ndarray:
        """Predicted risk of each degree along time, shape (time, levels + 1); a degree without prediction stays.

        Degree 0 decays exponentially on the scale epsilon, the residual of degree 1 falls along a logistic curve, and
        every further degree is learnt in one jump.
        """
        time = np.asarray(time, dtype=np.float64)
        phi, sigma = self._phi, self._sigma
        times = self.times(epsilon)
        residual = np.tile(phi, (len(time), 1))
        for level in self.levels:
            k = level.degree
            if k == 0 and sigma[0] != 0:
                start = phi[0] - sigma[0] * self.second_layer.mean
                residual[:, 0] = start * np.exp(-(sigma[0] ** 2) * time / epsilon)
            elif np.isnan(times[k]):
                continue
            elif k == 1:
                rate = 2 * abs(sigma[1] * phi[1]) / np.sqrt(epsilon)
                residual[:, 1] = phi[1] / (1 + np.exp(np.clip(rate * (time - times[1]), -700, 700)))
            else:
                residual[:, k] = np.where(time < times[k], phi[k], 0.0)
        return 0.5 * residual**2

    def risk(self, time: Any, epsilon: float) -> np.ndarray:
        """Composite predicted risk along time, shape (time,); degrees beyond the levels stay unlearnt."""
        rest = 0.5 * (self.problem.link.norm_squared - float(self._phi @ self._phi))
        return self.risk_by_degree(time, epsilon).sum(axis=1) + max(rest, 0.0)

    def __str__(self) -> str:
        lines = [f"Learning order of {self.problem}, second layer {self.second_layer}:"]
        for level in self.levels:
            value = f"c = {level.constant:.6g}" if np.isfinite(level.constant) else "no constant"
            verdict = "canonical" if level.canonical else "not canonical"
            lines.append(f"  degree {level.degree}: {verdict}, {value}; {level.reason}")
        return "\n".join([*lines, *(f"  doubt: {doubt}" for doubt in self.doubts)])

    __repr__ = __str__


def _fraction(value: float) -> float:
    return fraction("fraction", value)


def canonical_order(problem: SingleIndex, second_layer: Any = None, levels: int = 3) -> CanonicalOrder:
    """Predict which degree is learnt when, in the limits d -> infinity, then m -> infinity, then epsilon -> 0.

    Levels 0 and 1 are closed forms. Level 2 is the blow-up of a rescaled flow, extrapolated to its singularity. Level
    l >= 3 is the blow-up of the next rescaled flow, started from the blow-up before it; where that start has no limit
    as epsilon -> 0 the constant is given at epsilon = 1e-16 with its drift.

    Args:
        problem: link and activation.
        second_layer: law of the initial second layer, or its table; by default Uniform(-sqrt 3, sqrt 3).
        levels: last degree to predict, 0 to 6.

    Returns:
        The order: `constants`, `times(epsilon)`, `risk(time, epsilon)`, and per level a verdict with its reason.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5])
        >>> order = ss.canonical_order(problem, levels=2)
        >>> round(order.constants[2], 4), order.canonical_up_to
        (1.227, 2)
    """
    if not isinstance(problem, SingleIndex):
        raise ArgumentError("problem", "be a SingleIndex", problem)
    start = Uniform(-(3**0.5), 3**0.5) if second_layer is None else law(second_layer)
    levels = count("levels", levels, least=0, most=MOST_LEVELS)
    phi, sigma = coefficients(problem.link, levels), coefficients(problem.activation, levels)
    found = [_level_zero(phi, sigma, start)]
    if levels >= 1:
        found.append(_level_one(phi, sigma, start, found[0]))
    doubts: tuple[str, ...] = ()
    if levels >= 2:
        higher, doubts = _higher_levels(phi, sigma, start, found[1])
        found += higher
    return CanonicalOrder(problem, start, tuple(found), doubts, phi, sigma)


def _level_zero(phi: np.ndarray, sigma: np.ndarray, start: Law) -> Level:
    if phi[0] == 0 and (sigma[0] == 0 or start.mean == 0):
        return Level(0, True, np.nan, "the link has no mean to learn")
    if sigma[0] == 0:
        return Level(0, False, np.nan, "the activation has no component of degree 0, so the link's is never learnt")
    return Level(0, True, 1 / sigma[0] ** 2, "the mean weight relaxes as exp(-sigma_0^2 t / epsilon)")


def _level_one(phi: np.ndarray, sigma: np.ndarray, start: Law, before: Level) -> Level:
    def no(reason: str) -> Level:
        return Level(1, False, np.nan, reason)

    if phi[1] == 0:
        return no(
            "the link has no component of degree 1 (information exponent 2 or more), so in infinite dimension no "
            "neuron ever leaves overlap 0 and nothing beyond degree 0 is learnt"
        )
    if sigma[1] == 0:
        return no("the activation has no component of degree 1, so no neuron ever leaves overlap 0")
    if not before.canonical:
        return no("degree 0 is never learnt")
    spread = start.variance if sigma[0] != 0 else start.second_moment
    if spread == 0:
        return no("all neurons start alike, so degree 1 has no mode that grows on the scale epsilon^(1/2)")
    return Level(
        1,
        True,
        1 / (4 * abs(sigma[1] * phi[1])),
        "overlaps grow as exp(|sigma_1 phi_1| t / epsilon^(1/2)), then the residual falls along a logistic curve",
    )


def _higher_levels(
    phi: np.ndarray, sigma: np.ndarray, start: Law, before: Level
) -> tuple[list[Level], tuple[str, ...]]:
    last = len(phi) - 1
    reached, why = 1, f"degree {before.degree} is not learnt on its scale"
    if before.canonical:
        for k in range(2, last + 1):
            if phi[k] == 0 or sigma[k] == 0:
                who = "link" if phi[k] == 0 else "activation"
                why = f"the {who} has no component of degree {k}"
                break
            reached = k
    if reached < 2:
        return [_unpredicted(k, why) for k in range(2, last + 1)], ()
    result = blowups(phi[: reached + 1], sigma[: reached + 1], start, _EPSILONS)
    levels: list[Level] = []
    exponent = 0.5
    for k in range(2, reached + 1):
        times = result.times[k - 2]
        if levels and not levels[-1].canonical:
            levels.append(_unpredicted(k, f"degree {k - 1} is not learnt on its own scale"))
            continue
        level, exponent = _blown_up(k, times, exponent, start)
        levels.append(level)
    levels += [_unpredicted(k, why) for k in range(reached + 1, last + 1)]
    doubts = ()
    if result.change > 0.02 or np.isinf(result.change):
        doubts = (
            f"Refining the nodes up to {result.particles} still moved a constant by {result.change:.1e}"
            + ("." if start.bounded else ": the tail of an unbounded law leads the blow-up, and has no last node."),
        )
    return levels, doubts


def _unpredicted(degree: int, reason: str) -> Level:
    return Level(degree, False, np.nan, f"{reason}, so nothing is predicted")


def _blown_up(k: int, times: np.ndarray, before: float, start: Law) -> tuple[Level, float]:
    """The verdict on one level from its blow-up times, and the exponent p of T_k ~ epsilon^p that they imply."""
    if np.any(np.isnan(times)):
        return Level(
            k, False, np.nan, "the rescaled flow has no blow-up, so the degree is not learnt on its scale"
        ), 0.0
    if k == 2:
        return Level(2, True, float(times[0]), "the rescaled flow blows up at tau = c_2"), 0.25
    drift = float(np.log(times[1] / times[0]) / np.log(_EPSILONS[1] / _EPSILONS[0]))
    own = 1 / (2 * k)
    exponent = own + drift
    # half-way between its own scale and that of the degree before it
    if exponent > 0.5 * (own + before):
        reason = (
            f"it follows degree {k - 1} at once: the rescaled flow started from that blow-up diverges after a time "
            f"that shrinks like epsilon^{drift:.3f}, so T_{k} ~ epsilon^{exponent:.3f}"
        )
        return Level(k, False, np.nan, reason), exponent
    reason = f"the rescaled flow, started from the blow-up of degree {k - 1}, blows up in turn"
    if abs(drift) > 1e-3:
        reason += f"; its constant has no limit but drifts like epsilon^{drift:.3f} (given at epsilon = 1e-16)"
    return Level(k, True, float(times[1]), reason, drift), exponent
