"""Which columns are x and y, by name and by number, or by what is usually meant."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from saddlescope.curves import names
from saddlescope.curves.clock import LARGEST, LEAST_POINTS, Runs, counted_through, runs_of
from saddlescope.curves.refusals import CurveError, listed, shown
from saddlescope.curves.tables import Column, Log, Table

ROW = "row number"


@dataclass
class Chosen:
    """A column to be drawn and its table; how: why it was taken, where it was not asked for."""

    table: Table
    column: Column
    how: str = ""


def quantities(log: Log) -> list[Chosen]:
    """Return all columns that may be curves."""
    return [Chosen(table, column) for table in log.tables for column in table.columns if _may_be_drawn(table, column)]


def _may_be_drawn(table: Table, column: Column) -> bool:
    if not column.quantity or column.name == table.clock or len(column) < 2:
        return False
    name = column.alias or column.name
    if not (names.is_quantity(name) or table.headless):
        return False
    if column.number == 1 and column.name in ("column 1", "Unnamed: 0") and _counts(column):
        return False
    return int(np.count_nonzero(np.abs(column.values) < LARGEST)) > 1


def _counts(column: Column) -> bool:
    """Whether a column without a name goes up steadily, as a counter does."""
    finite = column.values[np.isfinite(column.values)]
    return len(finite) > 2 and bool(np.all(np.diff(finite) > 0))


def choose_y(log: Log, asked: list[str | int] | None) -> list[Chosen]:
    """Return the columns asked for; for each run the one that is usually meant where none is asked for.

    Raises: CurveError with the columns that were found.
    """
    if asked:
        return [chosen for request in asked for chosen in _named(log, request)]
    offered = quantities(log)
    if not offered:
        raise CurveError(f"{log.source} holds no curve: {_what_there_is(log)}")
    runs = dict.fromkeys(chosen.table.run for chosen in offered)
    return [_usual([chosen for chosen in offered if chosen.table.run == run]) for run in runs]


def _what_there_is(log: Log) -> str:
    columns = [column for table in log.tables for column in table.columns]
    results = [column.name for column in columns]
    words = [name for table in log.tables for name in table.texts]
    if columns and max(len(column) for column in columns) < 2:
        rows = "name a file with one row for each step or epoch"
        return f"each of its columns ({listed(results)}) has one value only; {rows}."
    if results or words:
        return f"none of its columns ({listed([*results, *words])}) is a quantity over time; ask for one by --y."
    return "it has no numbers; name a CSV, JSON, TensorBoard or printed log with one row for each step or epoch."


def _usual(offered: list[Chosen]) -> Chosen:
    enough = [chosen for chosen in offered if len(chosen.column) >= LEAST_POINTS] or offered

    def name(chosen: Chosen) -> str:
        return chosen.column.alias or chosen.column.name

    def qualified(chosen: Chosen) -> tuple[float, ...]:
        # the alias lacks the kind of row; the name has it
        return (names.is_held_out(chosen.column.name), *names.plainness(name(chosen)), -len(chosen.column))

    rewards = [chosen for chosen in enough if names.is_reward(name(chosen))]
    losses = [chosen for chosen in enough if names.is_loss(name(chosen)) and not names.is_bounded(name(chosen))]
    if rewards:
        losses = [chosen for chosen in losses if not names.is_part_of_reinforcement(name(chosen))]
    if losses:
        return min(losses, key=qualified)
    if rewards:
        return min(rewards, key=lambda chosen: names.mean_reward_key(name(chosen)))
    scores = [chosen for chosen in enough if names.is_bounded(name(chosen))]
    scores = [chosen for chosen in scores if not _constant(chosen.column.values)] or scores
    if scores:
        return min(scores, key=lambda chosen: names.is_held_out(name(chosen)))
    rest = [chosen for chosen in enough if chosen.column is not _first_counts(chosen.table)]
    return (rest or enough)[0]


def _matches(columns: list[tuple[Table, Column]], request: str | int) -> list[tuple[Table, Column]]:
    """Return the columns that a request means: by name, else by number, else by what is close to the name."""
    text = str(request).strip()

    def by(key) -> list[tuple[Table, Column]]:
        wanted = key(text)
        return [
            (t, c) for t, c in columns if wanted and (key(c.name) == wanted or (c.alias and key(c.alias) == wanted))
        ]

    results = by(str) if not isinstance(request, int) else []
    if not results and text.isascii() and text.isdigit():
        number = int(text[:9])
        results = [(t, c) for t, c in columns if c.number == number]
    for key in (str.casefold, shown, lambda s: "/".join(names.words(s)), lambda s: s.rsplit("/", 1)[-1].casefold()):
        results = results or by(key)
    return results


def _named(log: Log, request: str | int) -> list[Chosen]:
    columns = [(table, column) for table in log.tables for column in table.columns]
    result = _matches(columns, request)
    if not result:
        known = [column.name for _, column in columns]
        near = difflib.get_close_matches(str(request)[:80], known[:500], n=1)
        meant = f" (did you mean {shown(near[0])}?)" if near else ""
        raise CurveError(
            f"{log.source} has no column {shown(str(request))!r}{meant}; it has "
            f"{listed(known) or 'no columns of numbers'}."
        )
    runs: dict[str, tuple[Table, Column]] = {}
    for table, column in result:
        if table.run not in runs or len(column) > len(runs[table.run][1]):
            runs[table.run] = (table, column)
    return [Chosen(table, column) for table, column in runs.values()]


@dataclass
class Clock:
    """The times of a chosen column.

    rows: indices into the values of y that have a time, shape (k,); runs: over those; every: all times of the table.
    """

    name: str
    rows: np.ndarray
    runs: Runs
    every: np.ndarray
    others: list[str]
    note: str = ""


def choose_x(chosen: Chosen, asked: str | int | None, source: str) -> Clock:
    """Return the times of a column: of the x asked for, else of the best counter that does not fall within a run.

    Raises: CurveError where the x asked for is not there, or nothing counts and the column may be anything.
    """
    table, y = chosen.table, chosen.column
    rows = np.arange(len(y)) if y.rows is None else y.rows
    if asked is not None and str(asked).strip().lower() not in ("row", "row number"):
        results = _matches([(table, column) for column in table.columns], asked)
        rank = names.counter_rank(str(asked))
        if not results and rank is not None:
            # `iter` for lines that count in steps: the counter of the same kind
            results = [(table, column) for column in table.columns if names.counter_rank(column.name) == rank]
        if not results:
            known = [column.name for column in table.columns if column is not y]
            raise CurveError(
                f"{source} has no column {shown(str(asked))!r} beside {shown(y.name)}; there are {listed(known)}."
            )
        clock = _clock(table, results[0][1], rows, forced=True)
        if clock is None:
            raise CurveError(
                f"The column {shown(results[0][1].name)} of {source} has no number in the rows of {shown(y.name)}; "
                f"take another --x of {listed(c.name for c in table.columns if c is not y)}."
            )
        return clock
    ranked = _ranked(table, y)
    if asked is None:
        for column in ranked:
            clock = _clock(table, column, rows)
            if clock is not None:
                clock.others = [other.name for other in ranked if other is not column and len(other) > 1]
                return clock
        refused = [column for column in ranked if len(column) > 1]
        known = names.is_loss(y.name) or names.is_bounded(y.name) or table.headless or y.alias
        if not known and len(quantities(Log("", [table]))) > 1:
            raise CurveError(
                f"{source} has no column that counts steps or epochs (it has {listed(c.name for c in table.columns)}); "
                "name one by --x, or take the row number by --x row."
            )
        if refused:
            note = f"{listed(c.name for c in refused)} does not go up: the row number counts."
        else:
            note = "No column counts steps: the row number does."
    else:
        note = ""
    time = np.arange(1.0, len(rows) + 1)
    return Clock(ROW, np.arange(len(rows)), Runs(time, [np.arange(len(rows))], [[]]), time, [], note)


def _ranked(table: Table, y: Column) -> list[Column]:
    """Return the columns that may be x, the best first."""
    ranked: list[tuple[int, int, Column]] = []
    for place, column in enumerate(table.columns):
        if column is y:
            continue
        rank = -1 if column.name == table.clock else names.counter_rank(column.alias or column.name)
        if rank is not None:
            ranked.append((rank, place, column))
    ranked.sort(key=lambda entry: entry[:2])
    columns = [column for _, _, column in ranked]
    if not columns:
        first = _first_counts(table)
        if first is not None and first is not y:
            columns.append(first)
    return columns


def _first_counts(table: Table) -> Column | None:
    """Return the first column where its numbers count though its name does not say so, as in a table without names."""
    if len(table.columns) < 2 or any(names.counter_rank(c.alias or c.name) is not None for c in table.columns):
        return None
    first = table.columns[0]
    if table.headless:
        return first if _counts(first) or _mostly_counts(first) else None
    whole = bool(np.all(first.values == np.floor(first.values))) if np.all(np.isfinite(first.values)) else False
    steady = len(table.columns) == 2 or whole or first.name in ("column 1", "Unnamed: 0")
    return first if steady and _counts(first) and first.number in (0, 1) else None


def _mostly_counts(column: Column) -> bool:
    steps = np.diff(column.values)
    whole = bool(np.all(column.values == np.floor(column.values))) if np.all(np.isfinite(column.values)) else False
    return whole and len(steps) > 2 and float(np.mean(steps > 0)) > 0.9


def _clock(table: Table, column: Column, rows: np.ndarray, forced: bool = False) -> Clock | None:
    """Return the times by a column, None where it does not serve as x."""
    values, there = column.at(rows)
    finite = np.abs(values) < LARGEST
    values, kept = values[finite], np.flatnonzero(there)[finite]
    least = 0.0 if forced else 0.9
    if len(values) < 2 or len(values) < least * len(rows):
        return None
    every = column.values
    label, note = column.name, ""
    epoch = _epochs(table, column)
    if epoch is not None:
        epochs, with_epoch = epoch.at(rows[kept])
        if with_epoch.all() and len(np.unique(epochs)) > 1:
            through = counted_through(values, epochs, column.total)
            if through is not None:
                note = f"{shown(column.name)} starts again in each {shown(epoch.name)}: counted through."
                values = every = through
                label = f"{column.name} counted through {epoch.name}"
            elif not forced and len(np.unique(values)) < 1.5 * len(np.unique(epochs)) and _constant(values):
                return None
    if not forced and _constant(values):
        return None
    where = [table.line(int(row)) for row in rows[kept]] if np.any(np.diff(values) < 0) and len(values) < 2e6 else None
    runs = runs_of(values, where, column.name)
    unique = len(np.unique(values))
    if runs.disordered:
        if unique < len(values) and not forced:
            return None
        note = f"Rows are in no order of {shown(column.name)}: they are sorted."
    if not forced:
        per_run = max(len(np.unique(values[run])) / max(len(run), 1) for run in runs.runs)
        if per_run < 0.5 and unique < 30:
            return None
    return Clock(label, kept, runs, every, [], note)


def _epochs(table: Table, column: Column) -> Column | None:
    if names.counter_rank(column.alias or column.name) != 2:
        return None
    for other in table.columns:
        if other is not column and names.counter_rank(other.name) == names.EPOCH_RANK:
            return other
    return None


def _constant(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())
