"""What a curve does besides resting, in plain sentences: extremes, bumps, saturation, last levels in linear time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from saddlescope.measure.judging.axes import span_of
from saddlescope.measure.judging.excursions import Excursion
from saddlescope.measure.judging.inputs import Given
from saddlescope.measure.judging.search import Result, Settings, search

_TURNED = 0.1  # of the range: a smaller way back is not named
# Of the range over points, and of that over time: a last plateau that changes by more from its first to its last fifth
# says so.
_STILL, _VISIBLE = 0.05, 0.01
_CONTRAST = 5.0  # how much steeper a curve must be before its last level than in it
_SHORT = 0.3  # decades that a last level lasts, at most, where log time does not show it
_ROUNDED = 5  # different values, at most, of a level that is only rounding


def notes_about(result: Result, known: Given, settings: Settings, excursions: list[list[Excursion]]) -> tuple[str, ...]:
    """Return the sentences on a curve, the most telling first."""
    notes = [] if len(result.stages) else [_no_plateau(result)]
    notes += _extreme(result, known)
    notes += _between(result)
    for number, several in enumerate(excursions, start=1):
        notes += [_held(number, several, up) for up in (True, False) if any(e.up is up for e in several)]
    for number in range(len(result.stages)):
        notes += _levels(result, number)
    if settings.clock == "log":
        notes += _last_level(result, known, settings)
    return tuple(notes)


def _line(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """The smoothed curve: places in time and values on the scale."""
    return result.x, replace(result.axes, time=result.axes.time[-1:], value=result.value).y


def _moved(before: float, after: float) -> str:
    """Say by how much a value changed: in per cent or by a factor where it keeps its sign, else by a difference."""
    if before * after <= 0 or abs(after) > 1e6 * abs(before):
        return f"by {abs(after - before):.3g}"
    ratio = after / before
    if 0.5 <= ratio <= 1.5:
        return f"by {100 * abs(ratio - 1):.2g} %"
    return f"by × {max(ratio, 1 / ratio):.2g}"


def _no_plateau(result: Result) -> str:
    x, y = _line(result)
    way = np.interp(np.linspace(x[0], x[-1], 13), x, y)
    steps = np.diff(way)
    total = float(way[-1] - way[0])
    one_way = abs(total) >= 0.8 * np.abs(steps).sum() > 0
    word = ("rises" if total > 0 else "falls") if one_way else "moves"
    log = result.axes.clock == "log"
    back = 1.0 if log else (x[-1] - x[0]) / 3
    if x[-1] - back < x[0]:
        return f"No plateau: it {word} all the time."
    before, after = np.interp([x[-1] - back, x[-1]], x, result.value)
    stretch = "in the last decade" if log else "in the last third"
    return f"No plateau: it {word} all the time, {stretch} {_moved(float(before), float(after))}."


def _extreme(result: Result, known: Given) -> list[str]:
    """Lowest value of what falls, highest of what rises, and how far the curve comes back from it."""
    _, y = _line(result)
    lowest, highest = int(np.argmin(y)), int(np.argmax(y))
    start = float(np.median(y[: max(y.size // 20, 1)]))
    up = known.bounded or y[highest] - start > start - y[lowest]
    at = highest if up else lowest
    (value, time), word = (result.stages.highest, "highest") if up else (result.stages.lowest, "lowest")
    head = f"{word.capitalize()} value {value:.4g} at t = {time:.4g}"
    away = abs(y[-1] - y[at])
    if away < max(_TURNED * span_of(result.axes), 6 * _scatter(result)) or at >= y.size - 1:
        return [f"{head}."]
    verb = "falls" if up else "rises"
    return [f"{head}; it {verb} again {_moved(float(result.value[at]), float(result.value[-1]))} after it."]


def _scatter(result: Result) -> float:
    """Size of the jumps between neighbouring cells of the smoothed curve."""
    _, y = _line(result)
    return float(np.median(np.abs(np.diff(y)))) if y.size > 1 else 0.0


def _between(result: Result) -> list[str]:
    """Name what lies beyond both plateaus between them: it would be swallowed by the table."""
    notes = []
    x, y = _line(result)
    axes, stages = result.axes, result.stages
    place = replace(axes, time=np.array([p for s in stages for p in (s.start, s.end)] + [axes.time[-1]])).x
    for number in range(len(stages) - 1):
        a, b = place[2 * number + 1], place[2 * number + 2]
        inside = np.flatnonzero((x > a) & (x < b))
        if inside.size < 3:
            continue
        levels = np.interp([a, b], x, y)
        for up in (True, False):
            at = int(inside[np.argmax(y[inside] if up else -y[inside])])
            beyond = y[at] - levels.max() if up else levels.min() - y[at]
            if beyond > max(_TURNED * span_of(result.axes), 6 * _scatter(result)):
                notes.append(
                    f"Between plateaus {number + 1} and {number + 2} it {'rises' if up else 'falls'} to "
                    f"{result.value[at]:.4g} at t = {axes.when(float(x[at])):.4g}."
                )
    return notes


def _held(number: int, several: list[Excursion], up: bool) -> str:
    chosen = [e for e in several if e.up is up]
    furthest = max(chosen, key=lambda e: e.value if up else -e.value)
    name = ("bump" if up else "collapse") + ("" if len(chosen) == 1 else "s")
    count = "a" if len(chosen) == 1 else str(len(chosen))
    which = "" if len(chosen) == 1 else ", the highest" if up else ", the deepest"
    return f"Plateau {number} holds {count} short {name}{which} to {furthest.value:.4g} at t = {furthest.time:.4g}."


def _levels(result: Result, number: int) -> list[str]:
    """Saturation, rounding, and a last plateau that has not come to rest."""
    plateau, axes = result.stages[number], result.axes
    inside = (axes.time >= plateau.start * (1 - 1e-12)) & (axes.time <= plateau.end * (1 + 1e-12))
    values, counts = np.unique(axes.value[inside], return_counts=True)
    total = int(counts.sum())
    if total < 10:
        return []
    most = int(np.argmax(counts))
    if counts[most] >= 0.9 * total:
        share = 100 * total / axes.time.size
        return [f"Plateau {number + 1} is exactly {values[most]:.6g}: saturated, {share:.0f} % of the points."]
    notes = []
    # the bend at its ends adds values of which there are few
    usual = np.sort(values[np.argsort(-counts)[: np.searchsorted(np.cumsum(np.sort(counts)[::-1]), 0.95 * total) + 1]])
    if usual.size <= _ROUNDED:
        step = float(np.diff(usual).min()) if usual.size > 1 else float(np.diff(values).min())
        notes.append(f"Plateau {number + 1} takes {usual.size} values, {step:.2g} apart: its level is only rounding.")
    y = replace(axes, time=axes.time[-1:], value=np.array([plateau.first, plateau.last])).y
    low, high = np.quantile(axes.y, [0.01, 0.99])
    moved = abs(y[1] - y[0])
    if not plateau.over and moved > _STILL * (high - low) and moved > _VISIBLE * span_of(axes):
        word = "rises" if plateau.last > plateau.first else "falls"
        notes.append(f"Plateau {number + 1} still {word}, from {plateau.first:.4g} to {plateau.last:.4g}.")
    return notes


def _last_level(result: Result, known: Given, settings: Settings) -> list[str]:
    """Say where a last level stands in linear time that log time does not show."""
    stages = result.stages
    other = search(known, replace(settings, clock="linear"))
    if not len(other.stages) or other.stages[-1].over:
        return []
    level = other.stages[-1]
    if level.start <= 0 or level.decades > _SHORT:
        return []  # long enough for log time to see it
    x, y = _line(other)
    span = span_of(other.axes)
    begin, end = replace(other.axes, time=np.array([level.start, level.end, other.axes.time[-1]])).x[:2]
    length = end - begin
    if length <= 0:
        return []
    if len(stages) and not stages[-1].over:
        heights = replace(other.axes, time=level.end + np.zeros(1), value=np.array([level.height, stages[-1].height])).y
        if abs(heights[0] - heights[1]) < 2 * math.log10(stages.distinct) + 0.02 * span:
            return []
    earlier, later = np.interp([begin + length / 10, end - length / 10], x, y)
    before, at = np.interp([max(begin - length / 2, x[0]), begin], x, y)
    steep, flat = abs(at - before) / (length / 2), abs(later - earlier) / (0.8 * length)
    if abs(at - before) < _STILL * span or steep < _CONTRAST * flat:
        return []
    return [
        f"In linear time a last level of height {level.height:.4g} stands from t = {level.start:.4g} to the end "
        f"({level.decades:.2g} decades)."
    ]
