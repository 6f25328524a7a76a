"""Curves of files, judged: what is asked of each, and the plateaus that it has."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from saddlescope.curves import Curve, CurveError
from saddlescope.curves.clock import LEAST_POINTS
from saddlescope.curves.reading import curves_of, log_of_bytes, read_log
from saddlescope.curves.refusals import shown
from saddlescope.curves.tables import Log

if TYPE_CHECKING:
    from saddlescope.measure import Stages
    from saddlescope.study import Comparison


@dataclass(frozen=True)
class Asked:
    """What is asked of each file: columns, axes, thresholds, and how its text is cut."""

    y: tuple[str, ...] = ()
    x: str | None = None
    time: Literal["log", "linear"] = "log"
    values: Literal["auto", "log", "linear"] = "auto"
    count_from: str | None = None
    run: str = "last"
    slope: float = 0.2
    least_decades: float = 0.25
    separator: str | None = None
    decimal: str | None = None


@dataclass(frozen=True)
class Judged:
    """A curve, what was found on it, and how it stands beside a run of a spec where one was asked for."""

    curve: Curve
    stages: Stages
    comparison: Comparison | None = None


def read(file: str, asked: Asked) -> Log:
    """Return all that a file, a folder or the standard input holds.

    Raises: CurveError.
    """
    if file == "-":
        data = sys.stdin.buffer.read(2**31 + 1)
        if len(data) > 2**31:
            raise CurveError("The standard input holds more than 2 GB; thin it out first, every tenth row is enough.")
        return log_of_bytes(data, "standard input", separator=asked.separator, decimal=asked.decimal)
    return read_log(file, separator=asked.separator, decimal=asked.decimal)


def judged(log: Log, asked: Asked) -> list[Judged]:
    """Return the curves asked for with their plateaus.

    Raises: CurveError where a curve is not there or has too few points.
    """
    curves = curves_of(log, list(asked.y) or None, asked.x, run=asked.run, count_from=_zero(asked.count_from))
    results: list[Judged] = []
    refused: CurveError | None = None
    for curve in curves:
        try:
            results.append(Judged(curve, judge(curve, asked)))
        except CurveError as error:
            refused = error
    if refused is not None and not results:
        raise refused
    return results


def judge(curve: Curve, asked: Asked) -> Stages:
    """Return the plateaus of a curve.

    Raises: CurveError for fewer than 8 points that have a place on the axis of time.
    """
    from saddlescope.measure import plateaus

    placed = int((curve.time > 0).sum()) if asked.time == "log" else len(curve)
    if placed < LEAST_POINTS:
        raise CurveError(
            f"{curve.y} of {curve.source} has {placed} points after time 0, and plateaus need at least {LEAST_POINTS}: "
            "log more often, or take another column or run (--list shows them)."
        )
    return plateaus(
        curve, values=asked.values, time_axis=asked.time, slope=asked.slope, least_decades=asked.least_decades
    )


def _zero(text: str | None) -> float | Literal["file", "raw"] | None:
    if text is None or text == "file" or text == "raw":
        return text
    try:
        return float(text)
    except ValueError:
        raise CurveError(f"--from takes a number, 'file' or 'raw', but got {shown(text)!r}.") from None
