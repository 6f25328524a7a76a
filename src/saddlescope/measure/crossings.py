"""Learning time of each degree: when its residual has fallen to a fraction of its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from scipy.interpolate import KroghInterpolator, PchipInterpolator
from scipy.optimize import root_scalar

from saddlescope.arguments import ArgumentError
from saddlescope.arguments import fraction as open_fraction
from saddlescope.measure.judging.inputs import HasObservables, increasing_times


class HasTargets(HasObservables, Protocol):
    """A trajectory that also knows the coefficients of its link."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters by name; "link_coefficients" holds φ_k, shape (degree,)."""
        ...


def learning_times(
    trajectory: HasTargets | None = None,
    fraction: float = 0.5,
    *,
    time: Any = None,
    residual: Any = None,
    target: Any = None,
    rate: Any = None,
) -> np.ndarray:
    """Return, for each degree k, the first time at which |φ_k - σ_k M_k| <= fraction · |φ_k|.

    Arguments:
        trajectory: has `.time` of shape (T,), `.observables["residual"]` of shape (T, degree), perhaps
            "residual_rate", and `.parameters["link_coefficients"]` of shape (degree,).
        fraction: strictly between 0 and 1.
        time, residual, target: the same three arrays instead of a trajectory.
        rate: time derivative of the residual, shape (T, degree), where it is known.

    Returns times of shape (degree,): nan where the level is never reached, and where φ_k = 0, since such
    a degree has nothing to learn. The crossing is found between saved times: first root of the Hermite
    polynomial through the nearest four points where the rate is known, else of a monotone cubic (Fritsch
    and Butland, 1984). A dip below the level that begins and ends between two saved times is not seen.

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
        observables, parameters = trajectory.observables, trajectory.parameters
        if "residual" not in observables:
            raise ArgumentError("trajectory", 'have the observable "residual"', sorted(observables))
        if "link_coefficients" not in parameters:
            raise ArgumentError("trajectory", 'have the parameter "link_coefficients"', sorted(parameters))
        time, residual = trajectory.time, observables["residual"]
        rate = observables.get("residual_rate")
        target = parameters["link_coefficients"]
    times = increasing_times("time", time)
    goal = np.atleast_1d(np.asarray(target, dtype=np.float64))
    residuals = _series("residual", residual, times.size, goal)
    rates = None if rate is None else _series("rate", rate, times.size, goal)
    found = np.full(goal.size, np.nan)
    for k in np.flatnonzero(goal):
        slope = None if rates is None else rates[:, k]
        found[k] = _first_crossing(times, residuals[:, k], slope, level * abs(goal[k]))
    return found


def _series(argument: str, value: Any, size: int, goal: np.ndarray) -> np.ndarray:
    series = np.asarray(value, dtype=np.float64)
    if goal.ndim != 1 or not np.all(np.isfinite(goal)):
        raise ArgumentError("target", "be a list of finite numbers", goal)
    if series.shape != (size, goal.size):
        raise ArgumentError(argument, f"have the shape {(size, goal.size)} (time, degree)", series.shape)
    if not np.all(np.isfinite(series)):
        raise ArgumentError(argument, "hold finite numbers only", series)
    return series


def _first_crossing(time: np.ndarray, residual: np.ndarray, rate: np.ndarray | None, level: float) -> float:
    """First time at which |residual| <= level; nan if never."""
    if abs(residual[0]) <= level:
        return float(time[0])
    # a residual that changes sign within one step has crossed the level on its way
    reached = np.sign(residual[:-1]) * residual[1:] <= level
    if not reached.any():
        return float("nan")
    i = int(np.argmax(reached))
    sign = np.sign(residual[i])
    a, b = float(sign * residual[i]) - level, float(sign * residual[i + 1]) - level
    step = time[i + 1] - time[i]
    near = slice(max(i - 1, 0), i + 3)
    if rate is None:
        # the slopes of the monotone cubic see one neighbour on either side: more points would not change them
        curve = PchipInterpolator(time[near], sign * residual[near])
        da, db = (float(d) * step for d in curve.derivative()(time[i : i + 2]))
        return float(time[i] + step * _first_root(a, b, da, db))
    da, db = float(sign * rate[i] * step), float(sign * rate[i + 1] * step)
    place = _first_root(a, b, da, db)
    nodes = (time[near] - time[i]) / step
    near_values, near_slopes = sign * residual[near] - level, sign * rate[near] * step
    return float(time[i] + step * _polished(place, nodes, near_values, near_slopes))


def _polished(place: float, nodes: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> float:
    """Refine a root in [0, 1] with the Hermite polynomial through the neighbouring points as well.

    The cubic alone is off by 1e-4 on the long steps that a fifth-order solver takes, the wider polynomial
    by less than the solver's own error.
    """
    # a neighbour across a much longer step says nothing about this one
    near = np.abs(nodes - 0.5) < 30
    wide = KroghInterpolator(np.repeat(nodes[near], 2), np.stack([values[near], slopes[near]], axis=1).ravel())
    if not wide(0.0) > 0 >= wide(1.0):
        return place
    refined = float(root_scalar(wide, bracket=(0.0, 1.0), method="brentq", xtol=1e-14).root)
    # where the two disagree, the curve has more structure than its points show: keep the simpler one
    return refined if abs(refined - place) < 0.05 else place


def _first_root(a: float, b: float, da: float, db: float) -> float:
    """First root in [0, 1] of the cubic with values a > 0 >= b and slopes da, db at the ends."""
    roots = np.roots([2 * (a - b) + da + db, 3 * (b - a) - 2 * da - db, da, a])
    # a root on the border may come out a rounding error outside it, or with a tiny imaginary part
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > -1e-9) & (roots.real < 1 + 1e-9)]
    if real.size == 0:
        return a / (a - b)
    return float(np.clip(real.min(), 0.0, 1.0))
