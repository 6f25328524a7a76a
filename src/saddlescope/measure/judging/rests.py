"""Rests of a clean curve: stretches of linear time over which it moves ten times slower than before and after."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

REST = 0.1  # of the fastest fall before and after: slower is a rest
_STANDS = 1e-13  # of the largest rate of all: slower is rounding, and all the same


class Rest(NamedTuple):
    """Indices of the first, the slowest and the last point of a rest."""

    first: int
    slowest: int
    last: int


def find_rests(rate: np.ndarray) -> list[Rest]:
    """Return the stretches in which |rate| lies below a tenth of its largest values on either side.

    A rest needs no length and no height: only the drops on its two sides, of whatever size, and the valley between
    them. The start of the curve rests where what follows is ten times faster, its end where what came before was.

    Arguments: `rate` of shape (T,), along the curve.

    >>> find_rests(np.array([0.1, 5.0, 0.2, 0.1, 9.0, 3.0]))
    [Rest(first=0, slowest=0, last=0), Rest(first=2, slowest=3, last=3)]
    """
    speed = np.abs(rate)
    speed = np.maximum(speed, _STANDS * speed.max())
    turns = _turns(speed)
    results = []
    for place, (index, top) in enumerate(turns):
        if top:
            continue
        tops = [turns[k][0] for k in (place - 1, place + 1) if 0 <= k < len(turns)]
        limit = REST * speed[tops].min() if tops else np.inf
        low = tops[0] if place > 0 else -1
        high = tops[-1] if place + 1 < len(turns) else speed.size
        fast = np.flatnonzero(speed[low + 1 : high] > limit) + low + 1
        before, after = fast[fast < index], fast[fast > index]
        first = int(before[-1]) + 1 if before.size else max(low + 1, 0)
        last = int(after[0]) - 1 if after.size else high - 1
        results.append(Rest(first, int(index), last))
    return results


def _turns(speed: np.ndarray) -> list[tuple[int, bool]]:
    """Tops (True) and valleys (False) in turn, each ten times above or below its neighbours."""
    turns: list[tuple[int, bool]] = []
    top = low = 0
    rising: bool | None = None  # whether a top is looked for; unknown at first
    for i, value in enumerate(speed.tolist()):
        if value > speed[top]:
            top = i
        if value < speed[low]:
            low = i
        if rising is not True and value * REST > speed[low]:
            turns.append((low, False))
            rising, top = True, i
        elif rising is not False and value < REST * speed[top]:
            turns.append((top, True))
            rising, low = False, i
    if rising is None:  # it never changes its speed by as much: one rest if it stands, else one movement
        return [] if speed.max() > 0 else [(0, False)]
    turns.append((top, True) if rising else (low, False))
    return turns
