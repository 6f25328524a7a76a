"""The search for plateaus on the axes that were chosen, by the method that fits the noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure.judging.axes import (
    FEW,
    LEAST_POINTS,
    Axes,
    as_always,
    fitting,
    in_time,
    linear,
    on_clock,
    span_of,
    thinned,
)
from saddlescope.measure.judging.inputs import Given
from saddlescope.measure.judging.rests import find_rests
from saddlescope.measure.noise import lag_one, level_over_bins, noise_level, pseudo_residuals
from saddlescope.measure.partition import Fit, bin_curve, fit_pieces, flat_groups
from saddlescope.measure.slopes import Thresholds, crossing, flat_stretches, log_grid, steepest
from saddlescope.measure.stages import Clock, Method, Plateau, Stages

# Decades of noise below which the local slope over 0.02 decades is sharp to 0.01; and the same where
# neighbouring residuals agree, as those of a smooth bend do and those of noise never do.
_CLEAN, _SMOOTH = 1e-4, 1e-2
_LEAST_POINTS, _LEAST_POINTS_OF_FEW = 5, 3
# Distance of heights that count as distinct, without noise and with the most.
_CLOSEST, _WIDEST = math.log10(1.05), math.log10(1.25)
# A stretch that changes by more of the range is no plateau: 16 of 17 of them were false in real logs, and true ones
# reached 0.34.
MOST_CHANGE = 0.4
# One that changes by more than the first is none either where what lies beside it, so near, is not three times steeper.
_BEND, _STEEPER, _BESIDE = 0.05, 3.0, 0.25
_LEAST_STEP = 1e-9  # of the range, between two rests: beyond it a solver's errors rest and move
_TAIL = 0.1  # of the axis of time: an end of a curve that is too short to be a stage


@dataclass(frozen=True)
class Settings:
    """What `plateaus` was asked for."""

    clock: Clock
    values: str | None
    slope: float
    least_decades: float
    distinct: float | None
    floor: float
    bins: int
    method: Literal["slope", "partition"] | None


@dataclass(frozen=True)
class Result:
    """The stages, the axes they were found on, and the line through the curve: cells of x and their values."""

    stages: Stages
    axes: Axes
    x: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class _Cells:
    """Cells of time from x = begin to finish, each of one value, and the flat stretches among them."""

    flat: list[tuple[int, int]]
    begin: np.ndarray
    finish: np.ndarray
    value: np.ndarray
    drop: Callable[[int, int], float]


def search(known: Given, settings: Settings) -> Result:
    """Find the plateaus of a curve."""
    judged = settings.values is not None
    time, value = on_clock(known.time, known.value, settings.clock)
    still = known.rate is not None and settings.clock == "linear" and settings.method is None
    if still or (judged and known.bounded and settings.values != "log"):
        learnt = math.nan  # at rest at a minimum, or at a level that is no error
    else:
        time, value, learnt = _above_floor(time, value, settings.floor)
    axes = _axes(time, value, known, settings)
    seen = thinned(axes, settings.bins) if judged else axes
    x, y = seen.x, seen.y
    residuals = pseudo_residuals(x, y)
    index = bin_curve(x, y, settings.bins).index if judged else None
    noise = noise_level(residuals) if index is None else level_over_bins(residuals, index[1:-1], 0.9)
    method: Method | None = settings.method
    if method is None:
        smooth = noise < _CLEAN or (noise < _SMOOTH and lag_one(residuals) > 0.3)
        method = "slope" if smooth else "partition"
    if still or (method == "slope" and settings.clock == "linear" and settings.method is None):
        method = "rests"
    seen = seen if method == "partition" else axes
    cells, noise, correlation, closest = _flat(seen, known, settings, method, noise)
    if judged and axes.scale == "linear":
        usual = np.quantile(value, [0.01, 0.99])
        cells = _with_early(cells, seen, usual, known, settings, method, noise)
    if axes.scale == "log":
        relative = noise * math.log(10)
    else:
        relative = noise * axes.unit / max(float(np.ptp(value)), axes.unit)
    low, high = int(np.argmin(value)), int(np.argmax(value))
    stages = Stages(
        tuple(_measured(axes, cells, learnt, still=method == "rests")),
        method,
        axes.scale,
        relative,
        correlation,
        settings.slope,
        settings.least_decades,
        10**closest,
        learnt,
        time_axis=settings.clock,
        lowest=(float(value[low]), float(time[low])),
        highest=(float(value[high]), float(time[high])),
    )
    return Result(stages, axes, (cells.begin + cells.finish) / 2, cells.value)


def _flat(
    axes: Axes, known: Given, settings: Settings, method: Method, noise: float
) -> tuple[_Cells, float, float, float]:
    """Return the flat stretches by one method, the noise and its memory, and the distance of distinct heights."""
    judged = settings.values is not None
    x, y = axes.x, axes.y
    correlation, fit = 0.0, None
    if method == "partition":
        fit = fit_pieces(
            x, y, slope=settings.slope, least_decades=settings.least_decades, bins=settings.bins, by_bins=judged
        )
        noise, correlation = fit.noise, fit.correlation
    closest = min(max(3 * noise, _CLOSEST), _WIDEST) if settings.distinct is None else math.log10(settings.distinct)
    thresholds = Thresholds(settings.slope, settings.least_decades, closest)
    if method == "rests":
        cells = _at_rest(axes, known, thresholds)
    elif fit is None:
        cells = _from_slope(axes, thresholds)
    else:
        cells = _from_fit(axes, fit, thresholds, judged)
    if judged:
        cells = replace(cells, flat=_to_the_end(_hardly_changing(cells, axes), cells, axes, closest))
    return cells, noise, correlation, closest


def _with_early(
    cells: _Cells, axes: Axes, usual: np.ndarray, known: Given, settings: Settings, method: Method, noise: float
) -> _Cells:
    """Add the first levels that hold less than 1 % of the points, and so lie outside the range of the others.

    In that range their noise alone is steep. They are judged in the range over time, where eight points hold them.
    """
    low, high = in_time(axes)
    if high - low < 1.5 * axes.unit:
        return cells
    wide = replace(axes, unit=high - low)
    early = _flat(wide, known, settings, method, noise * axes.unit / wide.unit)[0]
    within = np.flatnonzero((early.value >= usual[0]) & (early.value <= usual[1]))
    x = axes.x

    def enough(first: int, last: int) -> bool:
        return int(np.count_nonzero((x >= early.begin[first]) & (x <= early.finish[last]))) >= LEAST_POINTS

    until = min([int(within[0]) if within.size else early.value.size, *(first for first, _ in cells.flat)])
    return replace(cells, flat=[(a, b) for a, b in early.flat if b < until and enough(a, b)] + cells.flat)


def _axes(time: np.ndarray, value: np.ndarray, known: Given, settings: Settings) -> Axes:
    if settings.values == "linear":
        return linear(time, value, settings.clock)
    if settings.values == "auto":
        return fitting(time, value, settings.clock, known.bounded)
    axes = as_always(time, value, settings.clock)
    if settings.values == "log" and axes.scale == "linear":
        raise ArgumentError("values", 'be "linear" or "auto" where values are not positive', "log")
    return axes


def _above_floor(time: np.ndarray, value: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Cut off the end that stays below the floor, and tell when it starts (nan where nothing is cut)."""
    above = np.flatnonzero(np.abs(value) > floor * np.abs(value).max())
    # fewer points cannot be judged; a curve of zeros is a plateau at zero
    if above.size == 0 or above[-1] + 1 >= time.size or above[-1] < 8:
        return time, value, math.nan
    return time[: above[-1] + 1], value[: above[-1] + 1], float(time[above[-1] + 1])


def _from_slope(axes: Axes, thresholds: Thresholds) -> _Cells:
    x, value = axes.x, axes.value
    grid, level = log_grid(x, axes.y)
    flat = flat_stretches(grid, level, thresholds)
    on_grid = axes.back(level)

    def drop(first: int, last: int) -> float:
        if on_grid[last] > on_grid[first]:  # a rise is fastest where the falling mirror image is
            return steepest(x, -value, grid, -on_grid, first, last)
        return steepest(x, value, grid, on_grid, first, last)

    return _Cells(flat, grid, grid, on_grid, drop)


def _from_fit(axes: Axes, fit: Fit, thresholds: Thresholds, judged: bool) -> _Cells:
    bins = fit.bins
    least = _LEAST_POINTS_OF_FEW if judged and axes.time.size <= FEW else _LEAST_POINTS
    flat = flat_groups(fit, thresholds, least, far=judged)
    smooth = axes.back(fit.line)

    def drop(first: int, last: int) -> float:
        # half way down, where a sigmoid falls fastest: slopes of a noisy fit would find its noise instead
        return crossing(bins.x, smooth, bins.x[first], bins.x[last])

    return _Cells(flat, bins.first, bins.last, axes.back(bins.y), drop)


def _at_rest(axes: Axes, known: Given, thresholds: Thresholds) -> _Cells:
    x, y, value = axes.x, axes.y, axes.value
    if known.rate is None:
        rate = _slopes(x, value / (np.abs(value).max() or 1.0))
    else:
        kept = np.searchsorted(known.time, axes.time)
        rate = known.rate[kept]
    flat: list[tuple[int, int]] = []
    before = -1
    least = _LEAST_STEP * float(np.ptp(value))
    for rest in find_rests(rate):
        # a step too small to count leaves one rest
        now = rest.slowest
        if flat and (abs(y[now] - y[before]) < thresholds.separation or abs(value[now] - value[before]) <= least):
            flat[-1] = (flat[-1][0], rest.last)
        else:
            flat.append((rest.first, rest.last))
        before = now

    def drop(first: int, last: int) -> float:
        return crossing(x, value, x[first], x[last])

    return _Cells(flat, x, x, value, drop)


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean slope of the two steps beside each point, shape (T,); steps of any length, without their squares."""
    rise = np.diff(y) / np.diff(x)
    return np.concatenate((rise[:1], rise[:-1] / 2 + rise[1:] / 2, rise[-1:]))


def _hardly_changing(cells: _Cells, axes: Axes) -> list[tuple[int, int]]:
    """Leave out stretches whose last fifth differs from their first by more than 0.4 of the range, and mere bends.

    A bend of a slow fall can be flat for decades, yet what lies beside it is hardly steeper.
    """
    y = replace(axes, time=axes.time[-1:], value=cells.value).y
    span = 1.0 if axes.scale == "linear" else span_of(axes)
    kept = []
    for first, last in cells.flat:
        begin, end = _fifths(cells, first, last)
        change = abs(float(np.median(y[end]) - np.median(y[begin])))
        if change > MOST_CHANGE * span:
            continue
        length = 0.8 * (cells.finish[last] - cells.begin[first])
        if (
            change <= _BEND * span
            or length <= 0
            or _steepest_beside(cells, y, first, last) >= _STEEPER * change / length
        ):
            kept.append((first, last))
    return kept


def _steepest_beside(cells: _Cells, y: np.ndarray, first: int, last: int) -> float:
    """Slope from a stretch to what lies up to a quarter of a decade beside it, the larger of the two sides.

    Infinite for a stretch with nothing beside it, which is the whole curve.
    """
    x, result = (cells.begin + cells.finish) / 2, []
    fifths = _fifths(cells, first, last)
    for inner, edge, side in ((fifths[0], cells.begin[first], -1), (fifths[1], cells.finish[last], 1)):
        away = side * (x - edge)
        outer = (away > _BESIDE / 2) & (away <= _BESIDE)
        if outer.any():
            distance = abs(float(np.median(x[outer]) - np.median(x[inner])))
            result.append(abs(float(np.median(y[outer]) - np.median(y[inner]))) / distance)
    return max(result) if result else math.inf


def _to_the_end(flat: list[tuple[int, int]], cells: _Cells, axes: Axes, closest: float) -> list[tuple[int, int]]:
    """Let the last plateau run to the end of the curve where what follows it is short and at its height."""
    if not flat or cells.finish[-1] - cells.finish[flat[-1][1]] > _TAIL:
        return flat
    y = replace(axes, time=axes.time[-1:], value=cells.value).y
    first, last = flat[-1]
    if last + 1 < y.size and abs(np.median(y[last + 1 :]) - np.median(y[first : last + 1])) < closest:
        return [*flat[:-1], (first, y.size - 1)]
    return flat


def _fifths(cells: _Cells, first: int, last: int) -> tuple[slice, slice]:
    """Cells in the first and in the last fifth of a stretch."""
    length = cells.finish[last] - cells.begin[first]
    begin = int(np.searchsorted(cells.begin, cells.begin[first] + length / 5, side="right"))
    end = int(np.searchsorted(cells.finish, cells.finish[last] - length / 5))
    return slice(first, max(begin, first + 1)), slice(min(end, last), last + 1)


def _measured(axes: Axes, cells: _Cells, learnt: float, still: bool) -> list[Plateau]:
    """Describe each flat stretch; `still`: by its slowest part and not by the median over it."""
    value, flat = cells.value, cells.flat
    heights = [_height(cells, first, last, still) for first, last in flat]
    final = 0.0 if not math.isnan(learnt) else float(value[-1])
    whole, x = float(axes.time[-1] - axes.time[0]), axes.x
    results = []
    for number, (first, last) in enumerate(flat):
        height, follows = heights[number], number + 1 < len(flat)
        ends = not follows and last == value.size - 1 and (math.isnan(learnt) or still)
        after = heights[number + 1] if follows else final
        factor = drop_time = change = math.nan
        if not ends:
            until = flat[number + 1][0] if follows else value.size - 1
            # a plateau can run up to the point at which all is learnt
            drop_time = axes.when(cells.drop(last, until)) if until > last else learnt
            change = after - height
            if height > 0 and after >= 0:
                factor = height / after if after > 0 else math.inf
        low, high = np.quantile(value[first : last + 1], [0.16, 0.84])
        inside = (x >= cells.begin[first]) & (x <= cells.finish[last])
        start, end = axes.when(cells.begin[first]), axes.when(cells.finish[last])
        fifths = _fifths(cells, first, last)
        results.append(
            Plateau(
                start=start,
                end=end,
                height=height,
                spread=float(high - low) / 2,
                decades=math.log10(end / start) if start > 0 else math.inf,
                points=int(np.count_nonzero(inside)),
                factor=factor,
                drop_time=drop_time,
                first=float(np.median(value[fifths[0]])),
                last=float(np.median(value[fifths[1]])),
                share=(end - start) / whole,
                change=change,
            )
        )
    return results


def _height(cells: _Cells, first: int, last: int, still: bool) -> float:
    part = cells.value[first : last + 1]
    if not still or part.size < 3:
        return float(np.median(part))
    slope = np.abs(_slopes(cells.begin[first : last + 1], part / (np.abs(part).max() or 1.0)))
    return float(part[-1] if last == cells.value.size - 1 else part[np.argmin(slope)])
