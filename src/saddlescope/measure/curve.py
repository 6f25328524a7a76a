"""A curve as plateau detection sees it: positive times, and values on a scale that fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from saddlescope.arguments import ArgumentError, vector
from saddlescope.measure.noise import noise_level, pseudo_residuals
from saddlescope.measure.stages import Scale

LEAST_POINTS = 8


class HasObservables(Protocol):
    """What is needed of a trajectory: its times and its named observables, time first."""

    @property
    def time(self) -> Any:
        """Times, shape (T,)."""
        ...

    @property
    def observables(self) -> Mapping[str, Any]:
        """Arrays by name, leading axis time."""
        ...


@dataclass(frozen=True)
class Curve:
    """A curve over positive times with the scale of its values.

    time, value: shape (T,); unit: the range of a linear scale, the noise of a log scale above the noise.
    """

    time: np.ndarray
    value: np.ndarray
    scale: Scale
    unit: float

    @property
    def x(self) -> np.ndarray:
        """log10 of the time, shape (T,)."""
        return np.log10(self.time)

    @property
    def y(self) -> np.ndarray:
        """The values on the scale: in decades, or in fractions of the range, shape (T,)."""
        if self.scale == "log":
            return np.log10(self.value)
        if self.scale == "linear":
            return self.value / self.unit
        # tends to log10(value / unit) far above the unit, and stays finite within the noise
        return np.arcsinh(self.value / (2 * self.unit)) / np.log(10)

    def back(self, y: np.ndarray) -> np.ndarray:
        """The values that stand at `y` on the scale."""
        if self.scale == "log":
            return 10**y
        if self.scale == "linear":
            return y * self.unit
        return 2 * self.unit * np.sinh(y * np.log(10))


def increasing_times(argument: str, value: Any) -> np.ndarray:
    """Return times as a float64 array; refuse what is not strictly increasing from zero or later."""
    time = vector(argument, value)
    if np.any(np.diff(time) <= 0):
        place = int(np.flatnonzero(np.diff(time) <= 0)[0])
        raise ArgumentError(argument, "increase strictly", [float(time[place]), float(time[place + 1])])
    if time[0] < 0:
        raise ArgumentError(argument, "not be negative", float(time[0]))
    return time


def read_curve(
    trajectory: HasObservables | None, time: Any, value: Any, observable: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return positive times and values, both of shape (T,), from a trajectory or from two arrays."""
    if trajectory is not None:
        if time is not None or value is not None:
            raise ArgumentError("trajectory", "be given without `time` and `value`", trajectory)
        name = observable or next((n for n in ("risk", "cost") if n in trajectory.observables), "risk")
        if name not in trajectory.observables:
            raise ArgumentError("observable", f"be one of {sorted(trajectory.observables)}", name)
        time, value = trajectory.time, trajectory.observables[name]
    elif time is None or value is None:
        missing = "time" if time is None else "value"
        raise ArgumentError(missing, "be given where there is no trajectory", None)
    times, values = increasing_times("time", time), vector("value", value)
    if values.size != times.size:
        raise ArgumentError("value", f"have one entry for each of the {times.size} times", values.size)
    # a log axis has no place for time zero: the first plateau starts at the first positive time
    kept = times > 0
    # points that a solver sets so close that their logarithms agree in all digits have no slope between them
    kept[kept] = np.diff(np.log10(times[kept]), prepend=-np.inf) > 0
    values, times = values[kept], times[kept]
    if times.size < LEAST_POINTS:
        raise ArgumentError("time", f"hold at least {LEAST_POINTS} positive times", times.size)
    return times, values


def scaled(time: np.ndarray, value: np.ndarray) -> Curve:
    """Return the curve on the log scale where all values are positive, else on one that fits their signs.

    Values that dip below zero by no more than the noise of the last quarter of the curve are a noisy
    tail: log above that noise, linear within it. Otherwise the sign is part of the curve, and values
    count as fractions of the range.
    """
    if value.min() > 0:
        return Curve(time, value, "log", 1.0)
    tail = slice(-max(time.size // 4, LEAST_POINTS), None)
    noise = noise_level(pseudo_residuals(time[tail], value[tail]))
    if noise > 0 and value.min() > -8 * noise and value.max() > 20 * noise:
        return Curve(time, value, "log above the noise", noise)
    low, high = np.quantile(value, [0.01, 0.99])
    span = float(high - low) or float(np.ptp(value)) or 1.0
    return Curve(time, value, "linear", span)
