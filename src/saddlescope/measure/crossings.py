"""Learning time of each degree: when its residual has fallen to a fraction of its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, overload

import numpy as np

from saddlescope.arguments import ArgumentError, numbers_of
from saddlescope.arguments import fraction as open_fraction
from saddlescope.measure.judging.inputs import HasObservables, increasing_times


class HasTargets(HasObservables, Protocol):
    """A trajectory that also knows the coefficients of its link."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters by name; "link_coefficients" holds φ_k, shape (degree,)."""
        ...


_AGREE = 0.5  # of the way of the residual: rates that miss it by more are no rates of these values
_NEAR = 30.0  # steps: what lies further off, in lengths of the step of the crossing, says nothing about it

# Steps by which a wider polynomial may move a root: beyond it the curve has more structure than its points show.
_CLOSE = 0.05


@overload
def learning_times(
    trajectory: HasTargets | None = ...,
    fraction: float = ...,
    *,
    time: Any = ...,
    residual: Any = ...,
    target: Any = ...,
    rate: Any = ...,
    errors: Literal[False] = ...,
) -> np.ndarray: ...


@overload
def learning_times(
    trajectory: HasTargets | None = ...,
    fraction: float = ...,
    *,
    time: Any = ...,
    residual: Any = ...,
    target: Any = ...,
    rate: Any = ...,
    errors: Literal[True],
) -> tuple[np.ndarray, np.ndarray]: ...


def learning_times(
    trajectory: HasTargets | None = None,
    fraction: float = 0.5,
    *,
    time: Any = None,
    residual: Any = None,
    target: Any = None,
    rate: Any = None,
    errors: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Return, for each degree k, the first time at which |φ_k - σ_k M_k| <= fraction · |φ_k|.

    Arguments:
        trajectory: has `.time` of shape (T,), `.observables["residual"]` of shape (T, degree), perhaps
            "residual_rate", and `.parameters["link_coefficients"]` of shape (degree,).
        fraction: strictly between 0 and 1.
        time, residual, target: the same three arrays instead of a trajectory.
        rate: time derivative of the residual, shape (T, degree), where it is known.
        errors: return also how far each time may be off for being read between saved times, shape (degree,).

    Returns times of shape (degree,): nan where the level is never reached, and where φ_k = 0, since such
    a degree has nothing to learn. The crossing is found between saved times: first root of the Hermite
    polynomial through the nearest four points where the rate is known, else of a monotone cubic (Fritsch
    and Butland, 1984). Rates that are not finite, or whose integral misses the way of the residual around the
    crossing by more than half of it (cancellation at small ε leaves nothing but noise), count as not known. A dip
    below the level that begins and ends between two saved times is not seen. A trajectory is read up to the first
    time at which a residual is not finite.

    Raises: ArgumentError for times that do not increase, shapes that differ, or values that are not
    finite.

    >>> import numpy as np
    >>> t = np.linspace(0, 5, 21)
    >>> r = np.exp(-t)[:, None] * [1.0, -2.0]
    >>> learning_times(time=t, residual=r, target=[1.0, -2.0], rate=-r).round(4)  # log(2)
    array([0.6931, 0.6931])
    """
    level = open_fraction("fraction", fraction)
    if trajectory is not None:
        if any(given is not None for given in (time, residual, target, rate)):
            raise ArgumentError("trajectory", "be given without time, residual, target and rate", trajectory)
        if not (hasattr(trajectory, "observables") and hasattr(trajectory, "parameters")):
            raise ArgumentError("trajectory", "be a trajectory, or time, residual and target be given", trajectory)
        observables, parameters = trajectory.observables, trajectory.parameters
        if "residual" not in observables:
            raise ArgumentError("trajectory", 'have the observable "residual"', sorted(observables))
        if "link_coefficients" not in parameters:
            raise ArgumentError("trajectory", 'have the parameter "link_coefficients"', sorted(parameters))
        time, residual = _finite_part(trajectory.time, observables["residual"])
        rate = observables.get("residual_rate")
        rate = None if rate is None else np.asarray(rate)[: len(time)]
        target = parameters["link_coefficients"]
    times = increasing_times("time", time)
    goal = np.atleast_1d(numbers_of("target", target))
    residuals = _series("residual", residual, times.size, goal)
    if not np.all(np.isfinite(residuals)):
        raise ArgumentError("residual", "hold finite numbers only", residuals)
    rates = None if rate is None else _series("rate", rate, times.size, goal)
    result, doubt = np.full(goal.size, np.nan), np.full(goal.size, np.nan)
    for k in np.flatnonzero(goal):
        slope = None if rates is None else rates[:, k]
        result[k], doubt[k] = _first_crossing(times, residuals[:, k], slope, level * abs(goal[k]))
    return (result, doubt) if errors else result


def _finite_part(time: Any, residual: Any) -> tuple[np.ndarray, np.ndarray]:
    """The head of a run before a value that is not finite: what was learnt before it was learnt."""
    times, values = np.asarray(time), numbers_of("residual", residual)
    if values.ndim != 2 or len(values) != len(times):
        return times, values  # refused later, with its shape
    bad = np.flatnonzero(~np.all(np.isfinite(values), axis=1))
    end = int(bad[0]) if bad.size and bad[0] > 0 else len(times)
    return times[:end], values[:end]


def _series(argument: str, value: Any, size: int, goal: np.ndarray) -> np.ndarray:
    series = numbers_of(argument, value)
    if goal.ndim != 1 or not np.all(np.isfinite(goal)):
        raise ArgumentError("target", "be a list of finite numbers", goal)
    if series.shape != (size, goal.size):
        raise ArgumentError(argument, f"have the shape {(size, goal.size)} (time, degree)", series.shape)
    return series


def _first_crossing(
    time: np.ndarray, residual: np.ndarray, rate: np.ndarray | None, level: float
) -> tuple[float, float]:
    """First time at which |residual| <= level and how far it may be off; nan if never."""
    if abs(residual[0]) <= level:
        return float(time[0]), 0.0
    # a residual that changes sign within one step has crossed the level on its way
    reached = np.sign(residual[:-1]) * residual[1:] <= level
    if not reached.any():
        return float("nan"), float("nan")
    i = int(np.argmax(reached))
    sign = np.sign(residual[i])
    a, b = float(sign * residual[i]) - level, float(sign * residual[i + 1]) - level
    step = float(time[i + 1] - time[i])
    if rate is None or not _belongs(time, residual, rate, i):
        place, off = _between_values(time, sign * residual - level, i)
        if rate is not None:
            # a run without noise, whose values alone are known
            smooth = _through_six(place, (time - time[i]) / step, sign * residual - level, i)
            place, off = smooth, off if smooth == place else abs(smooth - place)
        return float(time[i] + step * place), step * off
    da, db = float(sign * rate[i] * step), float(sign * rate[i + 1] * step)
    place = _first_root(a, b, da, db)
    near = slice(max(i - 1, 0), i + 3)
    nodes = (time[near] - time[i]) / step
    near_values, near_slopes = sign * residual[near] - level, sign * rate[near] * step
    polished = _polished(place, nodes, near_values, near_slopes)
    return float(time[i] + step * polished), step * abs(polished - place)


def _belongs(time: np.ndarray, residual: np.ndarray, rate: np.ndarray, i: int) -> bool:
    """Whether the rates around step i are those of the residual, as far as its points can tell."""
    if not np.all(np.isfinite(rate[i : i + 2])):
        return False
    near = slice(max(i - 2, 0), i + 4)
    t, r, slope = time[near], residual[near], rate[near]
    h = np.diff(t)
    kept = (h < _NEAR * (time[i + 1] - time[i])) & np.isfinite(slope[1:] + slope[:-1])
    way = np.diff(r)
    missed = np.abs((slope[1:] + slope[:-1]) / 2 * h - way)[kept].sum()
    # noise of alternating signs drops out of the integral, and not out of the slopes
    inner = kept[1:] & kept[:-1]
    central = (way[1:] * h[:-1] / h[1:] + way[:-1] * h[1:] / h[:-1]) / (h[1:] + h[:-1])
    off = (np.abs(slope[1:-1] - central) * (h[1:] + h[:-1]) / 2)[inner].sum()
    return bool(max(missed, off) <= _AGREE * np.abs(way[kept]).sum())


def _between_values(time: np.ndarray, height: np.ndarray, i: int) -> tuple[float, float]:
    """Where in step i the height crosses zero, in steps, on a monotone cubic, and how far a line is from it."""
    from scipy.interpolate import PchipInterpolator

    # the slopes of the monotone cubic see one neighbour on either side: more points would not change them
    near = slice(max(i - 1, 0), i + 3)
    step = time[i + 1] - time[i]
    curve = PchipInterpolator(time[near], height[near])
    da, db = (float(d) * step for d in curve.derivative()(time[i : i + 2]))
    a, b = float(height[i]), float(height[i + 1])
    place = _first_root(a, b, da, db)
    return place, abs(place - a / (a - b))


def _through_six(place: float, nodes: np.ndarray, height: np.ndarray, i: int) -> float:
    """Refine a root in [0, 1] with the polynomial through the six nearest points."""
    from scipy.interpolate import BarycentricInterpolator
    from scipy.optimize import root_scalar

    around = np.arange(max(i - 2, 0), min(i + 4, nodes.size))
    around = around[np.abs(nodes[around] - 0.5) < _NEAR]
    wide = BarycentricInterpolator(nodes[around], height[around])
    if not wide(0.0) > 0 >= wide(1.0):
        return place
    refined = float(root_scalar(wide, bracket=(0.0, 1.0), method="brentq", xtol=1e-14).root)
    return refined if abs(refined - place) < _CLOSE else place


def _polished(place: float, nodes: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> float:
    """Refine a root in [0, 1] with the Hermite polynomial through the neighbouring points as well.

    The cubic alone is off by 1e-4 on the long steps that a fifth-order solver takes, the wider polynomial
    by less than the solver's own error.
    """
    from scipy.interpolate import KroghInterpolator
    from scipy.optimize import root_scalar

    near = (np.abs(nodes - 0.5) < _NEAR) & np.isfinite(slopes)
    wide = KroghInterpolator(np.repeat(nodes[near], 2), np.stack([values[near], slopes[near]], axis=1).ravel())
    if not wide(0.0) > 0 >= wide(1.0):
        return place
    refined = float(root_scalar(wide, bracket=(0.0, 1.0), method="brentq", xtol=1e-14).root)
    # where the two disagree, the curve has more structure than its points show: keep the simpler one
    return refined if abs(refined - place) < _CLOSE else place


def _first_root(a: float, b: float, da: float, db: float) -> float:
    """First root in [0, 1] of the cubic with values a > 0 >= b and slopes da, db at the ends."""
    roots = np.roots([2 * (a - b) + da + db, 3 * (b - a) - 2 * da - db, da, a])
    # a root on the border may come out a rounding error outside it, or with a tiny imaginary part
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > -1e-9) & (roots.real < 1 + 1e-9)]
    if real.size == 0:
        return a / (a - b)
    return float(np.clip(real.min(), 0.0, 1.0))
