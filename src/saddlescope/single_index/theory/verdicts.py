"""Which degree is learnt on which scale as epsilon falls, and why: one verdict a degree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saddlescope.gaussian import Law
from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.single_index.theory.first_levels import FirstLevels
from saddlescope.single_index.theory.level_flow import LevelRun, run_level

# Degrees 3 and up are told apart from the degree before them by the flow at these epsilon.
EPSILONS = (1e-6, 1e-9)
_EDGE_DEPTH = 26  # a blow-up is led by weights this many bisections from the edge of their law


@dataclass(frozen=True)
class Level:
    """What is predicted of one degree.

    Attributes:
        degree: l.
        canonical: whether degree l is learnt by itself on its own time-scale, after all lower ones.
        constant: c_l in T_l ~ c_l epsilon^scale; for l = 1 in c_1 epsilon^(1/2) log(1/epsilon); nan where there is
            none.
        reason: why, in a sentence.
        drift: d log c_l / d log epsilon, for levels l >= 3 whose c_l has no limit that is known.
        scale: exponent of epsilon that goes with the constant; nan where none is known.
        verdict: "canonical"; "separated", by itself but not on a scale epsilon^p; "leap", on another scale since
            degrees below have nothing to learn; "follows", with the degree before it; "late", not on its scale;
            "never"; "nothing to learn"; "unknown".
        error_exponent: q in the relative error epsilon^q of the predicted time, where there is one.
    """

    degree: int
    canonical: bool
    constant: float
    reason: str
    drift: float = 0.0
    scale: float = np.nan
    verdict: str = "canonical"
    error_exponent: float = np.nan


def level_zero(first: FirstLevels) -> Level:
    """The verdict on degree 0."""
    phi, sigma = first.phi[0], first.sigma[0]
    if phi == 0 and (sigma == 0 or first.law.mean == 0):
        return Level(0, True, np.nan, "the link has no mean to learn", verdict="nothing to learn")
    if sigma == 0:
        return Level(
            0,
            False,
            np.nan,
            "the activation has no component of degree 0, so phi_0^2 / 2 of the risk stays; "
            "the other degrees are learnt as if phi_0 were 0",
            verdict="never",
        )
    reason = "the mean weight relaxes as exp(-sigma_0^2 t / epsilon)"
    return Level(0, True, float(1 / sigma**2), reason, scale=1.0, error_exponent=1.0)


def level_one(first: FirstLevels) -> Level:
    """The verdict on degree 1."""
    phi, sigma = first.phi[1], first.sigma[1]
    if phi == 0:
        reason = (
            "the link has no component of degree 1 (information exponent 2 or more), so in infinite dimension no "
            "neuron ever leaves overlap 0 and nothing beyond degree 0 is learnt"
        )
        return Level(1, False, np.nan, reason, verdict="nothing to learn")
    if sigma == 0:
        reason = "the activation has no component of degree 1, so in infinite dimension no neuron ever leaves overlap 0"
        return Level(1, False, np.nan, reason, verdict="never")
    if first.spread == 0:
        reason = (
            "all neurons start alike, so degree 1 has no mode that grows on the scale epsilon^(1/2); "
            "whether it is learnt at a time of order one is not known"
        )
        return Level(1, False, np.nan, reason, verdict="unknown")
    reason = "overlaps grow as exp(|sigma_1 phi_1| t / epsilon^(1/2)), then the residual falls along a logistic curve"
    return Level(1, True, 1 / (4 * first.drive), reason, scale=0.5, error_exponent=0.5)


def after_level_one(
    first: FirstLevels, degree: int, before: list[Level], times: Callable[[float], np.ndarray]
) -> tuple[Level, LevelRun | None]:
    """The verdict on a degree of at least 2, and the run of its rescaled flow where there is one.

    Args:
        first: levels 0 and 1.
        degree: l.
        before: verdicts on the degrees below.
        times: learning times by the flow at one of EPSILONS, shape (> l,).
    """
    phi, sigma, law = first.phi, first.sigma, first.law
    if phi[degree] == 0:
        reason = f"the link has no component of degree {degree}"
        return Level(degree, False, np.nan, reason, verdict="nothing to learn"), None
    if sigma[degree] == 0:
        reason = f"the activation has no component of degree {degree}, so phi_{degree}^2 / 2 of the risk stays"
        return Level(degree, False, np.nan, reason, verdict="never"), None
    if not first.grows:
        never = phi[1] == 0 or sigma[1] == 0
        reason = before[1].reason if never else "degree 1 is not learnt on its scale, and what follows is not known"
        return Level(degree, False, np.nan, reason, verdict="never" if never else "unknown"), None
    below = [k for k in range(2, degree) if phi[k] != 0 and sigma[k] != 0]
    if not below:
        if law.atoms is None and not law.bounded:
            return _without_edge(degree), None
        run = _driven_from_level_one(first, degree)
        return _from_level_one(first, degree, run), run
    last = before[below[-1]]
    if last.degree == degree - 1 and last.verdict in ("canonical", "separated"):
        return _after(degree, last, [times(epsilon) for epsilon in EPSILONS], law), None
    what = {
        "leap": "is learnt in a leap",
        "follows": "is learnt with the one before it",
        "late": "is not learnt on its scale",
        "never": "is never learnt, though it pulls",
    }.get(last.verdict, "has no scale that is known" if last.degree == degree - 1 else "is the last before it to learn")
    reason = f"degree {last.degree} {what}: on which scale degree {degree} follows is not known"
    return Level(degree, False, np.nan, reason, verdict="unknown", error_exponent=0.5), None


def _driven_from_level_one(first: FirstLevels, degree: int) -> LevelRun:
    """Run the flow of a degree that is driven from the end of level 1."""
    law, sigma = first.law, first.sigma
    if law.atoms is not None:
        a, w = law.rule(1)
    else:
        half = 0.5 ** np.arange(_EDGE_DEPTH, 3, -1)
        a, w = Panels(law, np.unique(np.concatenate([[0.0], half, np.arange(2, 15) / 16, 1 - half, [1.0]]))).rule()
    alpha = first.size * first.centred(a, w)
    start = np.stack([alpha, np.sign(first.phi[1] * sigma[1]) * alpha])
    held = [k for k in range(degree) if sigma[k] != 0 and (k < 2 or 2 * k - 1 < degree)]
    pulls = {k: float(sigma[k] ** 2) for k in range(2, degree) if sigma[k] != 0 and 2 * k - 1 == degree}
    return run_level(start, w, degree, float(sigma[degree] * first.phi[degree]), held, pulls)


def _without_edge(degree: int) -> Level:
    reason = (
        "the law of the weights has no edge, so the rescaled flow diverges at once: "
        + ("degree 2 is learnt by itself, " if degree == 2 else f"degree {degree} is learnt ")
        + f"but at T_{degree} / epsilon^({3 - degree}/4) that falls like a power of 1 / log(1/epsilon)"
        + (", ~ epsilon^(1/4) (log 1/epsilon)^(-1/2) for a normal law" if degree == 2 else "")
    )
    return Level(degree, False, np.nan, reason, verdict="separated" if degree == 2 else "leap", error_exponent=0.5)


def _from_level_one(first: FirstLevels, degree: int, run: LevelRun) -> Level:
    skipped = "" if degree == 2 else " from the end of level 1, since no degree between has anything to learn"
    if np.isnan(run.time):
        product = first.phi[1] * first.sigma[1] * first.phi[degree] * first.sigma[degree]
        why = f"the rescaled flow{', driven' * bool(skipped)}{skipped} has no blow-up"
        if degree % 2 and product < 0:
            # the drive of an odd degree then holds every neuron back
            why += f": sigma_{degree} phi_{degree} has not the sign of sigma_1 phi_1, and nothing more is ever learnt"
            return Level(degree, False, np.nan, why, verdict="never")
        why += ", so the degree is not learnt on its scale; when it is learnt as epsilon -> 0 is not known"
        return Level(degree, False, np.nan, why, verdict="late", error_exponent=0.5)
    if degree == 2:
        return Level(2, True, run.time, "the rescaled flow blows up at tau = c_2", scale=0.25, error_exponent=0.5)
    scale = (3 - degree) / 4
    law = f"T_{degree} -> C_{degree}" if degree == 3 else f"T_{degree} ~ C_{degree} epsilon^({3 - degree}/4)"
    reason = f"the rescaled flow blows up, driven{skipped}: {law}, a leap"
    return Level(degree, False, run.time, reason, scale=scale, verdict="leap", error_exponent=0.5)


def _after(degree: int, before: Level, times: list[np.ndarray], law: Law) -> Level:
    """The verdict on a degree right after one that is learnt by itself, from the flow at two epsilon."""
    pair = np.array([t[[degree - 1, degree]] for t in times])
    where = f"between epsilon = {EPSILONS[0]:g} and {EPSILONS[1]:g}"
    if np.any(np.isnan(pair)):
        reason = f"the flow at epsilon = {EPSILONS[1]:g} does not learn it: whether it ever does is not known"
        return Level(degree, False, np.nan, reason, verdict="unknown", error_exponent=0.5)
    step = np.log(EPSILONS[1] / EPSILONS[0])
    exponent = float(np.log(pair[1, 1] / pair[0, 1]) / step)
    apart = pair[:, 1] / pair[:, 0] - 1
    growth = float(np.log(apart[1] / apart[0]) / step)
    own, lower = 1 / (2 * degree), 1 / (2 * degree - 2)
    # half-way between staying apart as the two scales do and not moving apart at all
    if growth > -0.5 * (lower - own):
        reason = (
            f"it follows degree {degree - 1} at once: {where} the time between them goes from {apart[0]:.2g} to "
            f"{apart[1]:.2g} of T_{degree - 1}"
        )
        return Level(degree, False, np.nan, reason, verdict="follows", error_exponent=0.5)
    drift = exponent - own
    reason = f"it is learnt after degree {degree - 1}, ever further apart; {where} T_{degree} ~ epsilon^{exponent:.3f}"
    if law.atoms is None:
        reason += (
            f", not epsilon^(1/{2 * degree}): that it tends to this scale is not known (for uniform weights the local "
            "exponent of T_3 is 0.180 at 1e-20)"
        )
    canonical = before.verdict == "canonical"
    constant = float(pair[1, 1] * EPSILONS[1] ** -own)
    return Level(
        degree,
        canonical,
        constant,
        reason,
        drift,
        own,
        "canonical" if canonical else "separated",
        error_exponent=0.5,
    )
