"""A curve on the axes on which it is judged: log or linear time, values in decades or in fractions of the range."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure.noise import noise_level, pseudo_residuals
from saddlescope.measure.stages import Clock, Scale

LEAST_POINTS = 8
_MANY, _MOST = 50_000, 512  # points of a curve from which it is thinned, and those of a bin that are kept
FEW = 30  # points of a whole curve, of which a plateau may have fewer than five
# Length of a whole run on the axis of linear time. A plateau lasts 0.25 on either axis, that is 8 % of the run, and a
# slope below 0.2 is a change of less than 0.6 of the range over the run: a straight line is no plateau.
RUN = 3.0
WIDE = 30.0  # ratio of the 99 % to the 1 % quantile from which a floor no longer hides in the logarithm


@dataclass(frozen=True)
class Axes:
    """A curve with the scale of its values and the clock of its times.

    time, value: shape (T,); unit: the range of a linear scale, the noise of a log scale above the noise.
    """

    time: np.ndarray
    value: np.ndarray
    scale: Scale
    unit: float
    clock: Clock = "log"

    @property
    def x(self) -> np.ndarray:
        """log10 of the time, or the time in thirds of the run, shape (T,)."""
        return np.log10(self.time) if self.clock == "log" else self.time / self.time[-1] * RUN

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

    def when(self, x: float) -> float:
        """The time that stands at `x`."""
        return float(10**x) if self.clock == "log" else float(x / RUN * self.time[-1])


def on_clock(time: np.ndarray, value: np.ndarray, clock: Clock) -> tuple[np.ndarray, np.ndarray]:
    """Return the points that have a place of their own on the axis of time; refuse fewer than 8."""
    if clock == "linear":
        # points closer than the end of the run resolves have no slope between them
        kept = np.diff(time / time[-1] * RUN, prepend=-np.inf) > np.finfo(float).eps
    else:
        # a log axis has no place for time zero: the first plateau starts at the first positive time
        kept = time > 0
        # points that a solver sets so close that their logarithms agree in all digits have no slope between them
        kept[kept] = np.diff(np.log10(time[kept]), prepend=-np.inf) > 0
    if np.count_nonzero(kept) < LEAST_POINTS:
        raise ArgumentError("time", f"hold at least {LEAST_POINTS} positive times", np.count_nonzero(kept))
    return time[kept], value[kept]


def as_always(time: np.ndarray, value: np.ndarray, clock: Clock = "log") -> Axes:
    """Return the curve on the log scale where all values are positive, else on one that fits their signs.

    Values that dip below zero by no more than the noise of the last quarter of the curve are a noisy
    tail: log above that noise, linear within it. Otherwise the sign is part of the curve, and values
    count as fractions of the range.
    """
    if value.min() > 0:
        return Axes(time, value, "log", 1.0, clock)
    tail = slice(-max(time.size // 4, LEAST_POINTS), None)
    noise = noise_level(pseudo_residuals(time[tail], value[tail]))
    if noise > 0 and value.min() > -8 * noise and value.max() > 20 * noise:
        return Axes(time, value, "log above the noise", noise, clock)
    return linear(time, value, clock)


def linear(time: np.ndarray, value: np.ndarray, clock: Clock) -> Axes:
    """Return the curve with its values as fractions of the range from their 1 % to their 99 % quantile."""
    low, high = np.quantile(value, [0.01, 0.99])
    span = float(high - low) or float(np.ptp(value)) or 1.0
    return Axes(time, value, "linear", span, clock)


def in_time(axes: Axes) -> tuple[float, float]:
    """Return the 1 % and the 99 % quantile of the values over the axis of time, and not over points.

    Linear logging puts few points on the first levels of a curve, which may be most of its time and of its range.
    """
    grid = np.linspace(axes.x[0], axes.x[-1], 512)
    low, high = np.quantile(axes.value[np.minimum(np.searchsorted(axes.x, grid), axes.x.size - 1)], [0.01, 0.99])
    return float(low), float(high)


def thinned(axes: Axes, bins: int) -> Axes:
    """Return the curve with at most 512 points, evenly spaced, in each bin of its axis of time: medians need no more.

    Under linear logging nearly all points of a long curve lie in its last decade.
    """
    if axes.time.size <= _MANY:
        return axes
    x = axes.x
    edges = np.searchsorted(x, np.linspace(x[0], x[-1], bins + 1)[1:-1])
    bounds = np.unique(np.concatenate(([0], edges, [x.size])))
    kept = [
        np.arange(a, b) if b - a <= _MOST else np.linspace(a, b - 1, _MOST).astype(int)
        for a, b in itertools.pairwise(bounds.tolist())
    ]
    chosen = np.concatenate(kept)
    return replace(axes, time=axes.time[chosen], value=axes.value[chosen])


def span_of(axes: Axes) -> float:
    """Return the range of the values on their scale, over points or over time, whichever is larger."""
    low, high = np.quantile(axes.y, [0.01, 0.99])
    lowest, highest = replace(axes, value=np.array(in_time(axes))).y
    return float(max(high - low, highest - lowest)) or float(np.ptp(axes.y)) or 1.0


def fitting(time: np.ndarray, value: np.ndarray, clock: Clock, bounded: bool) -> Axes:
    """Return the axes that fit: fractions of the range for what is bounded or varies by less than a factor of 30."""
    if bounded:
        return linear(time, value, clock)
    scaled = as_always(time, value, clock)
    low, high = np.quantile(value, [0.01, 0.99])
    lowest, highest = in_time(scaled)
    if scaled.scale == "log":
        wide = high >= WIDE * low or highest >= WIDE * lowest
        return scaled if wide else linear(time, value, clock)
    if scaled.scale == "log above the noise" and max(high, highest) < WIDE * scaled.unit:
        return linear(time, value, clock)
    return scaled
