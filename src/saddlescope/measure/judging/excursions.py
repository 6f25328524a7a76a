"""Short excursions inside a plateau: bumps upwards, collapses downwards."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from saddlescope.measure.judging.axes import Axes, span_of
from saddlescope.measure.noise import noise_level
from saddlescope.measure.stages import Plateau

_FAR = 6.0  # standard deviations of the plateau's own noise
_LARGE = 0.1  # of the range of the curve
_FEW = 10  # points of a plateau, below which none of them is called an excursion


class Excursion(NamedTuple):
    """How far a value leaves a plateau and when it is furthest."""

    up: bool
    value: float
    time: float


def with_excursions(axes: Axes, plateaus: tuple[Plateau, ...]) -> tuple[tuple[Plateau, ...], list[list[Excursion]]]:
    """Return the plateaus with the number of their bumps and collapses, and what these are."""
    y = axes.y
    large = _LARGE * span_of(axes)
    results = [_inside(axes, y, large, p) for p in plateaus]
    counted = tuple(
        replace(p, bumps=sum(e.up for e in several), collapses=sum(not e.up for e in several))
        for p, several in zip(plateaus, results, strict=True)
    )
    return counted, results


def _inside(axes: Axes, y: np.ndarray, large: float, plateau: Plateau) -> list[Excursion]:
    begin = int(np.searchsorted(axes.time, plateau.start * (1 - 1e-12)))
    end = int(np.searchsorted(axes.time, plateau.end * (1 + 1e-12), side="right"))
    part, x = y[begin:end], axes.x[begin:end]
    if part.size < _FEW:
        return []
    fifth = (x[-1] - x[0]) / 5
    ends = [np.median(part[x <= x[0] + fifth]), np.median(part[x >= x[-1] - fifth])]
    away = part - np.interp(x, [x[0] + fifth / 2, x[-1] - fifth / 2], ends)
    limit = max(_FAR * noise_level(away), large)
    edge = max(3, part.size // 50)
    results: list[Excursion] = []
    for up in (True, False):
        places = np.flatnonzero((away if up else -away) > limit)
        # what touches an end is the change that begins or ends the plateau; what returns at once is one excursion,
        # and a single point must lie twice as far off
        for run in np.split(places, np.flatnonzero(np.diff(places) > max(3, part.size // 100)) + 1):
            if not run.size or run[0] < edge or run[-1] >= part.size - edge:
                continue
            if run.size > 1 or abs(away[run[0]]) > 2 * limit:
                furthest = begin + int(run[np.argmax(np.abs(away[run]))])
                results.append(Excursion(up, float(axes.value[furthest]), float(axes.time[furthest])))
    return sorted(results, key=lambda e: e.time)
