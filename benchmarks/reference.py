"""What is asked of every solver - learning times and risk - and its error against a tight reference run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from benchmarks.competitors import Ladder, Steps
from scipy.interpolate import KroghInterpolator

import saddlescope as ss
from saddlescope.measure import learning_times
from saddlescope.trajectory import Trajectory

LADDER_256 = Ladder()
REFERENCE_RTOL = 1e-12
_GRID = 60


@dataclass(frozen=True)
class Answer:
    """What a run says: learning times at fraction 0.5, the risk on a log grid of times, accepted steps."""

    learning_times: np.ndarray
    risk: np.ndarray
    steps: int

    @classmethod
    def read(cls, ladder: Ladder, times: np.ndarray, residual: np.ndarray, rate: np.ndarray) -> Answer:
        """Read the answer off residuals phi_k - sigma_k M_k at accepted steps, the same way for everybody."""
        learnt = learning_times(time=times, residual=residual, rate=rate, target=np.array(ladder.link), fraction=0.5)
        grid = np.geomspace(1e-2 * ladder.epsilon, ladder.until, _GRID)
        grid[-1] = min(grid[-1], times[-1])
        risk = np.array([_risk(t, times, residual, rate, ladder.epsilon) for t in grid])
        return cls(learnt, risk, len(times) - 1)

    def error_of_times(self, reference: Answer) -> float:
        """Largest relative error of a learning time; infinite where a degree was missed."""
        error = np.abs(self.learning_times / reference.learning_times - 1)
        missed = np.isnan(self.learning_times) != np.isnan(reference.learning_times)
        return float(np.max(np.where(missed, np.inf, np.nan_to_num(error))))

    def error_of_risk(self, reference: Answer) -> float:
        """Largest error of the risk on the grid, relative to the risk at the start."""
        return float(np.max(np.abs(self.risk - reference.risk)) / reference.risk[0])


def _risk(t: float, times: np.ndarray, residual: np.ndarray, rate: np.ndarray, epsilon: float) -> float:
    """Risk at t, from the Hermite polynomial through the four nearest steps: more exact than the solvers."""
    i = int(np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2))
    h = times[i + 1] - times[i]
    near = np.arange(max(i - 1, 0), min(i + 3, len(times)))
    x = (times[near] - times[i]) / h
    # a neighbour across a much longer step says nothing about this one
    near, x = near[np.abs(x - 0.5) < 4], x[np.abs(x - 0.5) < 4]
    values = np.stack([residual[near], rate[near] * h], axis=1).reshape(2 * len(near), -1)
    z = (t - times[i]) / h
    smooth = KroghInterpolator(np.repeat(x, 2), values)(z)
    # the rate of a residual that has vanished is rounding, divided by epsilon
    gone = np.abs(residual[i : i + 2]).max(axis=0) < 1e-15 * h / epsilon
    return 0.5 * float(np.sum(np.where(gone, (1 - z) * residual[i] + z * residual[i + 1], smooth) ** 2))


def flow(ladder: Ladder) -> ss.MeanFieldFlow:
    problem = ss.SingleIndex(link=list(ladder.link), activation=list(ladder.activation))
    return ss.MeanFieldFlow(problem, ladder.epsilon, particles=ladder.particles)


def ours(ladder: Ladder, rtol: float) -> Trajectory:
    """The run of saddlescope that is timed: from the question to the labelled trajectory."""
    return ss.solve(flow(ladder), ladder.until, rtol=rtol, progress=False)


def answer_of_ours(ladder: Ladder, trajectory: Trajectory) -> Answer:
    return Answer.read(ladder, trajectory.time, trajectory["residual"], trajectory["residual_rate"])


def answer_of_steps(ladder: Ladder, steps: Steps) -> Answer:
    if steps.states is not None:
        residual, rate = ladder.residuals(steps.states)
    else:
        assert steps.residual is not None
        assert steps.rate is not None
        residual, rate = steps.residual, steps.rate
    return Answer.read(ladder, steps.times, residual, rate)


@cache
def reference(ladder: Ladder) -> Answer:
    return answer_of_ours(ladder, ours(ladder, REFERENCE_RTOL))
