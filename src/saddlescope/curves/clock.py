"""Time: runs in one file, resumes, counters that start again in each epoch, and what counts as zero."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from saddlescope.curves.names import EPOCH_RANK, counter_rank
from saddlescope.curves.refusals import CurveError, shown

LEAST_POINTS = 8
LARGEST = 1e100  # larger numbers count as infinite: their squares are
SMALLEST = 1e-150  # smaller ones count as zero: no program logs them, and ratios to them overflow
_STRAY = 2  # rows out of order that are sorted and not taken for a resume


@dataclass
class Runs:
    """Rows of each run, in order of time.

    time: shape (n,), counted through epochs where the counter starts again in each.
    runs: indices into `time` for each run; notes: resumes and strays of each run.
    disordered: whether the times are in no order that a log has.
    """

    time: np.ndarray
    runs: list[np.ndarray]
    notes: list[list[str]] = field(default_factory=list)
    disordered: bool = False
    label: str = ""


def counted_through(x: np.ndarray, epoch: np.ndarray, total: float) -> np.ndarray | None:
    """Return a counter within epochs as one that goes on; None where it does not start again with the epochs.

    Args:
        x, epoch: shape (n,), in the order of the file; total: counts in an epoch, 0 where the log does not say.
    """
    falls = np.flatnonzero(np.diff(x) < 0)
    if not len(falls) or np.mean(epoch[falls + 1] > epoch[falls]) < 0.8:
        return None
    rises = np.flatnonzero(np.diff(epoch) > 0)
    if len(rises) and np.mean(np.isin(rises, falls)) < 0.5:
        return None  # epochs end without the counter going back: it counts something else
    steps = np.diff(np.unique(x))
    spacing = float(np.median(steps)) if len(steps) else 1.0
    lowest = float(x.min())
    length = total or float(x.max()) + (spacing if lowest == 0 else 0.0)
    length = max(length, float(x.max()))
    base = 0.0 if epoch.min() < 1 else 1.0
    return (np.floor(epoch) - base) * length + x


def runs_of(x: np.ndarray, where: list[str] | None = None, name: str = "time") -> Runs:
    """Part the times of a column, shape (n,) in the order of the file, into runs.

    Back to the first value starts a new run; back a little is a resume, whose values replace earlier ones; one or two
    rows out of order are sorted.

    Args:
        x: times as they stand.
        where: says for a row where it stands in the file.
        name: of the column.
    """
    n = len(x)
    steps = np.diff(x)
    falls = np.flatnonzero(steps < 0)
    ties = np.flatnonzero(steps == 0)
    if len(ties) <= max(1, 0.02 * n):
        # a run of one row, started again: its first value comes twice
        falls = np.union1d(falls, ties[x[ties] == x[0]] if len(ties) else ties)
    if not len(falls):
        return Runs(x, [np.arange(n)], [[]])
    if len(falls) > max(20, 0.05 * n):
        second = np.sort(np.unique(x))[:2][-1]
        if np.mean(x[falls + 1] <= second) < 0.8:
            return Runs(x, [np.argsort(x, kind="stable")], [[]], disordered=True)
    return _Parting(x, where, name).part(falls)


class _Parting:
    def __init__(self, x: np.ndarray, where: list[str] | None, name: str):
        self.x, self.where, self.name = x, where, shown(name)
        self.runs: list[np.ndarray] = []
        self.notes: list[list[str]] = []

    def part(self, falls: np.ndarray) -> Runs:
        x, n = self.x, len(self.x)
        kept: list[np.ndarray] = [np.arange(0, falls[0] + 1)]
        notes: list[str] = []
        for number, fall in enumerate(falls):
            start = int(fall) + 1
            stop = int(falls[number + 1]) + 1 if number + 1 < len(falls) else n
            segment = np.arange(start, stop)
            run = np.concatenate(kept)
            times = x[run]
            first, highest, new = float(times.min()), float(times.max()), float(x[start])
            second = float(np.min(times[times > first], initial=np.inf))
            overlap = int(np.searchsorted(x[segment], highest, side="right"))
            back = new <= first or (new <= second and len(run) >= 3 and np.isfinite(second))
            # a row or two below the end, at times that did not come before, are rows out of order
            stray = overlap <= _STRAY and not np.isin(x[segment[:overlap]], times).any()
            if stray and (not back or (len(run) <= _STRAY and overlap < len(segment))) and overlap > 0:
                notes.append(f"{overlap} row{'s' if overlap > 1 else ''} out of order {self._at(start)} sorted in.")
                kept.append(segment)
            elif back:
                self._end(kept, notes)
                kept, notes = [segment], []
            elif overlap == 1 and len(segment) > 1 and np.count_nonzero(times >= new) > _STRAY:
                notes.append(f"One row out of order {self._at(start)} replaces the earlier one of its time.")
                kept.append(segment)
            else:
                replaced = int(np.count_nonzero(times >= new))
                notes.append(
                    f"{self.name} goes back from {x[fall]:g}{self._at(int(fall), ' (', ')')} to "
                    f"{new:g}{self._at(start, ' (', ')')}: "
                    f"taken for a resume, {replaced} earlier point{'s are' if replaced != 1 else ' is'} replaced."
                )
                kept = [run[times < new], segment]
        self._end(kept, notes)
        return Runs(x, self.runs, self.notes)

    def _at(self, row: int, before: str = "at ", after: str = "") -> str:
        return f"{before}{self.where[row]}{after}" if self.where is not None else ""

    def _end(self, kept: list[np.ndarray], notes: list[str]) -> None:
        run = np.concatenate(kept)
        self.runs.append(run[np.argsort(self.x[run], kind="stable")])
        self.notes.append(notes)


def distinct(time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Return strictly increasing times: the last value at each time, or the mean where times repeat as a rule."""
    if len(time) < 2 or np.all(np.diff(time) > 0):
        return time, value, ""
    times, first, counts = np.unique(time, return_index=True, return_counts=True)
    repeated = int(np.count_nonzero(counts > 1))
    if repeated > 0.1 * len(times):
        return times, np.add.reduceat(value, first) / counts, (
            f"{repeated} times have several values: their mean is taken."
        )  # fmt: skip
    return times, value[first + counts - 1], (
        f"{repeated} time{'s have' if repeated > 1 else ' has'} several values: the last is taken."
    )  # fmt: skip


def zero(time: np.ndarray, every: np.ndarray, x: str, count_from: float | str | None) -> tuple[float, str, str]:
    """Return what to subtract from the times, the label of the result, and a sentence where it is not zero.

    Args:
        time: increasing times of the curve, shape (n,); every: all times of the file, which say where it starts.
        x: name of the column; count_from: a number, "file", "raw", or None for the rule of the column.

    Raises: CurveError for times below zero that are asked for as they are.
    """
    name = shown(x)
    starts = np.unique(every[np.isfinite(every)])
    starts = starts[starts <= time[0]] if np.any(starts <= time[0]) else time[:1]
    first = float(starts[0])
    grid = np.unique(np.concatenate([starts, time[:20]]))
    spacing = float(np.median(np.diff(grid[:20]))) if len(grid) > 1 else 1.0
    if isinstance(count_from, int | float):
        if time[-1] < count_from:
            raise CurveError(
                f"No point has {name} of at least {count_from:g}: it ends at {time[-1]:g}; count from less."
            )
        return float(count_from), f"{name} - {count_from:g}" if count_from else name, ""
    if count_from == "raw":
        return 0.0, name, ""
    whole = bool(np.all(time == np.floor(time)))
    if count_from is None and counter_rank(x) == EPOCH_RANK and whole and first == 0:
        return -1.0, f"{name} + 1", f"{name} counts from 0, which is kept: time is {name} + 1."
    if first < 0:
        offset = first if not (whole and first == -1) else -1.0
        return offset, f"{name} + {-offset:g}", f"{name} starts at {first:g}: time is {name} + {-offset:g}."
    far = first > 20 * spacing and time[-1] < 20 * first
    if count_from == "file" or far:
        offset = first - spacing
        if offset <= 0:
            return 0.0, name, ""
        return offset, f"{name} - {offset:g}" if offset < 1e6 else f"{name} - {offset:.0f}", (
            f"{name} starts at {first:.10g}: counted from the start of the file (time is {name} - {offset:.10g})."
        )  # fmt: skip
    return 0.0, name, ""
