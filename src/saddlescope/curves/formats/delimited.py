"""Tables of text: cells between commas, semicolons, tabs or blanks, with a header or without."""

from __future__ import annotations

import csv
import re
import warnings
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from saddlescope.curves.formats.numbers import is_empty, number
from saddlescope.curves.names import counter_rank
from saddlescope.curves.refusals import CurveError
from saddlescope.curves.tables import Column, Log, Table

_CHUNK = 10_000
_MOST_WORDS = 1000
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?$|[-+]?\d+(?:[eE][-+]?\d+)?$")
_PAIR = re.compile(r"[A-Za-z)\]]\s*[:=]\s*[-+]?[\d.]")
_NAMES = {",": "CSV", ";": "CSV, semicolons", "\t": "tab-separated", " ": "columns parted by blanks", "|": "columns"}


@dataclass(frozen=True)
class Layout:
    """How the lines of a table are cut: separator (" " is any blanks, "  " at least two), decimal comma, cells."""

    separator: str
    decimal_comma: bool
    cells: int
    score: float

    def cut(self, lines: Sequence[str]) -> list[list[str]]:
        """Return the cells of each line."""
        if self.separator == " ":
            return [line.split() for line in lines]
        if self.separator == "  ":
            return [re.split(r"\s{2,}|\t", line.strip()) for line in lines]
        if self.separator == "|":
            return [line.strip().strip("|").split("|") for line in lines]
        if any('"' in line for line in lines):
            try:
                return list(csv.reader(lines, delimiter=self.separator, strict=False))
            except csv.Error:
                pass
        return [line.split(self.separator) for line in lines]

    def value(self, cell: str) -> float | None:
        """Return the number in a cell."""
        return number(cell.replace(",", ".")) if self.decimal_comma else number(cell)


def read_delimited(text: str, separator: str | None = None, decimal: str | None = None) -> Log | None:
    """Return the table in a text, None where the text is no table.

    Args:
        text: the whole file, lines parted by newlines.
        separator, decimal: forced, where the file is not to be asked.
    """
    if "\r" in text:
        # the last state of a line counts, as of a progress bar
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    lines = text.split("\n")
    sample = _sample(lines)
    if not sample:
        return None
    layout = _layout(sample, separator, decimal)
    if layout is None:
        return None
    reading = _Reading(layout, complete=text.endswith("\n"))
    reading.read(lines)
    table = reading.table()
    if table is None:
        return None
    names = [*(column.name for column in table.columns), *table.texts]
    return Log(_format(names, reading, layout), [table], reading.notes())


def _is_comment(line: str) -> bool:
    return line.lstrip()[:1] in ("#", "%") or line.lstrip()[:2] == "//"


def _sample(lines: list[str], most: int = 400) -> list[str]:
    """Return lines that are neither empty nor comments: the first 200 and as many spread over the file."""
    first = [line for line in lines[: 4 * most] if line.strip() and not _is_comment(line)][: most // 2]
    stride = max(len(lines) // (most // 2), 1)
    spread = [line for line in lines[stride // 2 :: stride] if line.strip() and not _is_comment(line)]
    return [line[:20_000] for line in [*first, *spread[: most // 2]]]


def _layout(sample: list[str], separator: str | None, decimal: str | None) -> Layout | None:
    """Return the layout under which most cells are numbers."""
    if separator is not None:
        separator = {"\\t": "\t", "tab": "\t", "blank": " ", "": " "}.get(separator, separator)
    candidates = [separator] if separator is not None else [",", ";", "\t", " ", "  ", "|"]
    best: Layout | None = None
    for candidate in candidates:
        result = _judged(sample, candidate, decimal, forced=separator is not None)
        if result is not None and (best is None or result.score > best.score + 1e-9):
            best = result
    return best


def _judged(sample: list[str], separator: str, decimal: str | None, forced: bool) -> Layout | None:
    rare = separator not in (" ", "  ") and sum(separator in line for line in sample) < 0.5 * len(sample)
    # a single column has no separator; it is cut by commas, and then has one cell a line
    if not forced and rare and (separator != "," or any(len(line.split()) > 1 for line in sample[1:])):
        return None
    rows = Layout(separator, False, 0, 0.0).cut(sample)
    cells = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    same = [row for row in rows if len(row) == cells]
    if len(same) < 0.7 * len(rows) or (cells < 2 and separator not in (",", " ") and not forced):
        return None
    filled = [cell.strip() for row in same for cell in row if not is_empty(cell)]
    if not filled:
        return None
    comma = decimal == ","
    if decimal is None and separator != ",":
        numeric = [cell for cell in filled if cell[:1].isdigit() or cell[:1] in "-+,."]
        numeric = [cell for cell in numeric if re.fullmatch(r"[-+\d.,eE]+", cell)]
        comma = any("," in cell for cell in numeric) and all(_DECIMAL_COMMA.match(cell) for cell in numeric)
    layout = Layout(separator, comma, cells, 0.0)
    share = sum(layout.value(cell) is not None for cell in filled) / len(filled)
    body = same[1:] if len(same) > 1 else same
    columns = list(zip(*body, strict=True))
    good = 0
    for column in columns:
        there = [cell for cell in column if not is_empty(cell)]
        good += bool(there) and sum(layout.value(cell) is not None for cell in there) >= 0.6 * len(there)
    if not good:
        return None
    if not forced:
        if sum(1 for line in sample if _PAIR.search(line)) > 0.3 * len(sample):
            return None  # names beside their numbers: a printed log
        header = _looks_like_header(rows[0], layout) and len(rows[0]) in (cells, cells - 1)
        if separator in (" ", "  ", "|") and not header and good < 0.6 * cells:
            return None
        if not header and good < 0.5 * cells:
            return None
        if separator == " " and header and good < 0.3 * cells:
            return None
        if cells == 1 and share < 0.6:
            return None
    consistent = len(same) / len(rows)
    return Layout(separator, comma, cells, share * consistent + 1e-3 * min(good, 9) * (cells > 1))


def _looks_like_header(row: Sequence[str], layout: Layout) -> bool:
    cells = [cell.strip() for cell in row]
    names = [cell for cell in cells if cell]
    numbers = sum(layout.value(cell) is not None for cell in names)
    return bool(names) and numbers <= 0.2 * len(names) and not any(is_empty(cell) for cell in names)


class _Reading:
    """The rows of a table, in chunks that become columns of numbers."""

    def __init__(self, layout: Layout, complete: bool):
        self.layout, self.complete = layout, complete
        self.names: list[str] | None = None
        self.headless = False
        self.order: dict[str, int] = {}
        self.parts: dict[str, list[tuple[np.ndarray, np.ndarray | None, int]]] = {}
        self.words: dict[str, tuple[array[int], array[int], dict[str, int]]] = {}
        self.length = 0
        self.lines: list[np.ndarray] = []
        self.repeated: list[int] = []
        self.skipped: list[int] = []
        self.cut_line = 0
        self.comment = ""
        self.ending = 0
        self.slow = False  # whether some cells are empty or words

    def read(self, lines: list[str]) -> None:
        """Take in all lines."""
        self.ending = _last_filled(lines)
        for start, chunk in self._chunks(lines):
            self._take(start, chunk)

    def _all_numbers(self, numbers: np.ndarray, chunk: list[str]) -> bool:
        """Take in lines whose every cell is filled with a number, which is five times as fast; False for others."""
        if self.names is None or self.slow or self.layout.decimal_comma or int(numbers[-1]) >= self.ending:
            return False
        separator, width = self.layout.separator, len(self.names)
        if len(separator) != 1 or separator == " " or (separator == "\t" and any(" " in line for line in chunk)):
            return False
        inside = width - 1
        if {line.count(separator) for line in chunk} != {inside}:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of text that is no number, which ends the reading
            try:
                values = np.fromstring(separator.join(chunk), dtype=np.float64, sep=separator)
            except ValueError:
                values = np.zeros(0)
        if values.size != len(chunk) * width:
            self.slow = True
            return False
        for name, column in zip(self.names, values.reshape(len(chunk), width).T, strict=True):
            self.order.setdefault(name, len(self.order) + 1)
            self.parts.setdefault(name, []).append((column.copy(), None, self.length))
        self.length += len(chunk)
        self.lines.append(numbers)
        return True

    def _chunks(self, lines: list[str]) -> Iterator[tuple[np.ndarray, list[list[str]]]]:
        for first in range(0, len(lines), _CHUNK):
            chunk = lines[first : first + _CHUNK]
            numbers = np.arange(first + 1, first + 1 + len(chunk))
            if self._all_numbers(numbers, chunk):
                continue
            if any(not line or line[0] in "#%/ \t" for line in chunk):
                kept = []
                for place, line in enumerate(chunk):
                    if not line.strip():
                        continue
                    if _is_comment(line):
                        self.comment = line if self.names is None else self.comment
                        continue
                    kept.append(place)
                numbers, chunk = numbers[kept], [chunk[place] for place in kept]
            if chunk:
                rows = self.layout.cut(chunk)
                if len(rows) != len(chunk):  # quoted cells with newlines: cut each line by itself
                    rows = [self.layout.cut([line])[0] if line else [] for line in chunk]
                yield numbers, rows

    def _take(self, numbers: np.ndarray, rows: list[list[str]]) -> None:
        if self.names is None:
            numbers, rows = self._begin(numbers, rows)
        assert self.names is not None
        if not rows:
            return
        if not self.complete and int(numbers[-1]) == self.ending and self._is_cut(rows):
            self.cut_line, numbers, rows = int(numbers[-1]), numbers[:-1], rows[:-1]
        width = len(self.names)
        if any(len(row) == width + 1 and not row[-1].strip() for row in rows):  # a separator at the end of the line
            rows = [row[:-1] if len(row) == width + 1 and not row[-1].strip() else row for row in rows]
        first = self.names[0]
        odd = [place for place, row in enumerate(rows) if len(row) != width or row[0].strip() == first]
        for place in odd:
            row, line = [cell.strip() for cell in rows[place]], int(numbers[place])
            if row == self.names:
                self.repeated.append(line)
            elif len(row) > 1 and not self.headless and _looks_like_header(row, self.layout) and _are_names(row):
                # another set of columns from here on
                self._columns(numbers[:place], rows[:place], drop=odd)
                self.names = _distinct(row)
                self.repeated.append(line)
                self._take(numbers[place + 1 :], rows[place + 1 :])
                return
            elif len(row) != width:
                self.skipped.append(line)
        self._columns(numbers, rows, drop=odd)

    def _is_cut(self, rows: list[list[str]]) -> bool:
        """Whether the last row, without a newline, was written in part."""
        last = rows[-1]
        if len(last) < len(self.names or ()):
            return True
        before = [len(row[-1]) for row in rows[-51:-1] if len(row) == len(last) and row[-1]]
        return bool(before) and len(last[-1]) < min(before)

    def _begin(self, numbers: np.ndarray, rows: list[list[str]]) -> tuple[np.ndarray, list[list[str]]]:
        """Find the header, or do without; return what stands below."""
        layout, width = self.layout, self.layout.cells
        for place, row in enumerate(rows[:200]):
            if len(row) not in (width, width - 1, width + 1):
                continue
            if len(row) != width and (width == 1 or not _looks_like_header(row, layout)):
                continue
            if _looks_like_header(row, layout):
                cells = [cell.strip() for cell in row]
                if len(row) == width - 1:
                    cells = ["", *cells]  # the column of row names has none itself
                self.names = _distinct(cells[:width])
                return numbers[place + 1 :], rows[place + 1 :]
            if sum(layout.value(cell) is not None for cell in row) >= 0.4 * len(row):
                self.headless = True
                commented = layout.cut([self.comment.lstrip(" #%")])[0] if self.comment else []
                commented = [cell.strip() for cell in commented]
                if len(commented) == width and all(layout.value(cell) is None for cell in commented):
                    self.names, self.headless = _distinct(commented), False
                else:
                    self.names = [f"column {number}" for number in range(1, width + 1)]
                return numbers[place:], rows[place:]
        self.headless = True
        self.names = [f"column {number}" for number in range(1, width + 1)]
        return numbers, rows

    def _columns(self, numbers: np.ndarray, rows: list[list[str]], drop: list[int]) -> None:
        assert self.names is not None
        if drop:
            dropped = set(drop)
            kept = [place for place in range(len(rows)) if place not in dropped or len(rows[place]) == len(self.names)]
            kept = [place for place in kept if place not in dropped or rows[place][0].strip() != self.names[0]]
            numbers, rows = numbers[kept], [rows[place] for place in kept]
        if not rows:
            return
        for name, cells in zip(self.names, zip(*rows, strict=True), strict=True):
            self.order.setdefault(name, len(self.order) + 1)
            self._column(name, cells)
        self.length += len(rows)
        self.lines.append(numbers)

    def _column(self, name: str, cells: tuple[str, ...]) -> None:
        parts = self.parts.setdefault(name, [])
        comma = self.layout.decimal_comma
        try:
            if comma:
                cells = tuple([cell.replace(",", ".") for cell in cells])
            values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
            if not any("_" in cell for cell in cells):
                parts.append((values, None, self.length))
                return
        except ValueError:
            pass
        numbers, places = array("d"), array("q")
        words: tuple[array[int], array[int], dict[str, int]] | None = None
        for place, cell in enumerate(cells):
            if not cell:
                continue
            value = number(cell)
            if value is not None:
                numbers.append(value)
                places.append(place + self.length)
            elif not is_empty(cell):
                if words is None:
                    words = self.words.setdefault(name, (array("q"), array("q"), {}))
                if len(words[2]) < _MOST_WORDS or cell in words[2]:
                    words[0].append(place + self.length)
                    words[1].append(words[2].setdefault(cell.strip(), len(words[2])))
        if numbers:
            parts.append((np.frombuffer(numbers, dtype=np.float64), np.frombuffer(places, dtype=np.int64), self.length))

    def table(self) -> Table | None:
        """Return all rows as one table."""
        if not self.length:
            return None
        columns = []
        for name, parts in self.parts.items():
            if not parts:
                continue
            values = np.concatenate([part[0] for part in parts])
            if len(values) == self.length:
                rows = None
            else:
                rows = np.concatenate(
                    [np.arange(at, at + len(v), dtype=np.int64) if r is None else r for v, r, at in parts]
                )
            columns.append(Column(name, values, rows, self.order[name]))
        texts = {}
        for name, (places, codes, vocabulary) in self.words.items():
            filled = np.full(self.length, -1, dtype=np.int64)
            filled[np.frombuffer(places, dtype=np.int64)] = np.frombuffer(codes, dtype=np.int64)
            texts[name] = (filled, list(vocabulary))
        return Table(
            columns, self.length, np.concatenate(self.lines), "line", texts=texts, headless=self.headless,
            repeated=self.repeated,
        )  # fmt: skip

    def notes(self) -> list[str]:
        """Say what was left out."""
        notes = []
        if self.headless and len(self.names or ()) > 1:
            notes.append("There is no header: columns are named by number.")
        if self.layout.decimal_comma:
            notes.append("Numbers have a decimal comma.")
        if self.skipped:
            count = len(self.skipped)
            notes.append(
                f"{count} line{'s do' if count > 1 else ' does'} not have {len(self.names or ())} cells and "
                f"{'are' if count > 1 else 'is'} left out, the first at line {self.skipped[0]}."
            )
        if self.cut_line:
            notes.append(f"Line {self.cut_line}, the last, is written in part and left out.")
        return notes


def _last_filled(lines: list[str]) -> int:
    place = len(lines)
    while place and not lines[place - 1].strip():
        place -= 1
    return place


def _are_names(row: list[str]) -> bool:
    return all(re.fullmatch(r"[A-Za-z_][\w /.@()%:-]*", cell) for cell in row)


def _distinct(cells: Sequence[str]) -> list[str]:
    """Return names for the columns: blanks stripped, empty ones by number, doubled ones with their number."""
    names: list[str] = []
    for number_, cell in enumerate(cells, start=1):
        name = cell.strip().strip('"').strip() or f"column {number_}"
        names.append(name if name not in names else f"{name} (column {number_})")
    return names


def _format(names: list[str], reading: _Reading, layout: Layout) -> str:
    """Say whose table this is, from its columns."""
    known = set(names)
    kind = _NAMES.get(layout.separator, "columns of text")
    if reading.headless:
        return f"{kind}, no header"
    if known == {"Wall time", "Step", "Value"}:
        return "TensorBoard CSV download"
    if any(name.endswith("__MIN") for name in names):
        return "W&B chart export"
    if any(name.startswith("metrics/") for name in names) and any("box_loss" in name for name in names):
        return "Ultralytics results.csv"
    if {"time/iterations", "time/total_timesteps"} & known:
        return "Stable-Baselines3 progress.csv"
    if {"timesteps_total", "training_iteration"} <= known:
        return "RLlib progress.csv"
    if "step" in known and "epoch" in known and any(name.endswith(("_step", "_epoch")) for name in names):
        return "Lightning CSVLogger"
    if {"epoch", "train_loss", "valid_loss", "time"} <= known:
        return "fastai CSVLogger"
    if names[:1] == ["epoch"] and any(name.startswith("val_") for name in names):
        return "Keras CSVLogger"
    return kind


def check_forced(separator: str | None, decimal: str | None) -> None:
    """Refuse a separator or a decimal sign that cannot be.

    Raises: CurveError.
    """
    if decimal not in (None, ".", ","):
        raise CurveError(f"The decimal sign must be '.' or ',', but got {decimal!r}.")
    if separator is not None and separator not in ("\\t", "tab", "blank", "") and len(separator) != 1:
        raise CurveError(f"The separator must be one character, 'tab' or 'blank', but got {separator!r}.")
    if decimal == "," and separator == ",":
        raise CurveError("The separator and the decimal sign cannot both be a comma.")


def counted(table: Table) -> bool:
    """Return whether a column of the table counts steps or epochs."""
    return any(counter_rank(column.name) is not None for column in table.columns)
