"""The result of a search for plateaus: what was found, how, and what to doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Method = Literal["slope", "partition"]
Scale = Literal["log", "log above the noise", "linear"]


@dataclass(frozen=True)
class Plateau:
    """A stretch of log time over which a curve hardly moves, and the drop that ends it.

    start, end: first and last time; decades: log10(end / start); points: curve points inside.
    height: median of the value over log time; spread: half the way from its 16th to its 84th percentile.
    factor: height over the height of the next plateau, over the last value where none follows.
    drop_time: time at which the value falls fastest per decade of time (noisy curve: at which it is half way
    down). Both are nan where the curve ends before the plateau.
    """

    start: float
    end: float
    height: float
    spread: float
    decades: float
    points: int
    factor: float = math.nan
    drop_time: float = math.nan

    @property
    def over(self) -> bool:
        """Whether the curve leaves the plateau before it ends."""
        return not math.isnan(self.drop_time)


@dataclass(frozen=True)
class Stages:
    """The plateaus of a curve in order of time; iterable, with a length, and printed as a table.

    method: "slope" (clean curve: local slope) or "partition" (noisy curve: penalised partition).
    scale: of the values: "log", "log above the noise" (some are not positive), or "linear".
    noise: standard deviation of one point, relative to the value on the log scale, else to the range.
    correlation: lag-1 autocorrelation of the noise.
    slope, least_decades, distinct: the thresholds used.
    learnt: time from which the value stays below the floor, nan if it does not.
    doubts: plain sentences about what may be wrong with this result.
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

    def __len__(self) -> int:
        return len(self.plateaus)

    def __iter__(self) -> Iterator[Plateau]:
        return iter(self.plateaus)

    def __getitem__(self, index: int) -> Plateau:
        return self.plateaus[index]

    def __str__(self) -> str:
        names = ("", "start", "end", "decades", "height", "spread", "drop", "drop time")
        patterns = ("{:.3g}", "{:.3g}", "{:.2f}", "{:.5g}", "{:.1e}", "× {:.3g}", "{:.4g}")
        rows: list[tuple[str, ...]] = [names]
        for number, p in enumerate(self.plateaus, start=1):
            numbers = (p.start, p.end, p.decades, p.height, p.spread, p.factor, p.drop_time)
            cells = ("–" if math.isnan(v) else f.format(v) for v, f in zip(numbers, patterns, strict=True))
            rows.append((str(number), *cells))
        widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        found = f"{len(self)} plateau{'' if len(self) == 1 else 's'}"
        how = "local slope of a clean curve" if self.method == "slope" else "partition of a noisy curve"
        head = f"{found} ({how}; |slope| < {self.slope:g} for {self.least_decades:g} decades)"
        tail = [] if math.isnan(self.learnt) else [f"Learnt (below the floor) from t = {self.learnt:.4g}."]
        tail += [f"! {doubt}" for doubt in self.doubts]
        return "\n".join([head, *(lines if self.plateaus else []), *tail])

    __repr__ = __str__
