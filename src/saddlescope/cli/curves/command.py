"""`saddlescope plateaus`: from the words of the command line to judged curves."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
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


def tell_plateaus(
    files: tuple[str, ...],
    asked: Asked,
    *,
    only_list: bool,
    as_json: bool,
    picture: Path | None,
    follow: bool,
    spec: str | None = None,
) -> int:
    """Read the files, judge their curves and print what was found; return the exit code.

    A file that is refused is told on the standard error, and the others are still told; the code is then 2.
    """
    if not files:
        raise CurveError(
            "Name a training log, a folder of logs, or - for the standard input: saddlescope plateaus FILE."
        )
    unknown = next((file for file in files if file.startswith("-") and file != "-"), None)
    if unknown is not None:
        raise CurveError(f"Unknown option: {shown(unknown)}; `saddlescope plateaus --help` lists them all.")
    if follow:
        from saddlescope.cli.curves.following import follow_file

        first, *others = files
        if others or first == "-" or as_json or only_list or picture is not None or spec is not None:
            raise CurveError(
                "--follow watches one file and prints as it grows; name one file, without --list, --json, --plot and "
                "--compare."
            )
        return follow_file(Path(first), asked)
    if picture is not None:
        from saddlescope.cli.curves.picture import check_picture

        check_picture(picture)
    model = None
    if spec is not None and not only_list:
        from saddlescope.cli.curves.comparing import Model

        model = Model(spec)
    results: list[tuple[Log, list[Judged]]] = []
    failures = 0
    for file in files:
        try:
            log = read(file, asked)
            results.append((log, [] if only_list else judged(log, asked)))
        except CurveError as error:
            if len(files) == 1:
                raise
            print(f"saddlescope: {error}", file=sys.stderr)
            failures += 1
    if model is not None:
        results = [(log, [model.beside(one) for one in curves]) for log, curves in results]
    if results:
        _tell(results, only_list, as_json, len(files) > 1)
        if picture is not None and not only_list:
            from saddlescope.cli.curves.picture import draw

            # the standard output may be JSON that a program reads
            print(draw([one for _, curves in results for one in curves], picture), file=sys.stderr if as_json else None)
    return 2 if failures else 0


def _tell(results: list[tuple[Log, list[Judged]]], only_list: bool, as_json: bool, several: bool) -> None:
    from saddlescope.cli.curves import machine, telling

    if only_list:
        telling.tell_columns([log for log, _ in results])
    elif as_json:
        machine.print_json(results, several)
    else:
        telling.tell([one for _, curves in results for one in curves], side_by_side=several)


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
