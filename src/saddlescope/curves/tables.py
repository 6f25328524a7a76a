"""What a file holds before anything is chosen: tables of named columns of numbers, where a cell may be missing."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Column:
    """A column: its numbers and the rows that they stand in.

    values: shape (k,), not all finite; rows: shape (k,), increasing, or None where every row is filled.
    number: what `--y NUMBER` calls it, from 1; alias: a second name it answers to.
    quantity: False where its unit says that it is a time, a size or a rate.
    """

    name: str
    values: np.ndarray
    rows: np.ndarray | None = None
    number: int = 0
    alias: str = ""
    unit: str = ""
    quantity: bool = True
    total: float = 0.0

    def __len__(self) -> int:
        return len(self.values)

    def at(self, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers that stand in the given rows, and a mask of those rows that have one."""
        if rows is None:
            rows = np.arange(len(self.values) if self.rows is None else int(self.rows.max(initial=-1)) + 1)
        if self.rows is None:
            there = rows < len(self.values)
            return self.values[rows[there]], there
        place = np.minimum(np.searchsorted(self.rows, rows), max(len(self.rows) - 1, 0))
        there = self.rows[place] == rows if len(self.rows) else np.zeros(len(rows), dtype=bool)
        return self.values[place[there]], there


@dataclass
class Table:
    """Columns that share their rows.

    lines: the line (or record) of the file that each row stands at, shape (length,); None: rows count from 1.
    place: what `lines` counts. run: the run that the table belongs to; kind: the kind of row.
    texts: columns of words, as codes of shape (length,) into a vocabulary; -1 where a cell is empty.
    clock: name of the column that the format declares as its x.
    repeated: lines at which the header was found again.
    """

    columns: list[Column]
    length: int
    lines: np.ndarray | None = None
    place: str = "line"
    run: str = ""
    kind: str = ""
    texts: dict[str, tuple[np.ndarray, list[str]]] = field(default_factory=dict)
    clock: str = ""
    headless: bool = False
    repeated: list[int] = field(default_factory=list)

    def line(self, row: int) -> str:
        """Say where a row stands, as "line 44"."""
        return f"{self.place} {int(self.lines[row]) if self.lines is not None else row + 1}"


@dataclass
class Log:
    """All that a file holds: its format in human words, tables, and what reading it left out."""

    format: str
    tables: list[Table]
    notes: list[str] = field(default_factory=list)
    source: str = ""


class Rows:
    """A table that grows by rows, each with any of the columns."""

    def __init__(self, place: str = "record"):
        self._values: dict[str, array[float]] = {}
        self._rows: dict[str, array[int]] = {}
        self._units: dict[str, str] = {}
        self._words: dict[str, tuple[list[int], list[int], dict[str, int]]] = {}
        self._lines: array[int] = array("q")
        self.place = place

    def __len__(self) -> int:
        return len(self._lines)

    def start(self, line: int) -> None:
        """Begin a new row, which stands at `line` of the file."""
        self._lines.append(line)

    def put(self, name: str, value: float, unit: str = "") -> None:
        """Set a number in the row begun last; a second number of the same name wins."""
        row = len(self._lines) - 1
        values = self._values.get(name)
        if values is None:
            values = self._values[name] = array("d")
            self._rows[name] = array("q")
            self._units[name] = unit
        rows = self._rows[name]
        if rows and rows[-1] == row:
            values[-1] = value
        else:
            values.append(value)
            rows.append(row)

    def put_word(self, name: str, word: str) -> None:
        """Set a word in the row begun last."""
        rows, codes, vocabulary = self._words.setdefault(name, ([], [], {}))
        rows.append(len(self._lines) - 1)
        codes.append(vocabulary.setdefault(word, len(vocabulary)))

    def table(self, kind: str = "") -> Table:
        """Return what has been collected, as rows of a kind."""
        length = len(self._lines)
        columns = []
        for number, (name, values) in enumerate(self._values.items(), start=1):
            rows = np.frombuffer(self._rows[name], dtype=np.int64)
            every = len(rows) == length
            numbers = np.frombuffer(values, dtype=np.float64)
            columns.append(Column(name, numbers, None if every else rows, number, unit=self._units[name]))
        texts = {}
        for name, (rows, codes, vocabulary) in self._words.items():
            filled = np.full(length, -1, dtype=np.int64)
            filled[rows] = codes
            texts[name] = (filled, list(vocabulary))
        lines = np.frombuffer(self._lines, dtype=np.int64) if length else np.zeros(0, dtype=np.int64)
        return Table(columns, length, lines, self.place, texts=texts, kind=kind)
