"""One table for each run and kind of row: chart exports, rows named by a metric, rows of training and validation."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from saddlescope.curves.names import counter_rank, is_held_out, is_quantity
from saddlescope.curves.refusals import CurveError, listed, shown
from saddlescope.curves.tables import Column, Log, Table

_METRIC = {"metric", "metricname", "metric_name", "key", "tag", "variable", "name", "measure"}
_VALUE = {"value", "metricvalue", "metric_value", "val", "y"}
_MODE = {
    "mode",
    "split",
    "phase",
    "stage",
    "set",
    "subset",
    "partition",
    "fold_type",
    "event",
    "type",
    "kind",
    "dataset",
}
_RUN = {
    "run",
    "run_id",
    "runid",
    "run_name",
    "runname",
    "run_uuid",
    "experiment",
    "experiment_name",
    "trial",
    "trial_id",
    "name",
    "id",
    "exp",
}
_ABOUT_RUNS = {
    "name",
    "run",
    "id",
    "run_id",
    "run name",
    "run_name",
    "experiment",
    "trial",
    "model",
    "method",
    "state",
    "status",
}
_MOST_PARTS = 200


def parted(log: Log) -> Log:
    """Return the log with its tables parted by run and kind of row, columns numbered, and what was done in its notes.

    Raises: CurveError for a table of runs, which has no time.
    """
    tables: list[Table] = []
    notes = list(log.notes)
    for table in log.tables:
        refuse_table_of_runs(table, log.source)
        tables += _chart_export(table, notes) or _by_words(table, notes) or [table]
    numbers = [column.number for table in tables for column in table.columns]
    if len(log.tables) > 1 or 0 in numbers:
        for number, column in enumerate((column for table in tables for column in table.columns), start=1):
            column.number = number
    return dataclasses.replace(log, tables=tables, notes=notes)


def refuse_table_of_runs(table: Table, source: str) -> None:
    """Refuse a table with one row a run.

    Raises: CurveError.
    """
    for name, (codes, vocabulary) in table.texts.items():
        if name.strip().lower() not in _ABOUT_RUNS:
            continue
        filled = codes[codes >= 0]
        if len(filled) >= 2 and len(filled) > 0.5 * table.length and len(np.unique(filled)) >= min(len(filled), 900):
            steady = [c for c in table.columns if counter_rank(c.name) is not None and _increases(c)]
            if steady and len(vocabulary) < 3:
                continue
            if steady and not {"state", "created", "runtime", "status", "user", "tags"} & {
                n.lower() for n in _all(table)
            }:
                continue
            raise CurveError(
                f"{source} is a table of runs, one row each, and has no curve: no column counts steps "
                f"(it has {listed(_all(table))}); export the chart or the history of the runs and read that."
            )


def _all(table: Table) -> list[str]:
    return [*table.texts, *(column.name for column in table.columns)]


def _increases(column: Column) -> bool:
    return len(column) > 1 and bool(np.all(np.diff(column.values) > 0))


def _chart_export(table: Table, notes: list[str]) -> list[Table]:
    """Part an exported chart, `x, "run - metric", "run - metric__MIN", ...`, by run."""
    names = [column.name for column in table.columns]
    edges = {name for name in names if name.endswith(("__MIN", "__MAX")) and name[:-5] in names}
    clocks = [c for c in table.columns if counter_rank(c.name) is not None or c.name.startswith("Relative Time")]
    series = [c for c in table.columns if c.name not in edges and re.search(r"\S - \S", c.name)]
    if not edges and (len(series) < 1 or len(series) + len(clocks) < len(names) or not clocks):
        return []
    runs: dict[str, list[Column]] = {}
    for column in series:
        run, _, metric = column.name.rpartition(" - ")
        column.alias = metric
        if counter_rank(metric) is None or run == "":
            runs.setdefault(run, []).append(column)
    if edges:
        notes.append("The columns __MIN and __MAX beside each run are no curves and are left out.")
    if not runs:
        kept = [column for column in table.columns if column.name not in edges]
        return [dataclasses.replace(table, columns=kept)]
    if len(runs) > 1:
        notes.append(f"{len(runs)} runs: {listed(runs)}.")
    others = [c for c in table.columns if c not in series and c.name not in edges]
    return [dataclasses.replace(table, columns=[*others, *columns], run=run) for run, columns in runs.items()]


def _by_words(table: Table, notes: list[str]) -> list[Table]:
    """Part a table by a column of words that names the metric, the kind of row or the run."""
    by_name = {name.strip().lower(): name for name in table.texts}
    metric = next((by_name[key] for key in by_name if key in _METRIC), None)
    value = next((c for c in table.columns if c.name.strip().lower() in _VALUE), None)
    if metric is not None and value is not None:
        return _by_metric(table, metric, value)
    for keys, is_run in ((_MODE, False), (_RUN, True)):
        for key in by_name:
            codes, vocabulary = table.texts[by_name[key]]
            used, counts = np.unique(codes[codes >= 0], return_counts=True)
            if key not in keys or not 2 <= len(used) <= _MOST_PARTS or counts.max(initial=0) < 2:
                continue
            if np.count_nonzero(codes < 0) > 0.5 * table.length:
                continue
            parts = []
            for code in used:
                word = vocabulary[int(code)]
                part = _rows(table, codes == code)
                if is_run:
                    part.run = word
                else:
                    part.kind = word
                    for column in part.columns:
                        if (
                            is_quantity(column.name)
                            and not is_held_out(column.name)
                            and word.lower() not in ("train", "training")
                        ):
                            column.alias, column.name = column.name, f"{word}/{column.name}"
                parts.append(part)
            if is_run:
                notes.append(f"{len(parts)} runs by the column {shown(by_name[key])}: {listed(p.run for p in parts)}.")
            return [part for part in parts if part.columns]
    return []


def _by_metric(table: Table, metric: str, value: Column) -> list[Table]:
    codes, vocabulary = table.texts[metric]
    tables = []
    for code in np.unique(codes[codes >= 0])[:_MOST_PARTS]:
        part = _rows(table, codes == code)
        for column in part.columns:
            if column.name == value.name:
                column.name, column.alias = vocabulary[int(code)], value.name
        del part.texts[metric]
        tables += _by_words(part, []) or [part]
    return tables


def _rows(table: Table, mask: np.ndarray) -> Table:
    """Return the rows of a table where `mask` of shape (length,) holds."""
    kept = np.flatnonzero(mask)
    columns = []
    for column in table.columns:
        values, there = column.at(kept)
        if len(values):
            rows = None if there.all() else np.flatnonzero(there)
            columns.append(dataclasses.replace(column, values=values, rows=rows))
    lines = table.lines[kept] if table.lines is not None else kept + 1
    texts = {name: (codes[kept], vocabulary) for name, (codes, vocabulary) in table.texts.items()}
    return dataclasses.replace(table, columns=columns, length=len(kept), lines=lines, texts=texts)
