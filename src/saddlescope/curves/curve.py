"""A curve read from a training log: times, values, and how they were read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LeftOut:
    """Points without a finite value: how many were nan, how many infinite (beyond 1e100), where the first stood."""

    nan: int = 0
    inf: int = 0
    first: str = ""

    def __bool__(self) -> bool:
        return self.nan + self.inf > 0

    def __str__(self) -> str:
        parts = [f"{count} {name}" for count, name in ((self.nan, "nan"), (self.inf, "inf")) if count]
        return f"{', '.join(parts)} left out, first at {self.first}" if parts else "none left out"


@dataclass(frozen=True, eq=False, repr=False)
class Curve:
    """One quantity over time, read from a log; `saddlescope.plateaus` takes it as it is.

    Attributes:
        time: shape (n,), not negative, strictly increasing; counted as `time_label` says.
        value: shape (n,), finite.
        x, y: names of the columns in the file.
        run: which run of the file, such as "3 of 3" or the name of a run; empty where there is one.
        source: name of the file; format: its format in words.
        bounded: whether the name is that of an accuracy, score or reward, whose values are judged by their range.
        held_out: whether the name is that of a validation, test or evaluation quantity.
        time_offset: what was subtracted from x to get `time`; -1 where epochs are counted from 0.
        time_label: how time counts, such as "epoch + 1" or "Step - 250000".
        left_out: points without a finite value.
        notes: what a reader should know about how the file was read.
    """

    time: np.ndarray
    value: np.ndarray
    x: str = ""
    y: str = ""
    run: str = ""
    source: str = ""
    format: str = ""
    bounded: bool = False
    held_out: bool = False
    time_offset: float = 0.0
    time_label: str = ""
    left_out: LeftOut = LeftOut()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the quantity, `y`."""
        return self.y

    def __len__(self) -> int:
        return len(self.time)

    @property
    def head(self) -> str:
        """What was read, in one line."""
        run = f", run {self.run}" if self.run else ""
        source = f", {self.source} ({self.format})" if self.source else ""  # none where it was made of arrays
        return f"{self.y or 'value'} over {self.time_label or self.x or 'time'}, {len(self)} points{run}{source}"

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs, sparkline

        head, *told = repr(self).split("\n")
        line = sparkline(self.time, self.value, label="the curve over log time")
        return pairs(head, [("", sentence.strip()) for sentence in told], line)

    def __repr__(self) -> str:
        time, value = self.time, self.value
        span = (
            f"time {time[0]:.6g} to {time[-1]:.6g}, value {value[0]:.5g} to {value[-1]:.5g}" if len(self) else "empty"
        )
        lines = [f"Curve: {self.head}", f"  {span}"]
        if self.left_out:
            lines.append(f"  {self.left_out}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
