"""Ratings tables: CSV files with the columns row, column, value."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from os import PathLike

import numpy as np

from saddlescope.arguments import ArgumentError, finite


@dataclass(frozen=True)
class Ratings:
    """A partly known matrix: `target` (rows, columns), nan where unknown, and the mask of entries to fit."""

    target: np.ndarray
    observed: np.ndarray


def read_ratings(path: str | PathLike[str], *, labels: bool = False, held_out: float = 0.0, seed: int = 0) -> Ratings:
    """Read a ratings table; see `MatrixCompletion.from_csv`.

    Raises `ArgumentError` if the file has no header with row, column and value, if an index or a value cannot
    be read, if an entry comes twice, or if `held_out` is outside [0, 1) or leaves no entry to fit.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ratings.csv"
    >>> _ = file.write_text("row,column,value\\n0,0,5\\n1,2,3.5\\n")
    >>> read_ratings(file).target
    array([[5. , nan, nan],
           [nan, nan, 3.5]])
    """
    share = finite("held_out", held_out)
    if not 0 <= share < 1:
        raise ArgumentError("held_out", "lie in [0, 1)", share)
    results: dict[tuple[int, int], float] = {}
    names: tuple[dict[str, int], dict[str, int]] = ({}, {})
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        if not {"row", "column", "value"} <= set(header):
            raise ArgumentError("path", "name a file whose header has row, column and value", header)
        reader.fieldnames = header
        for entry in reader:
            place = (
                _index(entry["row"], names[0], labels, reader.line_num),
                _index(entry["column"], names[1], labels, reader.line_num),
            )
            if place in results:
                raise ArgumentError("path", "hold every entry once", f"a second {place} in line {reader.line_num}")
            results[place] = _value(entry["value"], reader.line_num)
    if not results:
        raise ArgumentError("path", "name a file with at least one rating", str(path))
    places = np.array(list(results))
    target = np.full(tuple(places.max(axis=0) + 1), np.nan)
    target[places[:, 0], places[:, 1]] = list(results.values())
    kept = np.random.default_rng(seed).permutation(len(places))[round(share * len(places)) :]
    if kept.size == 0:
        raise ArgumentError("held_out", "leave at least one rating to fit", share)
    observed = np.zeros(target.shape, dtype=bool)
    observed[places[kept, 0], places[kept, 1]] = True
    return Ratings(target, observed)


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
