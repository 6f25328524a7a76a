"""Learning times at a given epsilon: levels 0 and 1 in closed form, and the flow from there.

What takes most of a full run, and all of its smallest time-scales, is level 0 and the exponential growth of level 1:
both have closed forms. From the state that they lead to, the flow goes on with degree 1 free to relax and every degree
driving with what is left of it, on nodes of the law that are refined where the solution is sharp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from saddlescope.gaussian import Law
from saddlescope.measure import learning_times
from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.single_index.theory.first_levels import SHARE, FirstLevels
from saddlescope.single_index.theory.particles import Particles, integrate

_COARSE, _FINE = 1e-3, 2e-6  # tolerances of a step: while nodes are placed, and in the end
_FEW = 1e-7  # the same for a law of finitely many values: its slow stages are long, and its steps cost little
_SETTLED = 3e-4  # relative change of learning times at which nodes are good enough
_ROUNDS = 7
_MOST_PARTICLES = 3000
# Of a target: a run goes on until this little is left of every degree; while nodes are placed, to this.
LEARNT, _HALF = 0.01, 0.4
# Of the ways to both neighbours: by how much of them a rate may miss the slope there; at an end, of the way to the one.
_MISSED, _STEEP = 0.5, 3.0


@dataclass(frozen=True)
class MatchedRun:
    """The flow from the end of the closed forms on, or from the start where these do not hold.

    Attributes:
        time: shape (T,).
        residual: phi_k - sigma_k M_k, shape (T, K + 1).
        rate: its time derivative, shape (T, K + 1).
        panels: nodes of a law with a density.
        change: by which the last refinement of the nodes moved a learning time; 0 where there is nothing to refine.
    """

    time: np.ndarray
    residual: np.ndarray
    rate: np.ndarray
    panels: Panels | None
    change: float

    @property
    def from_start(self) -> bool:
        """Whether no closed form is in it."""
        return bool(self.time[0] == 0)

    def times(self, phi: np.ndarray, fraction: float) -> np.ndarray:
        """First times at which each residual is this fraction of |phi_k|, shape (K + 1,); nan for never."""
        return learning_times(time=self.time, residual=self.residual, rate=self.rate, target=phi, fraction=fraction)

    def at(self, time: np.ndarray) -> np.ndarray:
        """Residuals at times within the run, shape (time, K + 1): on cubics with the rates at two points.

        At small epsilon rates come to be noise, as they are what is left of terms that cancel, over epsilon. Those that
        miss the way to the neighbours are replaced by the slopes of a monotone cubic.
        """
        if len(self.time) == 1:
            return np.repeat(self.residual, len(time), axis=0)
        h, way = np.diff(self.time)[:, None], np.diff(self.residual, axis=0)
        secant = way / h
        central = (secant[:-1] * h[1:] + secant[1:] * h[:-1]) / (h[1:] + h[:-1])
        missed = np.abs(self.rate[1:-1] - central) * (h[1:] + h[:-1]) / 2
        inner = missed <= _MISSED * (np.abs(way[1:]) + np.abs(way[:-1]))
        ends = np.abs(self.rate[[0, -1]] - secant[[0, -1]]) * h[[0, -1]] <= _STEEP * np.abs(way[[0, -1]])
        known = np.concatenate([ends[:1], inner, ends[1:]])
        monotone = PchipInterpolator(self.time, self.residual).derivative()(self.time)
        return CubicHermiteSpline(self.time, self.residual, np.where(known, self.rate, monotone))(time)


def matched_run(
    first: FirstLevels,
    epsilon: float,
    last: int,
    horizon: float,
    panels: Panels | None = None,
    *,
    share: float = SHARE,
    corrected: bool = True,
    coarse: bool = False,
    learnt: float = LEARNT,
) -> MatchedRun:
    """Run the flow from the end of level 1 until degrees 1 .. last are learnt.

    Args:
        first: levels 0 and 1, of coefficients to degree K >= last.
        epsilon: learning-rate ratio.
        last: degree that is asked for.
        horizon: last time; what is not learnt by then is not.
        panels: nodes to use as they are.
        share, corrected: of `FirstLevels.start`.
        coarse: whether two digits are enough.
        learnt: of a target, at which a degree counts as learnt.
    """
    wanted = [k for k in range(1, last + 1) if first.phi[k] != 0 and first.sigma[k] != 0]
    law = first.law
    if law.atoms is not None:
        return _run(first, epsilon, wanted, horizon, law.rule(1), None, share, corrected, _FEW, learnt)
    if panels is not None:
        return _run(first, epsilon, wanted, horizon, panels.rule(), panels, share, corrected, _FINE, learnt)
    panels, before, change, run = first_panels(law, epsilon), None, np.inf, None
    scales = np.full(len(first.phi), np.inf)
    acting = first.sigma != 0
    scales[acting] = np.abs(first.phi).max() / np.abs(first.sigma[acting])
    for _ in range(2 if coarse else _ROUNDS):
        run = _run(first, epsilon, wanted, horizon, panels.rule(), panels, share, corrected, _COARSE, _HALF, scales)
        times = run.times(first.phi, 0.5)[wanted]
        change = _change(before, times)
        if run.unresolved.max() <= _COARSE or change <= _SETTLED:
            change = min(change, _SETTLED)
            break
        if panels.particles > _MOST_PARTICLES:
            break
        panels, before = _finer(panels, run.unresolved), times
    assert run is not None
    if coarse:
        return run
    final = _run(first, epsilon, wanted, horizon, panels.rule(), panels, share, corrected, _FINE, learnt)
    return MatchedRun(final.time, final.residual, final.rate, panels, change)


def first_panels(law: Law, epsilon: float) -> Panels:
    """Panels halved towards the edges of the law, where ever fewer neurons lead as epsilon falls."""
    depth = int(5 + 0.2 * max(-np.log2(epsilon), 0.0)) if law.bounded else 24
    half = 0.5 ** np.arange(depth, 3, -1)
    return Panels(law, np.unique(np.concatenate([[0.0], half, np.arange(1, 8) / 8, 1 - half, [1.0]])))


@dataclass(frozen=True)
class _Run(MatchedRun):
    unresolved: np.ndarray


def _run(
    first: FirstLevels,
    epsilon: float,
    wanted: list[int],
    horizon: float,
    rule: tuple[np.ndarray, np.ndarray],
    panels: Panels | None,
    share: float,
    corrected: bool,
    rtol: float,
    learnt: float,
    scales: np.ndarray | None = None,
) -> _Run:
    a, w = rule
    phi, sigma = first.phi, first.sigma
    time, state = first.start(a, w, epsilon, share, corrected)
    particles = Particles(phi, sigma, epsilon, w)
    if time == 0:
        wanted = [k for k in (0, *wanted) if phi[k] * sigma[k] != 0]
    elif sigma[0] != 0:
        # degree 0 follows the others at once
        pull = sigma * particles.residual(state)
        pull[0] = 0.0
        state[0] += first.target + pull @ (particles.powers(state[1]) @ w) / sigma[0] ** 2 - w @ state[0]
    goal = learnt * np.abs(phi[wanted])
    path = integrate(
        particles,
        time,
        state,
        horizon,
        lambda residual: bool(np.all(np.abs(residual[wanted]) <= goal)),
        rtol,
        0.01 * np.sqrt(epsilon),
    )
    residual = np.array([particles.residual(y) for y in path.state])
    rate = np.array([particles.residual_rate(y, dy) for y, dy in zip(path.state, path.rate, strict=True)])
    worst = np.zeros(0)
    if panels is not None and scales is not None:
        worst = panels.unresolved(path.state[:, 0], path.state[:, 1], scales)
    return _Run(path.time, residual, rate, panels, 0.0, worst)


def _change(before: np.ndarray | None, after: np.ndarray) -> float:
    if before is None or np.any(np.isnan(before) != np.isnan(after)):
        return np.inf
    known = ~np.isnan(after)
    return float(np.abs(before[known] / after[known] - 1).max(initial=0.0))


def _finer(panels: Panels, worst: np.ndarray) -> Panels:
    """Cut each panel into as many parts as it seems to need: it may hold a peak that is much narrower."""
    edges = [0.0]
    for low, high, w in zip(panels.edges[:-1], panels.edges[1:], worst, strict=True):
        parts = 1 if w <= _COARSE else 2 if w <= 1e2 * _COARSE else 4 if w <= 1e5 * _COARSE else 8
        edges.extend(low + (high - low) * np.arange(1, parts + 1) / parts)
    return Panels(panels.law, np.array(edges))
