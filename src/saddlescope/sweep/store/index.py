"""The index of a store: what the segments say, in one file. Only a cache, which may go any time."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from saddlescope.sweep.store.segments import Name
from saddlescope.sweep.task import KEEPS, Result

_VERSION = 1
_PATIENCE = 5.0  # seconds that another process may keep the index
_AT_ONCE = 500  # tasks of one question
_TABLES = """
create table layouts (id integer primary key, columns text not null unique);
create table results (
    task blob not null, attempt integer not null, size integer not null, complete integer not null,
    outcome text not null, message text not null, doubts text not null, seconds real not null, keep integer not null,
    layout integer not null, numbers blob not null, checksum integer not null, primary key (task, attempt)
) without rowid;
"""

Layout = tuple[tuple[str, str, str], ...]  # name, index and label (as JSON) of each number of a row


class Row(NamedTuple):
    """A result as the index holds it; `numbers` are float64 in the order of the layout."""

    task: bytes
    attempt: int
    size: int
    complete: bool
    outcome: str
    message: str
    doubts: str
    seconds: float
    keep: int
    layout: Layout
    numbers: bytes

    @property
    def name(self) -> Name:
        """Of the segment that it comes from."""
        return Name(self.task.hex(), self.attempt)


def row_of(result: Result, size: int) -> Row:
    """Return the row of a result.

    Args:
        result: of a task.
        size: of its segment in bytes.
    """
    layout: list[tuple[str, str, str]] = []
    numbers: list[float] = []
    for table in result.tables:
        labels = table.labels if table.index else (None,)
        for name, values in table.columns.items():
            layout += [(name, table.index, json.dumps(label)) for label in labels]
            numbers += values
    return Row(
        bytes.fromhex(result.task),
        result.attempt,
        size,
        result.complete,
        result.outcome,
        result.message,
        "\n".join(result.doubts),
        result.seconds,
        KEEPS.index(result.keep),
        tuple(layout),
        struct.pack(f"<{len(numbers)}d", *numbers),
    )


class Index:
    """Rows of results in an SQLite file, or in memory where that cannot be written.

    A file that is damaged, or of another version, is begun anew.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self._path = path
        self._layouts: dict[Layout, int] = {}
        self._known: dict[int, Layout] = {}
        self._sums: dict[int, tuple[int, int]] = {}  # of layouts: checksum, and bytes of the numbers of a row
        self._file = self._opened()

    def _opened(self) -> sqlite3.Connection:
        for _ in range(2):
            try:
                file = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
                try:
                    self._prepare(file)
                except BaseException:
                    file.close()
                    raise
                return file
            except sqlite3.OperationalError as error:
                if "locked" in str(error) or "readonly" in str(error) or "unable to open" in str(error):
                    break
                self._path.unlink(missing_ok=True)
            except (sqlite3.DatabaseError, _OldError):
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)
            except OSError:
                break
        file = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._prepare(file)
        return file

    def _prepare(self, file: sqlite3.Connection) -> None:
        file.execute("pragma synchronous = off")  # it is a cache
        file.execute("begin immediate")
        try:
            version = file.execute("pragma user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise _OldError
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        file.execute(statement)
                file.execute(f"pragma user_version = {_VERSION}")
            file.execute("commit")
        except BaseException:
            file.execute("rollback")
            raise

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows; where that fails, nothing is lost: the segments are there."""
        try:
            self._add(list(rows))
        except sqlite3.DatabaseError:
            with contextlib.suppress(sqlite3.DatabaseError):
                self._file.execute("rollback")
            self._layouts, self._known, self._sums = {}, {}, {}  # numbers that were rolled back go to other layouts

    def _add(self, rows: list[Row]) -> None:
        self._file.execute("begin immediate")
        for layout in {row.layout for row in rows} - set(self._layouts):
            text = json.dumps(layout)
            self._file.execute("insert or ignore into layouts (columns) values (?)", (text,))
            number = self._file.execute("select id from layouts where columns = ?", (text,)).fetchone()[0]
            self._layouts[layout] = number
        self._file.executemany(
            "insert or replace into results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_stored(row, self._layouts[row.layout]) for row in rows),
        )
        self._file.execute("commit")

    def remove(self, names: Iterable[Name]) -> None:
        """Forget segments that are no more."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self._file.executemany(
                "delete from results where task = ? and attempt = ?",
                ((bytes.fromhex(name.task), name.attempt) for name in names),
            )

    def rows(self) -> Iterator[Row]:
        """Yield all rows; those that are not as they were written are to be removed before, see `sizes`.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        for values in self._file.execute("select * from results"):
            yield self._row(values)

    def _row(self, values: tuple) -> Row:
        return Row._make((*values[:3], bool(values[3]), *values[4:9], self._layout(values[9]), values[10]))

    def rows_of(self, names: Collection[Name]) -> Iterator[Row]:
        """Yield the rows of some segments, as far as they are there and as they were written.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        tasks = [bytes.fromhex(name.task) for name in names]
        for first in range(0, len(tasks), _AT_ONCE):
            some = tasks[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for values in self._file.execute(f"select * from results where task in ({marks})", some):
                row = self._row(values)
                if row.name in names and self._whole(values):
                    yield row

    def standings(self) -> Iterator[tuple[bytes, int, int, int, int]]:
        """Yield task, attempt, whether it is complete, what is kept, and number of the layout, of all rows in order."""
        columns = "task, attempt, complete, keep, layout"
        yield from self._file.execute(f"select {columns} from results order by task, attempt")

    def layouts(self, numbers: Iterable[int] | None = None) -> list[Layout]:
        """Return layouts by their numbers, by default of all rows, of any sweep.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        known = [number for (number,) in self._file.execute("select id from layouts")] if numbers is None else numbers
        return [self._layout(int(number)) for number in known]

    def sizes(self, first: bytes) -> dict[str, int]:
        """Return the files of all rows of tasks whose identity begins with some bytes, and the sizes of these.

        The size is -1 where a row is not as it was written.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        results: dict[str, int] = {}
        for values in self._file.execute(
            "select * from results where task >= ? and task < ?", (first, first + b"\xff" * 17)
        ):
            whole = self._whole(values)
            results[f"{values[0].hex()}.{values[1]}.json"] = values[2] if whole else -1
        return results

    def _whole(self, values: tuple) -> bool:
        """Whether a row is as it was written."""
        number = values[9]
        told = self._sums.get(number)
        if told is None:
            layout = self._layout(number)
            told = _checksum_of_layout(layout), 8 * len(layout)
            if number in self._known:
                self._sums[number] = told
        of_layout, size = told
        return values[-1] == _checksum(values, of_layout) and len(values[10]) == size

    def _layout(self, number: int) -> Layout:
        if number not in self._known:
            result = self._file.execute("select columns from layouts where id = ?", (number,)).fetchone()
            if result is None:
                return ()
            try:
                self._known[number] = tuple((name, index, label) for name, index, label in json.loads(result[0]))
            except ValueError:
                return ()
        return self._known[number]

    def begin_anew(self) -> None:
        """Forget everything, file and all."""
        self.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._layouts, self._known, self._sums = {}, {}, {}
        self._file = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _OldError(Exception):
    """The file is of another version."""


def _stored(row: Row, layout: int) -> tuple:
    values = (*row[:3], int(row.complete), *row[4:9], layout, row.numbers)
    return (*values, _checksum(values, _checksum_of_layout(row.layout)))


def _checksum(values: tuple, of_layout: int) -> int:
    """Of everything that counts; a layout has another number in the next index."""
    told = (*values[1:9], of_layout)
    return zlib.crc32(values[10], zlib.crc32(repr(told).encode("utf-8", "surrogatepass"), zlib.crc32(values[0])))


@functools.lru_cache(maxsize=256)
def _checksum_of_layout(layout: Layout) -> int:
    return zlib.crc32(repr(layout).encode())
