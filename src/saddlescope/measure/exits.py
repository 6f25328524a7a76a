"""When runs leave a plateau: exit times over many runs, those that have not left counted rightly, and their law."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, polygamma
from scipy.stats import chi

from saddlescope.arguments import ArgumentError, count, finite, fraction, from_zero, known_words, positive
from saddlescope.trajectory import Trajectory

_COARSE = 0.05  # of an exit time: saved times further apart than this are told
_NORMAL = 1.959964  # two-sided 95 %


@dataclass(frozen=True)
class ExitTimes:
    """Exit times of runs; a run that ended before its exit is censored: it tells only that its time is later.

    Attributes:
        times: of the exit, or of the end of a censored run, shape (run,).
        exited: whether it left, shape (run,).
        level: value at which a run has left.
        doubts: sentences on what may be wrong with them.
    """

    times: np.ndarray
    exited: np.ndarray
    level: float
    doubts: tuple[str, ...] = ()

    def survival(self, time: ArrayLike) -> np.ndarray:
        """Return the share of runs that have not left by a time, after Kaplan and Meier (1958); nan beyond all runs.

        Args:
            time: of any shape.
        """
        steps, share, *_ = self._steps()
        at = np.asarray(time, dtype=float)
        known = np.concatenate([[1.0], share])[np.searchsorted(steps, at, side="right")]
        beyond = (at > self.times.max()) & (share[-1] > 0 if len(share) else True)
        return np.where(beyond, np.nan, known)

    def quantile(self, q: float) -> float:
        """Return the time by which a share q of the runs has left; nan where so many have not.

        Args:
            q: strictly between 0 and 1.
        """
        steps, share, *_ = self._steps()
        left = np.flatnonzero(1 - share >= fraction("q", q) - 1e-12)
        return float(steps[left[0]]) if len(left) else np.nan

    @property
    def mean(self) -> float:
        """The mean time, the integral of the survival; with censored runs beyond it only a lower bound, and doubted."""
        steps, share, *_ = self._steps()
        edges = np.concatenate([[0.0], steps, [max(self.times.max(), steps[-1] if len(steps) else 0.0)]])
        return float(np.sum(np.concatenate([[1.0], share]) * np.diff(edges)))

    @property
    def mean_error(self) -> float:
        """Standard error of the mean, after Greenwood (1926)."""
        steps, share, risk, gone = self._steps()
        if not len(steps):
            return np.nan
        last = self.times.max()
        rest = np.array([np.sum(share[k:] * np.diff(np.append(steps[k:], last))) for k in range(len(steps))])
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(risk > gone, rest**2 * gone / (risk * (risk - gone)), 0.0)
        return float(np.sqrt(terms.sum()))

    def band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return times, and the lower and upper ends of the survival from each on, pointwise at 95 % (Greenwood).

        The interval is taken on ln(-ln S), so that it stays within 0 and 1.
        """
        steps, share, risk, gone = self._steps()
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(np.cumsum(gone / (risk * (risk - gone)))) / np.abs(np.log(share))
            low, high = (share ** np.exp(sign * _NORMAL * spread) for sign in (1, -1))
        inside = (share > 0) & (share < 1)
        return steps, np.where(inside, low, share), np.where(inside, high, share)

    def _steps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Times of exits, the survival from each on, how many runs were under way, and how many left."""
        steps = np.unique(self.times[self.exited])
        risk = np.array([np.sum(self.times >= t) for t in steps])
        gone = np.array([np.sum(self.exited & (self.times == t)) for t in steps])
        return steps, np.cumprod(1 - gone / risk) if len(steps) else np.zeros(0), risk, gone


def exit_times(runs: Trajectory | Iterable[Trajectory], level: float, observable: str = "risk") -> ExitTimes:
    """Return when runs leave a plateau: the first time at which an observable is at or below a level.

    Args:
        runs: a trajectory of several runs, whose observable has shape (time, run), or trajectories of one run each.
        level: value of the observable.
        observable: its name.

    Raises:
        ArgumentError: if there are no runs, or the observable is none of theirs or has other axes.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 0, 1], activation=[0, 0, 1])
        >>> one = ss.PointMasses([1.0])
        >>> starts = [ss.NetworkFlow(problem, np.inf, 1, 400, second_layer=one, seed=k) for k in range(4)]
        >>> runs = [ss.solve(flow, until=6.0, error_estimate=False) for flow in starts]
        >>> result = exit_times(runs, level=0.5)
        >>> result.exited.tolist(), EscapeLaw(rate=2.0, start=0.05, level=1.0).quantile(0.95) < 6.0
        ([True, True, True, True], True)
    """
    level = finite("level", level)
    given = [runs] if isinstance(runs, Trajectory) else list(runs) if isinstance(runs, Iterable) else [runs]
    if not given or not all(isinstance(run, Trajectory) for run in given):
        raise ArgumentError("runs", "be trajectories, at least one", [type(run).__name__ for run in given])
    times: list[float] = []
    exited: list[bool] = []
    gaps: list[float] = []
    for run in given:
        if observable not in run.observables:
            raise ArgumentError(
                "observable", f"be one of the run's ({known_words(observable, run.observables)})", observable
            )
        values = np.asarray(run[observable], dtype=float)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or len(values) != len(run.time):
            raise ArgumentError("observable", "have the axes (time,) or (time, run)", observable)
        for value in values.T:
            time, left, gap = _exit(run.time, value, level)
            times.append(time)
            exited.append(left)
            gaps.append(gap)
    left = np.array(exited)
    doubts: list[str] = []
    if not left.all():
        doubts.append(f"{np.sum(~left)} of {len(left)} runs end before their exit: the mean is a lower bound.")
    if left.any() and np.median(np.array(gaps)[left]) > _COARSE:
        doubts.append(f"Saved times are {np.median(np.array(gaps)[left]):.0%} of the exit times apart.")
    return ExitTimes(np.array(times), left, level, tuple(doubts))


def _exit(time: np.ndarray, value: np.ndarray, level: float) -> tuple[float, bool, float]:
    """When a curve is first at the level, whether it is, and how far saved times are apart there, relative to it."""
    below = np.flatnonzero(value <= level)
    if not len(below):
        return float(time[-1]), False, 0.0
    i = int(below[0])
    if i == 0:
        return float(time[0]), True, 0.0
    share = (value[i - 1] - level) / (value[i - 1] - value[i])
    at = float(time[i - 1] + share * (time[i] - time[i - 1]))
    return at, True, float((time[i] - time[i - 1]) / at)


@dataclass(frozen=True)
class EscapeLaw:
    """Law of the time at which a saddle is left along directions that grow like e^(rate t) from Gaussian values.

    x' = rate x + noise, from x(0) of independent entries N(0, start^2): |x| is at `level` at

        T = ln(level / (s chi)) / rate,   s^2 = start^2 + diffusion / rate,

    with chi of `components` degrees of freedom; diffusion D is that of dx = rate x dt + sqrt(2 D) dW, of which
    the later part does not count beside what has grown. For a start on the sphere of dimension d, start = d^(-1/2): the
    mean time is ln(d) / (2 rate) and a constant, and its spread does not depend on d.

    Args:
        rate: of the growth, positive.
        start: standard deviation of an entry at the start, not negative.
        level: of |x| at the exit, positive and well above s.
        components: how many directions grow alike.
        diffusion: D, not negative.

    Raises:
        ArgumentError: if an argument is refused.

    Example:
        >>> law = EscapeLaw(rate=2.0, start=0.01, level=1.0)
        >>> round(law.mean, 4), round(law.std, 4), round(law.quantile(0.5), 4)  # E ln |N(0, 1)| = -0.6352
        (2.6202, 0.5554, 2.4995)
    """

    rate: float
    start: float
    level: float
    components: int = 1
    diffusion: float = 0.0

    def __post_init__(self) -> None:
        positive("rate", self.rate)
        positive("level", self.level)
        count("components", self.components)
        for name in ("start", "diffusion"):
            from_zero(name, getattr(self, name))
        if self.size == 0:
            raise ArgumentError("start", "be positive, or else the diffusion: nothing would ever leave", self.start)

    @property
    def size(self) -> float:
        """The standard deviation from which an entry grows."""
        return float(np.sqrt(self.start**2 + self.diffusion / self.rate))

    @property
    def mean(self) -> float:
        """Mean of T, were the growth linear from the beginning of all times."""
        return float((np.log(self.level / self.size) - 0.5 * (digamma(self.components / 2) + np.log(2))) / self.rate)

    @property
    def std(self) -> float:
        """Standard deviation of T."""
        return float(0.5 * np.sqrt(polygamma(1, self.components / 2)) / self.rate)

    def survival(self, time: ArrayLike) -> np.ndarray:
        """Return the probability that the exit is later.

        Args:
            time: of any shape.
        """
        at = np.asarray(time, dtype=float)
        return chi.cdf(self.level / self.size * np.exp(-self.rate * at), self.components)

    def quantile(self, q: float) -> float:
        """Return the time by which the exit has come with probability q.

        Args:
            q: strictly between 0 and 1.
        """
        return float(np.log(self.level / (self.size * chi.ppf(1 - fraction("q", q), self.components))) / self.rate)
