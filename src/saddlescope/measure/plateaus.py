"""Plateaus of a learning curve in log time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, count, finite, positive
from saddlescope.measure.curve import Curve, HasObservables, read_curve, scaled
from saddlescope.measure.doubts import doubts_about
from saddlescope.measure.noise import lag_one, noise_level, pseudo_residuals
from saddlescope.measure.pieces import Fit, fit_pieces, flat_groups
from saddlescope.measure.slopes import Thresholds, crossing, flat_stretches, log_grid, steepest
from saddlescope.measure.stages import Method, Plateau, Stages

# Decades of noise below which the local slope over 0.02 decades is sharp to 0.01; and the same where
# neighbouring residuals agree, as those of a smooth bend do and those of noise never do.
_CLEAN, _SMOOTH = 1e-4, 1e-2
_LEAST_POINTS = 5
# Distance of heights that count as distinct, without noise and with the most.
_CLOSEST, _WIDEST = math.log10(1.05), math.log10(1.25)


def plateaus(
    trajectory: HasObservables | None = None,
    *,
    time: Any = None,
    value: Any = None,
    observable: str | None = None,
    slope: float = 0.2,
    least_decades: float = 0.25,
    distinct: float | None = None,
    floor: float = 1e-12,
    bins: int = 256,
    method: Method | None = None,
) -> Stages:
    """Return the plateaus of a learning curve: stretches of log time over which its log hardly moves.

    Arguments:
        trajectory: has `.time` of shape (T,) and `.observables`; its "risk" (else "cost") is used.
        time, value: any curve instead, both of shape (T,), at least 8 positive times; noise, linear
            logging and values that are not positive are all right.
        observable: name of another observable of the trajectory, of shape (T,).
        slope: a plateau has |d log value / d log time| below this.
        least_decades: and lasts at least this many decades of time.
        distinct: two plateaus count as two when their heights differ by this factor; by default 1.05 on a
            clean curve and up to 1.25 with noise (three of its standard deviations).
        floor: where the value stays for good below `floor` times its largest size, all is learnt and
            nothing is counted. The default is the square of the solver's usual relative tolerance.
        bins: number of bins of log time for a noisy curve.
        method: "slope" or "partition"; chosen by the noise of the curve where it is None.

    On a clean curve the local slope over 0.02 decades is compared with `slope`. On a noisy curve the
    medians over bins of log time are parted into flat and sloped lines that minimise
    Σ (y - line)² / variance + 1.5 · log(bins) · (number of parameters); noise and its memory are estimated
    from the curve. In both, a plateau is parted at gradual drops that lie below `slope` themselves, where
    what lies on either side is three times flatter and stands at distinct heights.
    Values that are not positive are compared on a log scale that turns linear within the noise; or, when
    their sign is no noise, as fractions of the range, which `slope` and log10(`distinct`) then count.
    The stretch before the first drop is a plateau too; on a log axis it starts at the first positive time.

    Raises: ArgumentError for times that do not increase, values that are not finite, lengths that differ,
    fewer than 8 positive times, or thresholds out of range.

    >>> import numpy as np
    >>> t = np.logspace(-3, 5, 801)
    >>> risk = 0.1 + 0.9 / (1 + t**8) + 2 / (1 + (t / 1e-2) ** 8)
    >>> stages = plateaus(time=t, value=risk)
    >>> [round(p.height, 3) for p in stages], [round(p.drop_time, 2) for p in stages]
    ([3.0, 1.0, 0.1], [0.01, 1.0, nan])
    """
    slope, least_decades = positive("slope", slope), positive("least_decades", least_decades)
    bins = count("bins", bins, least=16)
    if finite("floor", floor) < 0:
        raise ArgumentError("floor", "not be negative", floor)
    if distinct is not None and finite("distinct", distinct) <= 1:
        raise ArgumentError("distinct", "be a factor above 1", distinct)
    if method not in (None, "slope", "partition"):
        raise ArgumentError("method", 'be "slope", "partition" or None', method)
    times, values = read_curve(trajectory, time, value, observable)
    times, values, learnt = _above_floor(times, values, floor)
    curve = scaled(times, values)
    residuals = pseudo_residuals(curve.x, curve.y)
    noise = noise_level(residuals)
    if method is None:
        smooth = noise < _CLEAN or (noise < _SMOOTH and lag_one(residuals) > 0.3)
        method = "slope" if smooth else "partition"
    correlation, fit = 0.0, None
    if method == "partition":
        fit = fit_pieces(curve.x, curve.y, slope=slope, least_decades=least_decades, bins=bins)
        noise, correlation = fit.noise, fit.correlation
    separation = min(max(3 * noise, _CLOSEST), _WIDEST) if distinct is None else math.log10(distinct)
    thresholds = Thresholds(slope, least_decades, separation)
    if fit is None:
        found = _from_slope(curve, thresholds, learnt)
    else:
        found = _from_fit(curve, fit, thresholds, learnt)
    if curve.scale == "log":
        relative = noise * math.log(10)
    else:
        relative = noise * curve.unit / max(float(np.ptp(values)), curve.unit)
    stages = Stages(
        tuple(found), method, curve.scale, relative, correlation, slope, least_decades, 10**separation, learnt
    )
    return doubts_about(stages, times)


def _above_floor(time: np.ndarray, value: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Cut off the end that stays below the floor, and tell when it starts (nan where nothing is cut)."""
    above = np.flatnonzero(np.abs(value) > floor * np.abs(value).max())
    # fewer points cannot be judged; a curve of zeros is a plateau at zero
    if above.size == 0 or above[-1] + 1 >= time.size or above[-1] < 8:
        return time, value, math.nan
    return time[: above[-1] + 1], value[: above[-1] + 1], float(time[above[-1] + 1])


def _from_slope(curve: Curve, thresholds: Thresholds, learnt: float) -> list[Plateau]:
    x, value = curve.x, curve.value
    grid, level = log_grid(x, curve.y)
    flat = flat_stretches(grid, level, thresholds)
    on_grid = curve.back(level)

    def drop(first: int, last: int) -> float:
        return steepest(x, value, grid, on_grid, first, last)

    return _measured(curve, flat, grid, grid, on_grid, drop, learnt)


def _from_fit(curve: Curve, fit: Fit, thresholds: Thresholds, learnt: float) -> list[Plateau]:
    bins = fit.bins
    flat = flat_groups(fit, thresholds, _LEAST_POINTS)
    smooth = curve.back(fit.line)

    def drop(first: int, last: int) -> float:
        # half way down, where a sigmoid falls fastest: slopes of a noisy fit would find its noise instead
        return crossing(bins.x, smooth, bins.x[first], bins.x[last])

    return _measured(curve, flat, bins.first, bins.last, curve.back(bins.y), drop, learnt)


def _measured(
    curve: Curve,
    flat: list[tuple[int, int]],
    begin: np.ndarray,
    finish: np.ndarray,
    value: np.ndarray,
    drop: Callable[[int, int], float],
    learnt: float,
) -> list[Plateau]:
    """Describe each flat stretch of cells whose log times run from `begin` to `finish`."""
    heights = [float(np.median(value[first : last + 1])) for first, last in flat]
    final = 0.0 if not math.isnan(learnt) else float(value[-1])
    found = []
    for number, (first, last) in enumerate(flat):
        height, follows = heights[number], number + 1 < len(flat)
        ends = not follows and last == value.size - 1 and math.isnan(learnt)
        after = heights[number + 1] if follows else final
        factor = drop_time = math.nan
        if not ends:
            until = flat[number + 1][0] if follows else value.size - 1
            # a plateau can run up to the point at which all is learnt
            drop_time = 10 ** drop(last, until) if until > last else learnt
            if height > 0 and after >= 0:
                factor = height / after if after > 0 else math.inf
        low, high = np.quantile(value[first : last + 1], [0.16, 0.84])
        inside = (curve.x >= begin[first]) & (curve.x <= finish[last])
        found.append(
            Plateau(
                start=float(10 ** begin[first]),
                end=float(10 ** finish[last]),
                height=height,
                spread=float(high - low) / 2,
                decades=float(finish[last] - begin[first]),
                points=int(np.count_nonzero(inside)),
                factor=factor,
                drop_time=drop_time,
            )
        )
    return found
