"""From one level to the next: blow-up times of the level flows, each started where the one before left off.

Level 2 starts from the end of level 1 and needs no epsilon: its blow-up time is a number, c_2. Level l >= 3 starts from
the blow-up of level l - 1, cut where degree l - 1 is learnt, |<alpha beta^(l-1)>| = |phi_(l-1) / sigma_(l-1)|: in the
units of level l - 1 that is kappa^-l times as much, kappa = epsilon^(1/(2 l (l - 1))) being the ratio of the scales.
What comes out is C_l(epsilon) with T_l = C_l epsilon^(1/(2l)).
When the law of the initial weights has atoms, C_l tends to a
constant. When it has a density, ever fewer neurons lead the blow-up and C_l keeps drifting by a small power of epsilon.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from saddlescope.gaussian import Law
from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.single_index.theory.level_flow import LevelRun, run_level

_EDGE_DEPTH = 24  # the blow-up is led by weights this many bisections from the edge of their law
_ROUNDS = 6
_MOST_PARTICLES = 4096
_FIRST_TOLERANCE, _NEXT_TOLERANCE = 1e-5, 5e-3


@dataclass(frozen=True)
class Blowups:
    """Blow-up times of the levels 2 .. L at several epsilon.

    Attributes:
        times: C_l(epsilon), shape (levels - 1, epsilons); the first row, c_2, does not depend on epsilon; nan where
            nothing diverges.
        change: largest relative change of them by the last refinement of the nodes.
        particles: nodes used in the end.
    """

    times: np.ndarray
    change: float
    particles: int


def blowups(phi: np.ndarray, sigma: np.ndarray, law: Law, epsilons: np.ndarray) -> Blowups:
    """Return the blow-up times of levels 2 .. len(phi) - 1, on nodes refined until they stand.

    Args:
        phi, sigma: coefficients of link and activation, shape (levels + 1,); degrees 1 .. levels not zero in either.
        law: of the initial second layer.
        epsilons: at which levels 3 and up are wanted, shape (epsilons,).
    """
    panels = None if law.atoms is not None else _graded(law)
    if panels is None:
        a, w = law.rule(1)
        return Blowups(_chains(phi, sigma, a, w, epsilons)[0], 0.0, len(a))
    before, change, times, second = None, np.nan, np.zeros(0), None
    for _ in range(_ROUNDS):
        a, w = panels.rule()
        times, states = _chains(phi, sigma, a, w, epsilons, second)
        if before is not None:
            change = _change(before, times)
            if _change(before[:1], times[:1]) <= _FIRST_TOLERANCE:
                second = float(times[0, 0])  # c_2 stands; what is refined further are the levels after it
                if change <= _NEXT_TOLERANCE or panels.particles > _MOST_PARTICLES:
                    break
        before = times
        worst = np.max([panels.unresolved(alpha, beta, len(phi)) for alpha, beta in states], axis=0)
        finer = panels.bisected(worst, _NEXT_TOLERANCE / 20)
        if finer.particles == panels.particles:
            # nothing asks for more nodes, but only other nodes can show that nothing moves
            finer = panels.bisected(worst, float(np.median(worst)))
        panels = finer
    return Blowups(times, float(change), panels.particles)


def _graded(law: Law) -> Panels:
    half = 0.5 ** np.arange(_EDGE_DEPTH, 3, -1)
    edges = np.concatenate([[0.0], half, np.arange(2, 15) / 16, 1 - half[::-1], [1.0]])
    return Panels(law, np.unique(edges))


def _chains(
    phi: np.ndarray,
    sigma: np.ndarray,
    a: np.ndarray,
    w: np.ndarray,
    epsilons: np.ndarray,
    second: float | None = None,
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Run the chain of levels for every epsilon; also return the (alpha, beta) states met, for refinement.

    Level 2 is not run to its blow-up again when its time is given as `second`.
    """
    levels = len(phi) - 1
    acts = tuple(bool(c != 0) for c in sigma)
    centred = a - w @ a if acts[0] else a
    size = np.sqrt(abs(phi[1] / sigma[1]) / (w @ centred**2))
    start = size * np.stack([centred, np.sign(phi[1] * sigma[1]) * centred])
    times = np.full((levels - 1, len(epsilons)), np.nan)
    met = []

    def level_two() -> LevelRun:
        return run_level(start, w, acts[:2], sigma[2] * phi[2])

    def chain(epsilon: float) -> tuple[list[float], list[tuple[np.ndarray, np.ndarray]]]:
        """Blow-up times of levels 3 and up, until one does not blow up, and the states met."""
        state, elapsed, found, seen = start, 0.0, [], []
        for level in range(3, levels + 1):
            kappa = epsilon ** (1 / (2 * level * (level - 1)))
            learnt = abs(phi[level - 1] / sigma[level - 1])
            before = run_level(
                state, w, acts[: level - 1], sigma[level - 1] * phi[level - 1], goal=learnt * kappa**-level, rtol=1e-6
            )
            if np.isnan(before.time):
                break
            reached = abs(w @ (before.state[0] * before.state[1] ** (level - 1)))
            scale = (learnt / reached) ** (1 / level)
            state, elapsed = scale * before.state, scale * (elapsed + before.time)
            after = run_level(state, w, acts[:level], sigma[level] * phi[level], rtol=1e-6)
            found.append(elapsed + after.time)
            seen += [_early(before.states), _early(after.states)]
            if np.isnan(after.time):
                break
        return found, seen

    # compiled code runs outside Python's lock, so what does not wait for each other has cores of its own
    with ThreadPoolExecutor() as pool:
        blowup = pool.submit(level_two) if second is None else None
        for column, (found, seen) in enumerate(pool.map(chain, epsilons)):
            times[1 : 1 + len(found), column] = found
            met += seen
        if blowup is not None:
            second = blowup.result().time
            met.append(_early(blowup.result().states))
    times[0] = second
    return times, met


def _early(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """alpha and beta before the last growth; the blow-up itself is steeper than any panel, and decides nothing."""
    amplitude = np.abs(states[:, 0]).max(axis=1)
    kept = states[amplitude <= 1e3 * amplitude[0]]
    return kept[:, 0], kept[:, 1]


def _change(before: np.ndarray, after: np.ndarray) -> float:
    if np.any(np.isnan(before) != np.isnan(after)):
        return np.inf
    known = ~np.isnan(after)
    return float(np.abs(before[known] / after[known] - 1).max()) if known.any() else 0.0
