"""Ratings tables: files with the columns row, column, value, or user, item, rating, as people keep them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import chain
from os import PathLike

import numpy as np

from saddlescope.arguments import ArgumentError, share
from saddlescope.memory import check_fits

_NAMES = (
    ("row", "user", "user_id", "userid"),
    ("column", "item", "item_id", "itemid", "movie", "movie_id", "movieid", "product_id"),
    ("value", "rating", "score"),
)
_EVERY = frozenset(name for names in _NAMES for name in names)
_TABLES = 8.0  # matrices of the table's shape that the cost, its gradient and the product hold together


@dataclass(frozen=True)
class Ratings:
    """A partly known matrix: `target` (rows, columns), nan where unknown, and the mask of entries to fit."""

    target: np.ndarray
    observed: np.ndarray


def read_ratings(
    path: str | PathLike[str],
    *,
    labels: bool = False,
    held_out: float = 0.0,
    seed: int = 0,
    test: str | PathLike[str] | None = None,
    centre: bool = False,
) -> Ratings:
    """Read a ratings table; see `MatrixCompletion.from_csv`.

    Raises `ArgumentError` if the header has no row, column and value, if an index or a value cannot be read, if an
    entry comes twice, if the whole table does not fit into memory, or if `held_out` is outside [0, 1) or leaves no
    entry to fit.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> _ = file.write_text("row,column,value\\n0,0,5\\n1,2,3.5\\n")
    >>> read_ratings(file).target
    array([[5. , nan, nan],
           [nan, nan, 3.5]])
    """
    kept_back = share("held_out", held_out)
    if kept_back and test is not None:
        raise ArgumentError("held_out", "be 0 where a file of tests is given", kept_back)
    results: dict[tuple[int, int], float] = {}
    names: tuple[dict[str, int], dict[str, int]] = ({}, {})
    _read(path, results, names, labels)
    if not results:
        raise ArgumentError("path", "name a file with at least one rating", str(path))
    fitted = len(results)
    if test is not None:
        _read(test, results, names, labels)
    places, values = np.array(list(results)), np.array(list(results.values()))
    shape = tuple(int(size) for size in places.max(axis=0) + 1)
    check_fits(_TABLES * float(shape[0]) * shape[1], path=shape[0] * shape[1])
    # an order is drawn as before, whether or not there is a file of tests
    kept = np.random.default_rng(seed).permutation(fitted)[round(kept_back * fitted) :]
    if kept.size == 0:
        raise ArgumentError("held_out", "leave at least one rating to fit", kept_back)
    if centre:
        values = values - values[kept].mean()
    target, observed = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    target[places[:, 0], places[:, 1]] = values
    observed[places[kept, 0], places[kept, 1]] = True
    return Ratings(target, observed)


def _read(
    path: str | PathLike[str],
    results: dict[tuple[int, int], float],
    names: tuple[dict[str, int], dict[str, int]],
    labels: bool,
) -> None:
    """Add the ratings of a file to those that are there."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        mark = next((mark for mark in ("::", "\t", ";", ",") if mark in first), " ")
        # csv takes one letter between fields
        lines = (line.replace("::", "\t") if mark == "::" else line for line in chain([first], file))
        reader = csv.reader(lines, delimiter="\t" if mark == "::" else mark, skipinitialspace=True)
        columns = None
        for entry in reader:
            if not any(field.strip() for field in entry):
                continue
            if columns is None:
                columns = _columns(entry)
                if any(field.strip().lower() in _EVERY for field in entry):
                    continue
            row, column, value = (entry[place] if place < len(entry) else "" for place in columns)
            place = (_index(row, names[0], labels, reader.line_num), _index(column, names[1], labels, reader.line_num))
            if place in results:
                raise ArgumentError("path", "hold every entry once", f"a second {place} in line {reader.line_num}")
            results[place] = _value(value, reader.line_num)
        if columns is None:
            _columns([])  # an empty file has no header either


def _columns(first: list[str]) -> tuple[int, int, int]:
    """Places of row, column and value: by the names in a header, or the first three before a line of numbers."""
    header = [field.strip().lower() for field in first]
    places = [next((header.index(name) for name in names if name in header), None) for names in _NAMES]
    if None not in places:
        return (places[0], places[1], places[2])  # pyright: ignore[reportReturnType]
    if not any(name in _EVERY for name in header) and len(header) >= 3 and _is_number(header[2]):
        return 0, 1, 2
    must = "name a file whose header has row, column and value (or user, item and rating)"
    raise ArgumentError("path", must, header)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _index(text: str | None, names: dict[str, int], labels: bool, line: int) -> int:
    text = (text or "").strip()
    if labels and text:
        return names.setdefault(text, len(names))
    if not text.isdecimal():
        must = "name every row and column" if labels else "number rows and columns by whole numbers from 0"
        raise ArgumentError("path", must, f"{text!r} in line {line}")
    return int(text)


def _value(text: str | None, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ArgumentError("path", "hold finite values", f"{text!r} in line {line}")
    return value
