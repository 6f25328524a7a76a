"""The drops between plateaus, and the scale of time that sets those of two curves side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from saddlescope.measure import Stages

_GONE = 1e-3  # a height below this part of the one before is zero beside the floor that a measured loss has


@dataclass(frozen=True)
class Drops:
    """The changes that end plateaus, in order of time; all of shape (drops,).

    time: of the change; before, after: heights on its two sides.
    """

    time: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, stages: Stages) -> Drops:
        """Read them from plateaus; the last of these has none where it runs to the end."""
        over = [p for p in stages if p.over and p.drop_time > 0]
        if over and under_way(stages):
            over.pop()
        before = np.array([p.height for p in over], dtype=float)
        change = np.array([p.change for p in over], dtype=float)
        return cls(np.array([p.drop_time for p in over], dtype=float), before, before + change)

    def __len__(self) -> int:
        return self.time.size

    def part(self, first: int, count: int) -> Drops:
        """Return `count` of them, from the one at place `first`."""
        kept = slice(first, first + count)
        return Drops(self.time[kept], self.before[kept], self.after[kept])

    @property
    def height_ratios(self) -> np.ndarray:
        """Height after over height before, nan where either is not positive or nothing is left."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self.after / self.before
        return np.where((self.before > 0) & (ratios > _GONE), ratios, np.nan)

    @property
    def shares(self) -> np.ndarray:
        """Each change as a fraction of that from the first height to the last: free of units and of a floor."""
        whole = self.before[0] - self.after[-1]
        return (self.before - self.after) / whole if whole else np.full(self.time.size, np.nan)


def under_way(stages: Stages) -> bool:
    """Whether the curve ends within its last drop, whose time and height are then unknown.

    No plateau follows it, what follows is too short to hold one, and something of the height before it is left.
    """
    last = stages.plateaus[-1] if len(stages) else None
    if last is None or not last.over or not last.share > 0:
        return False
    whole = (last.end - last.start) / last.share
    # the end of the curve lies at the whole of its time, which begins near zero
    until = whole / 10**stages.least_decades if stages.time_axis == "log" else whole * (1 - stages.least_decades / 3)
    return last.drop_time > until and abs(last.height + last.change) > _GONE * abs(last.height)


@dataclass(frozen=True)
class Scale:
    """Where drops of the curve lie among those of the run, and the scale of time that sets them side by side.

    measured, predicted: place of the first drop that was matched; count: how many were; ways: how many such places were
    tried. factor: measured over predicted time, spread: standard deviation of the natural logarithm about it.
    """

    measured: int
    predicted: int
    count: int
    ways: int
    factor: float
    spread: float


def free_scale(measured: np.ndarray, predicted: np.ndarray) -> Scale:
    """Return the scale of time on which successive drops agree best.

    The factor is the geometric mean of the ratios: of all factors it leaves the smallest squares of logarithms. Where
    one side has fewer drops, they are laid beside as many successive ones of the other, wherever these fit best: a log
    may begin late or end early.

    Args:
        measured, predicted: times of drops, shapes (m,) and (n,), increasing, two at least.

    >>> result = free_scale(np.array([30.0, 300.0]), np.array([1.0, 2.0, 20.0]))
    >>> result.predicted, result.count, round(result.factor, 6)
    (1, 2, 15.0)
    """
    long, short = (measured, predicted) if measured.size > predicted.size else (predicted, measured)
    ways = long.size - short.size + 1
    away = [np.log(long[k : k + short.size] / short) for k in range(ways)]
    best = min(range(ways), key=lambda k: float(np.std(away[k])))
    mean = float(np.mean(away[best]))
    first = long is measured
    return Scale(
        best if first else 0,
        0 if first else best,
        short.size,
        ways,
        math.exp(mean if first else -mean),
        float(np.std(away[best])),
    )
