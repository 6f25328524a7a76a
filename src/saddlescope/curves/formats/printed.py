"""Printed logs: lines with a counter and named numbers; one table for each kind of line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from saddlescope.curves.formats.records import chosen_numbers, put_record
from saddlescope.curves.formats.words import Line, read_line
from saddlescope.curves.names import is_bounded, is_held_out, is_loss, is_quantity
from saddlescope.curves.tables import Log, Rows

_LONGEST_LINE = 20_000
_BOX = re.compile(r"\s*\|\s*([^|]+?)\s*\|\s*([^|]*?)\s*\|\s*$")
_NAMED = re.compile(r"^\s*\|\s*[A-Za-z][^|\n]*\|[^|\n]*\|\s*$", re.MULTILINE)
_RULE = re.compile(r"\s*[-+=|:]{5,}\s*$")
_FEW = 8


@dataclass
class _Row:
    """One printed state: what kind of line, where, its counters and numbers."""

    kind: tuple[str, ...]
    opening: str
    line: int
    counters: dict[str, tuple[float, float]]
    numbers: dict[str, tuple[float, str]]


@dataclass
class _Context:
    """Counters of lines above, which hold for lines without one of their own."""

    counters: dict[str, tuple[float, float]] = field(default_factory=dict)


def is_boxed(text: str) -> bool:
    """Return whether most lines are rows `| name | number |` of tables that a program printed one after another."""
    head = text[:50_000]
    return len(_NAMED.findall(head)) > 0.5 * head.count("\n") > 2


def read_printed(text: str) -> Log | None:
    """Return the curves of a printed log, None where no line has a named number to offer."""
    rows, records, box_rows = _rows(text)
    tables = _tables(rows)
    notes: list[str] = []
    if box_rows is not None and len(box_rows) > max((t.length for t in tables), default=0):
        table = box_rows.table(kind="")
        table.place = "line"
        return Log("boxed tables", [table])
    if len(records[0]) > max((t.length for t in tables), default=0):
        return Log("printed records", [chosen_numbers(*records)])
    if not tables:
        return None
    return Log(_format(text, rows), tables, notes)


def _rows(text: str) -> tuple[list[_Row], tuple[Rows, Rows], Rows | None]:
    rows: list[_Row] = []
    records = (Rows("line"), Rows("line"))
    box = _Boxes()
    context = _Context()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.isspace():
            continue
        if line.count("|") == 3 and box.take(line, number):
            continue
        if line[:5].strip() and _RULE.match(line[:200]):
            box.rule()
            continue
        states = line.split("\r") if "\r" in line else [line]
        first = len(rows)
        for state in states:
            if not state or state.isspace():
                continue
            row = _row(state[:_LONGEST_LINE], number, context, records)
            if row is not None:
                rows.append(row)
        if len(states) > 1 and len(rows) > first + 1:
            rows[first:] = _last_states(rows[first:])
    return rows, records, box.rows if len(box.rows) > 1 else None


def _row(state: str, number: int, context: _Context, records: tuple[Rows, Rows]) -> _Row | None:
    brace = state.find("{")
    if brace >= 0 and "}" in state and ('":' in state or "':" in state):
        record = _record(state[brace : state.rfind("}") + 1])
        if record:
            mode = next((word for word in ("valid", "val", "eval", "test") if f" {word} " in f" {state[:brace]} "), "")
            named = {k if not mode or is_held_out(k) else f"{mode}/{k}": v for k, v in record.items()}
            counters = {k: v for k, v in record.items() if not is_quantity(k)}
            put_record(*records, {**named, **counters} if mode else record, number)
            return None
    line: Line | None = read_line(state)
    if line is None:
        return None
    if line.counters and not line.numbers:
        if "batch" in line.counters and len(line.counters) == 1:
            return None
        # "Epoch 3/50" on a line of its own: what follows belongs to it
        context.counters = {**line.counters}
        return None
    counters = line.counters
    if "epoch" in counters:
        context.counters = {"epoch": counters["epoch"]}
    if not counters or (line.progress and set(counters) == {"batch"}):
        inherited = {name: value for name, value in context.counters.items() if name not in counters}
        if not inherited and not counters and not any(is_loss(n) or is_bounded(n) for n in line.numbers):
            return None
        counters = {**inherited, **counters}
    kind = (line.mode, *sorted(counters))
    return _Row(kind, line.opening, number, counters, line.numbers)


_PYTHON_PAIR = re.compile(
    r"""['"]([^'"]{1,120})['"]\s*:\s*(?:['"]?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|NaN|Infinity))['"]?)\s*(?=[,}])"""
)


def _record(text: str) -> dict[str, float]:
    """Return the numbers of a dictionary that a program printed, as Python or as JSON."""
    if len(text) > _LONGEST_LINE:
        return {}
    return {name: float(value.lower().replace("infinity", "inf")) for name, value in _PYTHON_PAIR.findall(text)}


def _last_states(rows: list[_Row]) -> list[_Row]:
    """Keep the last state of a progress bar; of a bar that counts epochs, the last state of each."""
    kept: list[_Row] = []
    for row in rows:
        if kept and kept[-1].kind == row.kind and ("epoch" not in row.counters or _epoch(kept[-1]) == _epoch(row)):
            kept[-1] = row
        else:
            kept.append(row)
    if len(kept) < _FEW <= len(rows) and len({tuple(row.counters.items()) for row in rows}) > 0.5 * len(rows):
        return rows  # one bar for the whole run: its states are all there is
    return kept


def _epoch(row: _Row) -> float:
    return row.counters["epoch"][0]


class _Boxes:
    """Tables of two columns that a program prints again and again, | name | number |."""

    def __init__(self):
        self.rows = Rows("line")
        self._section, self._open = "", False

    def take(self, line: str, number: int) -> bool:
        """Read a line of a box; False where it is none."""
        match = _BOX.match(line)
        if match is None or not line.lstrip().startswith("|"):
            return False
        name, cell = match[1].strip(), match[2].strip()
        if not cell:
            self._section = name if name.endswith("/") else f"{name}/"
            return True
        try:
            value = float(cell.rstrip("%")) if "_" not in cell else None
        except ValueError:
            return bool(re.match(r"[A-Za-z]", name))
        if value is None or not re.match(r"[A-Za-z]", name):
            return False
        if not self._open:
            self.rows.start(number)
            self._open = True
        indented = bool(re.match(r"\|\s{3,}", line.lstrip()))
        self.rows.put(f"{self._section if indented else ''}{name}", value)
        return True

    def rule(self) -> None:
        """A line of dashes ends a box."""
        self._open, self._section = False, ""


def _tables(rows: list[_Row]) -> list:
    """Return one table for each kind of line; openings that came once, as a program's own text, are no kind."""
    openings = Counter((row.kind, row.opening) for row in rows)
    of_kind = Counter(row.kind for row in rows)
    kept: dict[tuple[str, ...], list[_Row]] = {}
    for row in rows:
        if openings[row.kind, row.opening] > 1 or of_kind[row.kind] == 1 or _same_shape(openings, row):
            kept.setdefault(row.kind, []).append(row)
    kinds = Counter(kind[0] for kind in kept)
    tables = []
    for kind, members in kept.items():
        if len(members) < 2 and len(kept) > 1:
            continue
        mode = kind[0]
        collected = Rows("line")
        totals: dict[str, float] = {}
        for row in members:
            collected.start(row.line)
            for name, (value, total) in row.counters.items():
                collected.put(name, value)
                totals[name] = max(totals.get(name, 0.0), total)
            for name, (value, unit) in row.numbers.items():
                put = name if not mode or mode == "train" or is_held_out(name) else f"{mode} {name}"
                collected.put(put, value, unit)
        table = collected.table(kind=" ".join(part for part in kind if part) if len(kinds) > 1 else "")
        for column in table.columns:
            column.total = totals.get(column.name, 0.0)
            if column.name in totals:
                continue
            column.quantity = column.unit in ("", "%") and is_quantity(column.name)
        table.columns = [column for column in table.columns if np.size(column.values)]
        tables.append(table)
    return tables


def _same_shape(openings: Counter, row: _Row) -> bool:
    """Whether an opening that came once differs from others of its kind in its words only, not by being code."""
    return (
        not re.search(r"[#{}()=;\"'`]", row.opening)
        and openings[row.kind, row.opening] == 1
        and not row.opening[:1].isspace()
    )


def _format(text: str, rows: list[_Row]) -> str:
    head = text[:20_000]
    for sign, name in (
        ("━━━", "Keras progress output"),
        ("[=====", "Keras progress output"),
        (" - mmengine - ", "mmengine log"),
        ("lm loss", "Megatron log"),
        ("num_updates=", "fairseq log"),
        ("epoch results: [train]", "ESPnet log"),
    ):
        if sign in head:
            return name
    if any(row.line and "s" in row.counters for row in rows[:5]):
        return "llm.c log"
    return "printed log"
