"""The result of a search for plateaus: what was found, how, what it tells, and what to doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

Method = Literal["slope", "partition", "rests"]
Scale = Literal["log", "log above the noise", "linear"]
Clock = Literal["log", "linear"]

_NAMES = ("", "start", "end", "decades", "height", "spread", "drop", "drop time")
_HOW = {
    "slope": "local slope of a clean curve",
    "partition": "partition of a noisy curve",
    "rests": "rests of a clean curve",
}


def _same(one: object, other: object) -> bool:
    """Whether two results say the same; times that do not exist, nan, are equal here."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        assert isinstance(other, tuple)
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Plateau | Stages):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    # nan is the only value that does not equal itself
    return one == other or (one != one and other != other)


@dataclass(frozen=True)
class Plateau:
    """A stretch of time over which a curve hardly moves, and the change that ends it.

    start, end: first and last time; decades: log10(end / start), inf for a start at zero; points: curve points inside.
    height: median of the value over the stretch; spread: half the way from its 16th to its 84th percentile.
    factor: height over the height of the next plateau, over the last value where none follows.
    drop_time: time at which the value falls fastest per decade of time (noisy curve, linear time: at which it is half
    way down). Both are nan where the curve ends before the plateau.
    first, last: median of the value over the first and the last fifth of the stretch.
    share: of the whole time that the curve spans, in linear time.
    change: height of what follows (as in `factor`) minus the height: positive for a rise, nan at the end of the curve.
    bumps, collapses: how often the value leaves the stretch upwards and downwards for a short while.
    """

    start: float
    end: float
    height: float
    spread: float
    decades: float
    points: int
    factor: float = math.nan
    drop_time: float = math.nan
    first: float = math.nan
    last: float = math.nan
    share: float = math.nan
    change: float = math.nan
    bumps: int = 0
    collapses: int = 0

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    @property
    def over(self) -> bool:
        """Whether the curve leaves the plateau before it ends."""
        return not math.isnan(self.drop_time)


@dataclass(frozen=True)
class Stages:
    """The plateaus of a curve in order of time; iterable, with a length, and printed as a table.

    method: "slope" (clean curve: local slope), "partition" (noisy curve: penalised partition) or "rests" (clean curve
    in linear time: ten times slower than before and after).
    scale: of the values: "log", "log above the noise" (some are not positive), or "linear" (fractions of the range).
    noise: standard deviation of one point, relative to the value on the log scale, else to the range.
    correlation: lag-1 autocorrelation of the noise.
    slope, least_decades, distinct: the thresholds used; on the linear scale 10 to the fraction of the range.
    learnt: time from which the value stays below the floor, nan if it does not.
    doubts: plain sentences about what may be wrong with this result.
    time_axis: "log" or "linear". lowest, highest: the extreme value and its time.
    notes: plain sentences about what the curve does besides resting.
    """

    plateaus: tuple[Plateau, ...]
    method: Method
    scale: Scale
    noise: float
    correlation: float
    slope: float
    least_decades: float
    distinct: float
    learnt: float = math.nan
    doubts: tuple[str, ...] = ()
    time_axis: Clock = "log"
    lowest: tuple[float, float] = (math.nan, math.nan)
    highest: tuple[float, float] = (math.nan, math.nan)
    notes: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return _same(self, other)

    @property
    def value_axis(self) -> Scale:
        """The scale of the values: in decades, or in fractions of the range."""
        return self.scale

    def __len__(self) -> int:
        return len(self.plateaus)

    def __iter__(self) -> Iterator[Plateau]:
        return iter(self.plateaus)

    def __getitem__(self, index: int) -> Plateau:
        return self.plateaus[index]

    def change_of(self, index: int) -> str | None:
        """Say how the curve goes on after a plateau: "drop × 2.7", "rise × 1.9", on the linear scale "rise by 0.31".

        None for a plateau that runs to the end.
        """
        plateau = self.plateaus[index]
        if math.isnan(plateau.change):
            return None
        word = "rise" if plateau.change > 0 else "drop"
        if self.scale == "linear":
            # values of one sign that change by a factor have both; the difference is what was judged
            after = plateau.height + plateau.change
            ratio = after / plateau.height if plateau.height * after > 0 else math.nan
            times = max(ratio, 1 / ratio) if ratio > 0 else math.nan
            factor = f" (× {times:.3g})" if 1.2 < times < 1000 else ""
            return f"{word} by {abs(plateau.change):.3g}{factor}"
        ratio = plateau.factor
        if not ratio > 0:
            return f"{word} by {abs(plateau.change):.3g}"
        return f"{word} × {max(ratio, 1 / ratio):.3g}"

    def __str__(self) -> str:
        rows = [_NAMES, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_NAMES))]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([self._head(), *(lines if self.plateaus else []), *self._below()])

    def _rows(self) -> list[tuple[str, ...]]:
        """The cells of the table, a row for each plateau."""
        patterns = ("{:.3g}", "{:.3g}", "{:.2f}", "{:.5g}", "{:.1e}", "× {:.3g}", "{:.4g}")
        rows: list[tuple[str, ...]] = []
        for number, p in enumerate(self.plateaus, start=1):
            numbers = (p.start, p.end, p.decades, p.height, p.spread, p.factor, p.drop_time)
            cells = ["–" if math.isnan(v) else f.format(v) for v, f in zip(numbers, patterns, strict=True)]
            if p.change > 0 or (self.scale == "linear" and not math.isnan(p.change)):
                cells[5] = self.change_of(number - 1) or "–"
            rows.append((str(number), *cells))
        return rows

    def _head(self) -> str:
        result = f"{len(self)} plateau{'' if len(self) == 1 else 's'}"
        if self.method == "rests":
            return f"{result} ({_HOW[self.method]}; ten times slower than before and after, in linear time)"
        if self.time_axis == "linear":
            return f"{result} ({_HOW[self.method]}; in linear time)"
        return f"{result} ({_HOW[self.method]}; |slope| < {self.slope:g} for {self.least_decades:g} decades)"

    def _below(self) -> list[str]:
        tail = [] if math.isnan(self.learnt) else [f"Learnt (below the floor) from t = {self.learnt:.4g}."]
        return [*tail, *self.notes, *(f"! {doubt}" for doubt in self.doubts)]

    def _repr_html_(self) -> str:
        from saddlescope.summary import grid, sparkline

        # the curve itself is not kept: its plateaus are drawn, and joined
        time = np.array([t for p in self.plateaus for t in (p.start, p.end)], dtype=float)
        height = np.array([h for p in self.plateaus for h in (p.first, p.last)], dtype=float)
        line = sparkline(time, height, label="plateaus over log time") if self.plateaus else ""
        return grid(self._head(), _NAMES, self._rows(), self._below(), line)

    __repr__ = __str__
