"""The folder of a sweep: segments, the index over them, and who is at work in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import saddlescope
from saddlescope import files
from saddlescope.arguments import RefusedError, shortened
from saddlescope.sweep.store.columns import Columns
from saddlescope.sweep.store.index import Index
from saddlescope.sweep.store.rows import Layout, Row, row_of
from saddlescope.sweep.store.runners import leftovers
from saddlescope.sweep.store.segments import DamagedError, Name, file_of, name_of, place, read, write
from saddlescope.sweep.task import Result

FORMAT = "saddlescope sweep 1"
_ABOUT = "store.json"
_INDEX = "index.sqlite"
_AT_ONCE = 2**12  # rows that are looked at together
_WORTH = 32  # results in one of the 256 folders, from which their columns are kept beside their rows


class StoreError(RefusedError):
    """A folder cannot be used as the store of this sweep; the message is one sentence."""


class Store:
    """The results of a sweep in a folder that any number of processes may write to.

    Args:
        folder: made if it is missing.
        family: of the tasks.
        version: of the keys of that family, see `design.spec_version`.
        write: whether results will be written; a store that is only read may lie on a read-only disk.

    Raises:
        StoreError: if the folder holds something else, or results of another family, version or format.
    """

    def __init__(self, folder: Path, family: str, version: str, *, write: bool = True):
        self.folder = folder
        self.damaged: list[Path] = []
        about = {"format": FORMAT, "family": family, "keys": version, "saddlescope": saddlescope.__version__}
        self._prepare(about, write)
        self._index = Index(folder / _INDEX)
        self._listings: dict[
            int, bytes
        ] = {}  # digests of what folders held at the last `refresh`, of those with results

    def _prepare(self, about: dict[str, str], writable: bool) -> None:
        path, name = self.folder / _ABOUT, shortened(str(self.folder))
        try:
            if not path.exists():
                # another process may be making it at this moment, store.json first
                taken = self.folder.exists() and any(not p.name.startswith(".") for p in self.folder.iterdir())
                if taken and not path.exists():
                    raise StoreError(f"Folder {name} is not empty and holds no sweep: choose another one with --out.")
                if not writable:
                    raise StoreError(f"There is no sweep in {name}.")
                self.folder.mkdir(parents=True, exist_ok=True)
                files.write(path, json.dumps(about, indent=2) + "\n")
            elif writable:
                files.write(self.folder / ".writable", "")
                (self.folder / ".writable").unlink(missing_ok=True)
            told = json.loads(path.read_text(encoding="utf-8"))
        except NotADirectoryError:
            raise StoreError(f"Folder {name} cannot be used: a file is in its place.") from None
        except files.NotWrittenError as error:
            raise StoreError(f"Folder {name} cannot be written: {error.strerror}.") from None
        except OSError as error:
            raise StoreError(f"Folder {name} cannot be used: {error.strerror}.") from None
        except RefusedError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"Folder {name} cannot be written: {error}") from None
        except ValueError:
            raise StoreError(f"{path} is damaged: it should hold {json.dumps(about)}.") from None
        self._refuse_another(told, about, name)

    @staticmethod
    def _refuse_another(told: object, about: dict[str, str], name: str) -> None:
        if not isinstance(told, dict) or told.get("format") != about["format"]:
            form = told.get("format") if isinstance(told, dict) else None
            raise StoreError(f"The sweep in {name} has the format {form!r}, not {FORMAT!r}: choose another --out.")
        if told.get("family") != about["family"]:
            family = told.get("family")
            raise StoreError(f"The sweep in {name} is of the family {family!r}, not {about['family']!r}.")
        if told.get("keys") != about["keys"]:
            raise StoreError(
                f"The sweep in {name} was made by saddlescope {told.get('saddlescope')}, whose specs of the family "
                f"{about['family']!r} have other keys or defaults: choose another --out."
            )

    def refresh(self) -> None:
        """Bring the index up to date with the segments: those of other processes, or all if it was lost.

        Segments that are damaged are listed in `damaged`; they count as missing.
        """
        self.damaged, self._listings = [], {}
        try:
            self._refresh()
        except sqlite3.DatabaseError:
            self._index.begin_anew()
            self._refresh()

    def _refresh(self) -> None:
        for first in range(256):
            lines = self._listed(f"{first:02x}")
            listing = hashlib.sha256("\n".join(lines).encode()).digest()
            if lines:
                self._listings[first] = listing
            if len(lines) < _WORTH or self._index.columns(first, listing) is None:
                there = _sizes(lines)
                rows = self._compared(first, there)
                if len(lines) >= _WORTH and len(rows) == sum(name_of(file) is not None for file in there):
                    self._index.keep(first, listing, Columns.of(rows))

    def _compared(self, first: int, there: Mapping[str, int]) -> list[Row]:
        """Hold the rows of one folder against its files and their sizes, and return those that are true of them now."""
        known, stale = {}, []
        for row in self._index.rows(bytes([first])):
            file = file_of(row.name)
            if there.get(file) == row.size:
                known[file] = row
            else:
                stale.append(row.name)
        if stale:
            self._index.remove(stale)
        new = []
        for file in there.keys() - known.keys():
            name = name_of(file)
            if name is not None:
                path = place(self.folder, name)
                try:
                    new.append(row_of(read(path)[0], there[file]))
                except (DamagedError, OSError):
                    self.damaged.append(path)
        if new:
            self._index.add(new)
        return [*known.values(), *new]

    def _listed(self, shard: str) -> list[str]:
        """Names and sizes of the files in one of the 256 folders, a line each, in order."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder / "results" / shard) as entries:
            return sorted([f"{entry.name} {entry.stat().st_size}" for entry in entries if entry.name.endswith(".json")])
        return []

    def columns(self) -> Iterator[Columns]:
        """Yield results of every attempt, some folders at a time, in order of the tasks, as of the last `refresh`."""
        rows: list[Row] = []
        for first, listing in self._listings.items():
            kept = self._index.columns(first, listing)
            if kept is None:
                rows += self._index.rows(bytes([first]))
            if rows and (kept is not None or len(rows) >= _AT_ONCE):
                yield Columns.of(rows)
                rows = []
            if kept is not None:
                yield kept
        if rows:
            yield Columns.of(rows)

    def rows_of(self, names: Collection[Name]) -> Iterator[Row]:
        """Yield the rows of some segments, by the index, or by the segment where that does not know it.

        Raises:
            StoreError: if a segment is there no more, or not as it was written.
        """
        left = set(names)
        with contextlib.suppress(sqlite3.DatabaseError):
            for row in self._index.rows_of(names):
                left.discard(row.name)
                yield row
        for name in left:
            path = place(self.folder, name)
            try:
                yield row_of(read(path)[0], path.stat().st_size)
            except (DamagedError, OSError):
                raise StoreError(f"{path} is gone or damaged since the sweep was opened: run it again.") from None

    def layouts(self) -> list[Layout]:
        """Return which numbers rows have, those of any sweep."""
        return self._index.layouts()

    def has(self, name: Name) -> bool:
        """Whether a segment is there, whoever wrote it."""
        return os.path.exists(place(self.folder, name))

    def write(self, result: Result) -> None:
        """Write a segment; once this returns, it is kept.

        Raises:
            NotWrittenError: if the system fails to.
        """
        write(self.folder, result)

    def note(self, results: Sequence[Result]) -> None:
        """Enter results into the index whose segments were written."""
        rows = []
        for result in results:
            with contextlib.suppress(OSError):
                size = os.stat(place(self.folder, Name(result.task, result.attempt))).st_size
                rows.append(row_of(result, size))
        if rows:
            self._index.add(rows)

    def prunable(self, wanted: set[str]) -> tuple[list[Path], list[Path]]:
        """Return what a clean-up would remove: results that are not wanted or were replaced, and what is left over.

        Args:
            wanted: identities of the tasks to keep.

        Returns:
            Files of results (trajectories among them), and files that no result needs.
        """
        results: list[Path] = []
        rest: list[Path] = [*leftovers(self.folder), *self.damaged]
        for shard in sorted((self.folder / "results").glob("[0-9a-f][0-9a-f]")):
            names = (name for file in _sizes(self._listed(shard.name)) if (name := name_of(file)))
            whole = {name for name in names if place(self.folder, name) not in self.damaged}
            newest: dict[str, int] = {}
            for name in whole:
                newest[name.task] = max(name.attempt, newest.get(name.task, 0))
            for path in sorted(shard.iterdir()):
                task, _, end = path.name.partition(".")
                attempt = end.partition(".")[0]
                name = Name(task, int(attempt)) if attempt.isdigit() else None
                if name is None or name not in whole:
                    rest.append(path)
                elif task not in wanted or newest[task] != name.attempt:
                    results.append(path)
        return results, list(dict.fromkeys(rest))

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()


def _sizes(lines: Iterable[str]) -> dict[str, int]:
    """Name of a file -> its size, by the lines of a list of files."""
    return {file: int(size) for file, _, size in (line.rpartition(" ") for line in lines)}
