"""The door: from the path of a log to its curves."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Literal

import numpy as np

from saddlescope.arguments import path_of
from saddlescope.curves import names
from saddlescope.curves.choosing import ROW, Chosen, Clock, choose_x, choose_y, quantities
from saddlescope.curves.clock import LARGEST, LEAST_POINTS, SMALLEST, distinct, zero
from saddlescope.curves.curve import Curve, LeftOut
from saddlescope.curves.parting import parted
from saddlescope.curves.recognising import read_bytes
from saddlescope.curves.refusals import CurveError, listed, shown
from saddlescope.curves.tables import Log

_MOST_FILES = 2000
_MOST_BYTES = 2**31
_LOG_NAMES = (
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".ndjson",
    ".log",
    ".txt",
    ".npz",
    ".npy",
    ".nc",
    ".out",
    ".gz",
    ".parquet",
)


def read_curve(
    path: str | os.PathLike[str],
    y: str | int | None = None,
    x: str | int | None = None,
    *,
    run: str | int = "last",
    count_from: float | Literal["file", "raw"] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
) -> Curve:
    """Return one curve of a training log; what kind of file it is, its content says.

    Args:
        path: a file, or a folder with the logs of a run: CSV and other tables of text, JSON and JSON lines, printed
            logs, TensorBoard event files, MLflow, npy, npz, netCDF of saddlescope, Parquet; packed by gzip or not.
        y, x: name or number (from 1) of the columns; by default the training loss, else the mean reward, over the best
            counter of steps or epochs. `x="row"` counts rows.
        run: "last" or a number from 1, where several runs follow each other in one file.
        count_from: the x at which time is zero; "raw" for x as it stands, "file" for the start of the file. By default
            x as it stands, except that whole epochs from 0 count from 1 and a file that starts far from zero counts
            from its start.
        separator, decimal: of a table of text, where its content misleads.

    Returns: the curve, whose `notes` say what was left out and how time counts. `plateaus` takes it as it is.

    Raises: CurveError for a file without such a curve, or with several where none is named; see `read_curves`.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "history.csv"
    >>> _ = path.write_text("epoch,loss,val_loss\\n" + "".join(f"{k},{1 / (k + 1)},{2 / (k + 1)}\\n" for k in range(9)))
    >>> curve = read_curve(path)
    >>> curve.y, curve.time_label, len(curve), float(curve.time[0])
    ('loss', 'epoch + 1', 9, 1.0)
    """
    curves = read_curves(
        path, y, x, run=run, count_from=count_from, separator=separator, decimal=decimal
    )  # fmt: skip
    if len(curves) > 1:
        runs = listed(curve.run or curve.y for curve in curves)
        raise CurveError(
            f"{shown(Path(path).name)} holds {len(curves)} curves ({runs}); name one by `y`, or read all by "
            "`read_curves`."
        )
    return curves[0]


def read_curves(
    path: str | os.PathLike[str],
    y: str | int | list[str | int] | None = None,
    x: str | int | None = None,
    *,
    run: str | int = "last",
    count_from: float | Literal["file", "raw"] | None = None,
    separator: str | None = None,
    decimal: str | None = None,
) -> list[Curve]:
    """Return the curves of a training log, one for each run and column asked for.

    Args:
        y: a name, a number, or a list of them; by default one column for each run.
        run: as in `read_curve`, or "all".
        path, x, count_from, separator, decimal: as in `read_curve`.

    Raises: CurveError for a file without such a curve.
    """
    log = read_log(path, separator=separator, decimal=decimal)
    return curves_of(log, y, x, run=run, count_from=count_from)


def read_log(path: str | os.PathLike[str], *, separator: str | None = None, decimal: str | None = None) -> Log:
    """Return all columns that a file or the files of a folder hold, with nothing chosen.

    Raises: CurveError for what is no log.
    """
    path = path_of("path", path)
    name = shown(path.name or str(path))
    try:
        if path.is_dir():
            return _folder(path, name)
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise CurveError(f"{name} is neither a file nor a folder; name a log, or - for the standard input.")
        if path.stat().st_size > _MOST_BYTES:
            raise CurveError(f"{name} is larger than 2 GB; thin it out first, every tenth row is enough.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise CurveError(
            f"There is no file {shown(str(path))}; name a log, a folder, or - for the standard input."
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, CurveError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CurveError(f"{name} cannot be opened ({reason}); check its path and rights.") from None
    return log_of_bytes(data, name, path, separator=separator, decimal=decimal)


def log_of_bytes(
    data: bytes, name: str, path: Path | None = None, *, separator: str | None = None, decimal: str | None = None
) -> Log:
    """Return all columns in the bytes of a file called `name`.

    Raises: CurveError for what is no log.
    """
    log = read_bytes(data, name, path, separator, decimal)
    log.source = name
    return parted(log)


def _folder(path: Path, name: str) -> Log:
    """Return what the files of a folder hold: event files below it, else metric files of MLflow, else other logs."""
    files: list[Path] = []
    for folder, folders, result in os.walk(path):
        folders.sort()
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        files += [Path(folder) / entry for entry in sorted(result) if not entry.startswith(".")]
        if len(files) > 50 * _MOST_FILES:
            break
    events = [file for file in files if "tfevents" in file.name]
    metrics = [file for file in files if "metrics" in file.relative_to(path).parts[:-1] and file.suffix in ("", ".txt")]
    others = [file for file in files if file.suffix.lower() in _LOG_NAMES and file.parent == path]
    wanted = events or metrics or others or [f for f in files if f.suffix.lower() in _LOG_NAMES]
    if not wanted:
        raise CurveError(
            f"The folder {name} holds no log that is known by its name "
            f"({listed(f.name for f in files) or 'it is empty'})."
        )
    tables, notes, formats, refused = [], [], [], []
    for file in wanted[:_MOST_FILES]:
        run = file.parent.relative_to(path).as_posix()
        if wanted is metrics:
            run = run.split("/metrics")[0] if "/metrics" in f"/{run}" else run
            run = "" if run.startswith("metrics") else run
        try:
            data = file.read_bytes()
            log = log_of_bytes(data, shown(file.name), file)
        except (CurveError, OSError) as error:
            refused.append(f"{shown(file.name)}: {error}")
            continue
        for table in log.tables:
            if wanted is metrics and "/" in file.parent.relative_to(path).as_posix().partition("metrics/")[2]:
                table.kind = table.kind or file.parent.name
            parts = [part for part in (run if run != "." else "", table.run) if part]
            if wanted is not events and wanted is not metrics and len(wanted) > 1:
                parts.append(file.name)
            table.run = "/".join(parts)
        tables += log.tables
        notes += [f"{shown(file.name)}: {note}" for note in log.notes]
        formats.append(log.format)
    if not tables:
        raise CurveError(f"None of the {len(wanted)} logs in the folder {name} holds a curve; the first: {refused[0]}")
    if wanted is events:
        tables = _joined(tables)
    if refused:
        notes.append(f"{len(refused)} of {len(wanted)} files hold no curve, the first: {refused[0]}")
    kinds = list(dict.fromkeys(formats))
    what = f"folder, {', '.join(kinds[:3])}"
    log = Log(what, tables, notes, name)
    for number, column in enumerate((column for table in tables for column in table.columns), start=1):
        column.number = number
    return log


def _joined(tables: list) -> list:
    """Set event files of one run and tag, as a resumed run leaves them, behind each other."""
    import dataclasses

    results: dict[tuple[str, str], Any] = {}
    for table in tables:
        key = (table.run, table.columns[-1].name)
        before = results.get(key)
        if before is None:
            results[key] = table
            continue
        columns = [
            dataclasses.replace(a, values=np.concatenate([a.values, b.values]))
            for a, b in zip(before.columns, table.columns, strict=True)
        ]
        lines = np.concatenate([before.lines, table.lines])
        results[key] = dataclasses.replace(before, columns=columns, length=before.length + table.length, lines=lines)
    return list(results.values())


def curves_of(
    log: Log,
    y: str | int | list[str | int] | None = None,
    x: str | int | None = None,
    *,
    run: str | int = "last",
    count_from: float | str | None = None,
) -> list[Curve]:
    """Return the curves of a log that is read, as `read_curves`.

    Raises: CurveError.
    """
    _check(run, count_from)
    asked = None if y is None else [y] if isinstance(y, str | int) else list(y)
    curves = []
    chosen = choose_y(log, asked)
    for one in chosen:
        clock = choose_x(one, x, log.source)
        curves += _curves(log, one, clock, run, count_from, asked is None)
    return curves


def _check(run: str | int, count_from: float | str | None) -> None:
    text = str(run)
    if text not in ("last", "all") and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise CurveError(f"The run must be 'last', 'all' or a number from 1, but got {shown(text)!r}.")
    if isinstance(count_from, str) and count_from not in ("file", "raw"):
        raise CurveError(f"Time counts from a number, 'file' or 'raw', but got {shown(count_from)!r}.")
    if isinstance(count_from, int | float) and not np.isfinite(count_from):
        raise CurveError(f"Time counts from a finite number, but got {count_from}.")


def _curves(
    log: Log, chosen: Chosen, clock: Clock, run: str | int, count_from: float | str | None, by_default: bool
) -> list[Curve]:
    runs = clock.runs.runs
    wanted, note = _wanted(runs, run, chosen, log.source)
    return [_curve(log, chosen, clock, number, count_from, by_default, note) for number in wanted]


def _wanted(runs: list[np.ndarray], run: str | int, chosen: Chosen, source: str) -> tuple[list[int], str]:
    """Return which runs are taken, and a sentence where there are several."""
    if len(runs) == 1 and str(run) in ("last", "all", "1"):
        return [0], ""
    sizes = [len(one) for one in runs]
    listing = (
        f"{', '.join(map(str, sizes[:-1]))} and {sizes[-1]}" if len(sizes) <= 12 else f"{min(sizes)} to {max(sizes)}"
    )
    there = f"{len(runs)} runs in one file ({listing} points)" if len(runs) > 1 else "one run"
    if run == "all":
        long = [number for number, size in enumerate(sizes) if size > 1]
        return long or [len(runs) - 1], f"{there}: each of more than one is a curve."
    if run != "last":
        if int(run) > len(runs):
            raise CurveError(
                f"{source} has no run {run} of {shown(chosen.column.name)}: it has {there}; take --run last, "
                "all or a lower number."
            )
        return [int(run) - 1], f"{there}; run {run} is taken."
    last = len(runs) - 1
    if sizes[last] < LEAST_POINTS <= max(sizes):
        last = max(number for number, size in enumerate(sizes) if size >= LEAST_POINTS)
        return [last], f"{there}; the last is too short, run {last + 1} is taken (--run for another)."
    return [last], f"{there}; the last is taken (--run for another)."


def _curve(
    log: Log,
    chosen: Chosen,
    clock: Clock,
    number: int,
    count_from: float | str | None,
    by_default: bool,
    runs_note: str,
) -> Curve:
    table, column = chosen.table, chosen.column
    rows = clock.runs.runs[number]
    time, value = clock.runs.time[rows], column.values[clock.rows[rows]]
    notes = [runs_note] if runs_note else []
    notes += [clock.note] if clock.note else []
    notes += clock.runs.notes[number] if clock.runs.notes else []
    good = np.abs(value) < LARGEST  # False for nan
    left_out = LeftOut()
    if not good.all():
        places = clock.rows[rows[~good]] if column.rows is None else column.rows[clock.rows[rows[~good]]]
        bad = value[~good]
        nan = int(np.count_nonzero(np.isnan(bad)))
        left_out = LeftOut(nan, len(bad) - nan, table.line(int(places.min())))
        parts = [f"{count} {name}" for count, name in ((left_out.nan, "nan"), (left_out.inf, "inf")) if count]
        plural = "s" if len(bad) > 1 else ""
        notes.append(
            f"{len(bad)} row{plural} without a finite value {'are' if plural else 'is'} left out ({', '.join(parts)}), "
            f"the first at {left_out.first}."
        )
    time, value = time[good], value[good]
    value = np.where(np.abs(value) < SMALLEST, 0.0, value)
    if len(time) < 2:
        what = f"has {len(time)} finite value{'s' if len(time) != 1 else ''}" + (f" and {left_out}" if left_out else "")
        raise CurveError(
            f"The column {shown(column.name)} of {log.source} {what}, which is no curve; "
            "take another of "
            f"{listed(c.column.name for c in quantities(log)) or listed(c.name for c in table.columns)}."
        )
    time, value, repeated = distinct(time, value)
    notes += [repeated] if repeated else []
    if clock.name == ROW:
        offset, label, sentence = 0.0, ROW, ""
    else:
        offset, label, sentence = zero(time, clock.every, clock.name, count_from)
    notes += [sentence] if sentence else []
    time = time - offset
    time = np.where(np.abs(time) < SMALLEST, 0.0, time)
    if time[0] < 0:
        early = int(np.count_nonzero(time < 0))
        if isinstance(count_from, int | float):
            notes.append(f"{early} points before {count_from:g} are left out.")
            time, value = time[early:], value[early:]
        else:
            raise CurveError(
                f"{shown(clock.name)} of {log.source} starts at {time[0]:g}, below zero; count from the file "
                "(--from file)."
            )
    if len(np.unique(time)) < len(time):
        time, value, _ = distinct(time, value)
    notes += _remarks(log, chosen, clock, len(clock.runs.runs), by_default)
    run = table.run
    if len(clock.runs.runs) > 1:
        run = ", ".join(part for part in (run, f"{number + 1} of {len(clock.runs.runs)}") if part)
    name = column.alias or column.name
    return Curve(
        time=np.ascontiguousarray(time),
        value=np.ascontiguousarray(value),
        x=shown(clock.name),
        y=shown(column.name),
        run=shown(run),
        source=log.source,
        format=log.format,
        bounded=names.is_bounded(name),
        held_out=names.is_held_out(column.name),
        time_offset=offset,
        time_label=label,
        left_out=left_out,
        notes=tuple(notes),
    )


def _remarks(log: Log, chosen: Chosen, clock: Clock, runs: int, by_default: bool) -> list[str]:
    """Say what the file holds beside the curve, and what was done to read it."""
    table, column = chosen.table, chosen.column
    remarks = list(log.notes)
    if table.repeated:
        lines = ", ".join(map(str, table.repeated[:5])) + (" and more" if len(table.repeated) > 5 else "")
        on = "; steps go on, so this is one run" if runs == 1 else ""
        remarks.append(f"The header is repeated at line{'s' if len(table.repeated) > 1 else ''} {lines}{on}.")
    empty = table.length - len(column)
    if empty > 0:
        remarks.append(f"{empty} of {table.length} rows have no {shown(column.name)} and are no points.")
    if clock.others:
        remarks.append(f"x is {shown(clock.name)}; other counters are {listed(clock.others)} (--x).")
    if by_default:
        offered = [c for c in quantities(log) if c.table.run == table.run]
        others = [c.column.alias or c.column.name for c in offered if c.column is not column]
        if others:
            remarks.append(f"Other columns: {listed(others)} (--y NAME).")
    idle = [c for t in log.tables if not t.clock for c in t.columns if not c.quantity]
    if idle:
        words = dict.fromkeys(f"{shown(c.name)} (in {c.unit})" if c.unit else shown(c.name) for c in idle)
        remarks.append(f"Times, rates and sizes are no curves: {listed(words)}.")
    return remarks
