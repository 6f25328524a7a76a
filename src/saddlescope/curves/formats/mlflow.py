"""MLflow: metric files (time, value, step, one a line) and the SQLite database."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import numpy as np

from saddlescope.curves.refusals import CurveError, listed
from saddlescope.curves.tables import Column, Log, Table

_LINE = re.compile(r"(\d{12,14}) (\S+) (-?\d+)$")
_MOST_ROWS = 20_000_000


def read_metric_file(text: str, name: str, run: str = "") -> Log | None:
    """Return the metric of a file whose lines are "milliseconds value step", None where they are not.

    Args:
        text: the whole file.
        run: of which the metric is.
        name: the name of the file, which is that of the metric.
    """
    first = text.split("\n", 1)[0].strip()
    if not _LINE.match(first):
        return None
    stamps, values, steps, lines = [], [], [], []
    bad = []
    rows = text.split("\n")
    for number, line in enumerate(rows, start=1):
        if not line.strip():
            continue
        match = _LINE.match(line.strip())
        try:
            value = float(match[2]) if match else None
        except ValueError:
            value = None
        if match is None or value is None:
            bad.append(number)
            continue
        stamps.append(float(match[1]))
        values.append(value)
        steps.append(float(match[3]))
        lines.append(number)
    if len(bad) > len(lines):
        return None
    notes = [f"{len(bad)} lines are left out, the first is line {bad[0]}."] if bad else []
    columns = [
        Column("step", np.array(steps), number=3),
        Column(name, np.array(values), number=2),
        Column("timestamp", np.array(stamps), number=1, quantity=False),
    ]
    table = Table(columns, len(lines), np.array(lines, dtype=np.int64), run=run, clock="step")
    return Log("MLflow metric file", [table], notes)


def read_database(path: Path, name: str) -> Log:
    """Return the metrics of an MLflow database, one table for each metric and run.

    Raises: CurveError where the database is none of MLflow or holds no metric.
    """
    tables = []
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA query_only = ON")
            known = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if "metrics" not in known:
                raise CurveError(
                    f"{name} is an SQLite database without the table `metrics` of MLflow (it holds "
                    f"{listed(known) or 'none'}); "
                    "export the curve as CSV."
                )
            names = {}
            if "runs" in known:
                with contextlib.suppress(sqlite3.Error):
                    names = dict(connection.execute("SELECT run_uuid, name FROM runs"))
            columns = [row[1] for row in connection.execute("PRAGMA table_info(metrics)")]
            nan = "is_nan" if "is_nan" in columns else "0"
            order = "run_uuid, key, timestamp, step"
            query = f"SELECT run_uuid, key, step, value, {nan}, timestamp FROM metrics ORDER BY {order}"
            groups: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
            for count, (run, key, step, value, is_nan, stamp) in enumerate(connection.execute(query)):
                if count > _MOST_ROWS:
                    raise CurveError(f"{name} holds more than {_MOST_ROWS} values; export one run as CSV.")
                number = float("nan") if is_nan or value is None else float(value)
                groups.setdefault((str(run), str(key)), []).append((float(step), number, float(stamp or 0)))
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, CurveError):
            raise
        raise CurveError(f"{name} is an SQLite database that cannot be read ({error}); copy it again.") from None
    for (run, key), rows in groups.items():
        steps, values, stamps = np.array(rows, dtype=np.float64).T
        columns_ = [Column("step", steps), Column(key, values), Column("timestamp", stamps, quantity=False)]
        tables.append(Table(columns_, len(rows), None, "row", run=names.get(run) or run[:8], clock="step"))
    if not tables:
        raise CurveError(f"{name} is an MLflow database without a metric; name another file.")
    return Log("MLflow database", tables)
