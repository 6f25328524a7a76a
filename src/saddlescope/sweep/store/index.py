"""The index of a store: what the segments say, in one file. Only a cache, which may go any time."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from saddlescope.sweep.store.columns import Columns, checksum_of_layout
from saddlescope.sweep.store.rows import Layout, Row
from saddlescope.sweep.store.segments import Name

_VERSION = 2
_PATIENCE = 5.0  # seconds that another process may keep the index
_AT_ONCE = 500  # tasks of one question
_TABLES = """
create table layouts (id integer primary key, columns text not null unique);
create table results (
    task blob not null, attempt integer not null, size integer not null, complete integer not null,
    outcome text not null, message text not null, doubts text not null, seconds real not null, keep integer not null,
    layout integer not null, numbers blob not null, checksum integer not null, primary key (task, attempt)
) without rowid;
create table folders (first integer primary key, listing blob not null, content blob not null);
"""


class Index:
    """Rows of results in an SQLite file, or in memory where that cannot be written.

    A file that is damaged, or of another version, is begun anew. Of the folders of a large store the rows are kept as
    columns, too, with a digest of what the folder held then: they count as long as it holds that.

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
        with self._change():
            self._add(list(rows))

    def keep(self, first: int, listing: bytes, columns: Columns) -> None:
        """Keep the rows of one folder as columns.

        Args:
            first: byte of the identities of its tasks.
            listing: digest of what the folder holds.
            columns: all rows of that.
        """
        with self._change():
            content = columns.content(self._number)
            self._file.execute("insert or replace into folders values (?, ?, ?)", (first, listing, content))

    def columns(self, first: int, listing: bytes) -> Columns | None:
        """Return the rows of a folder as they were kept when it held what it holds now, None where they were not.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        values = self._file.execute(
            "select content from folders where first = ? and listing = ?", (first, listing)
        ).fetchone()
        return None if values is None else Columns.read(values[0], self._layout)

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """A change of the file that is made whole, or given up."""
        try:
            self._file.execute("begin immediate")
            yield
            self._file.execute("commit")
        except sqlite3.DatabaseError:
            with contextlib.suppress(sqlite3.DatabaseError):
                self._file.execute("rollback")
            self._layouts, self._known, self._sums = {}, {}, {}  # numbers that were rolled back go to other layouts

    def _add(self, rows: list[Row]) -> None:
        self._file.executemany(
            "insert or replace into results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_stored(row, self._number(row.layout)) for row in rows],
        )

    def _number(self, layout: Layout) -> int:
        """Of a layout, which gets one where it has none, within a change of the file."""
        if layout not in self._layouts:
            text = json.dumps(layout)
            self._file.execute("insert or ignore into layouts (columns) values (?)", (text,))
            number = self._file.execute("select id from layouts where columns = ?", (text,)).fetchone()[0]
            self._layouts[layout] = number
        return self._layouts[layout]

    def remove(self, names: Iterable[Name]) -> None:
        """Forget segments that are no more."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self._file.executemany(
                "delete from results where task = ? and attempt = ?",
                ((bytes.fromhex(name.task), name.attempt) for name in names),
            )

    def rows(self, first: bytes = b"") -> Iterator[Row]:
        """Yield the rows of tasks whose identity begins with some bytes, all by default, in order.

        The size is -1 where a row is not as it was written.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        asked = "select * from results where task >= ? and task < ? order by task, attempt"
        for values in self._file.execute(asked, (first, first + b"\xff" * 17)):
            row = self._row(values)
            yield row if self._whole(values) else row._replace(size=-1)

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

    def layouts(self) -> list[Layout]:
        """Return the layouts of all rows, of any sweep.

        Raises:
            sqlite3.DatabaseError: if the file is damaged.
        """
        return [self._layout(number) for (number,) in self._file.execute("select id from layouts").fetchall()]

    def _whole(self, values: tuple) -> bool:
        """Whether a row is as it was written."""
        number = values[9]
        told = self._sums.get(number)
        if told is None:
            layout = self._layout(number)
            told = checksum_of_layout(layout), 8 * len(layout)
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
    return (*values, _checksum(values, checksum_of_layout(row.layout)))


def _checksum(values: tuple, of_layout: int) -> int:
    """Of everything that counts; a layout has another number in the next index."""
    told = (*values[1:9], of_layout)
    return zlib.crc32(values[10], zlib.crc32(repr(told).encode("utf-8", "surrogatepass"), zlib.crc32(values[0])))
