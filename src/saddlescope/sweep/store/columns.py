"""Rows of the index as columns: a hundred thousand results are looked at without an object for each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from saddlescope.sweep.store.rows import Layout, Row

_OWN = np.dtype(
    [
        ("task", "V16"),
        ("attempt", "<i4"),
        ("complete", "?"),
        ("keep", "i1"),
        ("outcome", "<i4"),
        ("layout", "<i4"),
        ("seconds", "<f8"),
    ]
)


@dataclass(frozen=True)
class Columns:
    """Results of attempts, in the order of task and attempt.

    Attributes:
        own: task, attempt, complete, keep and seconds of each, with the places of its outcome and its layout in the
            lists below; shape (rows,).
        outcomes, layouts: those that there are.
        numbers: of the rows of each layout, shape (rows of it, numbers).
        messages: place of a row -> how it ended, of those that are not complete; doubts: of those that have some.
    """

    own: np.ndarray
    outcomes: tuple[str, ...]
    layouts: tuple[Layout, ...]
    numbers: tuple[np.ndarray, ...]
    messages: Mapping[int, str]
    doubts: Mapping[int, str]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """Return rows, in any order, as columns."""
        rows = sorted(rows, key=lambda row: (row.task, row.attempt))
        outcomes = {name: place for place, name in enumerate(dict.fromkeys(row.outcome for row in rows))}
        layouts = {layout: place for place, layout in enumerate(dict.fromkeys(row.layout for row in rows))}
        own = np.empty(len(rows), _OWN)
        own["task"] = np.frombuffer(b"".join(row.task for row in rows), "V16")
        own["attempt"] = [row.attempt for row in rows]
        own["complete"] = [row.complete for row in rows]
        own["keep"] = [row.keep for row in rows]
        own["outcome"] = [outcomes[row.outcome] for row in rows]
        own["layout"] = [layouts[row.layout] for row in rows]
        own["seconds"] = [row.seconds for row in rows]
        contents: list[list[bytes]] = [[] for _ in layouts]
        for row, layout in zip(rows, own["layout"].tolist(), strict=True):
            contents[layout].append(row.numbers)
        numbers = tuple(
            np.frombuffer(b"".join(content), "<f8").reshape(len(content), len(layout))
            for content, layout in zip(contents, layouts, strict=True)
        )
        messages = {place: row.message for place, row in enumerate(rows) if row.message and not row.complete}
        doubts = {place: row.doubts for place, row in enumerate(rows) if row.doubts}
        return cls(own, tuple(outcomes), tuple(layouts), numbers, messages, doubts)

    def __len__(self) -> int:
        return len(self.own)

    @cached_property
    def latest(self) -> np.ndarray:
        """Places of the last attempt at each task."""
        tasks = self.own["task"]
        return np.flatnonzero(np.append(tasks[1:] != tasks[:-1], np.ones(min(len(tasks), 1), bool)))

    def numbers_of(self, rows: np.ndarray, layout: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which of some rows have a layout, and their numbers, shapes (n,) and (n, numbers)."""
        there = self.own["layout"] == layout
        mine = np.flatnonzero(there[rows])
        return mine, self.numbers[layout][(np.cumsum(there) - 1)[rows[mine]]]

    def content(self, number: Callable[[Layout], int]) -> bytes:
        """Return all as bytes, with a checksum in front.

        Args:
            number: by which a layout is known; that of another time may be another one, so its checksum is told, too.
        """
        told = {
            "rows": len(self),
            "outcomes": self.outcomes,
            "layouts": [(number(layout), checksum_of_layout(layout)) for layout in self.layouts],
            "lengths": [len(table) for table in self.numbers],
            "messages": self.messages,
            "doubts": self.doubts,
        }
        parts = [json.dumps(told).encode(), b"\n", self.own.tobytes(), *(table.tobytes() for table in self.numbers)]
        text = b"".join(parts)
        return zlib.crc32(text).to_bytes(4, "little") + text

    @classmethod
    def read(cls, content: bytes, layout: Callable[[int], Layout]) -> Columns | None:
        """Return what `content` wrote, or None where that is not as it was written, or a layout is another one.

        Args:
            content: the bytes.
            layout: by its number.
        """
        text = memoryview(content)[4:]
        if len(content) < 4 or zlib.crc32(text).to_bytes(4, "little") != content[:4]:
            return None
        end = content.index(b"\n", 4)
        told = json.loads(content[4:end])
        layouts = tuple(layout(number) for number, _ in told["layouts"])
        if [checksum_of_layout(known) for known in layouts] != [checksum for _, checksum in told["layouts"]]:
            return None
        place = end + 1
        own = np.frombuffer(content, _OWN, told["rows"], place)
        place += own.nbytes
        numbers = []
        for known, length in zip(layouts, told["lengths"], strict=True):
            table = np.frombuffer(content, "<f8", length * len(known), place).reshape(length, len(known))
            place += table.nbytes
            numbers.append(table)
        messages, doubts = ({int(row): text for row, text in told[name].items()} for name in ("messages", "doubts"))
        return cls(own, tuple(told["outcomes"]), layouts, tuple(numbers), messages, doubts)


@lru_cache(maxsize=256)
def checksum_of_layout(layout: Layout) -> int:
    """Return what tells a layout from others that had its number."""
    return zlib.crc32(repr(layout).encode())
