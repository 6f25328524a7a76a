"""What is known of one attempt at a task without opening its segment."""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

from saddlescope.sweep.store.segments import Name
from saddlescope.sweep.task import KEEPS, Result

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
