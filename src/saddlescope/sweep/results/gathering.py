"""Numbers and words of many tasks as columns over the tasks, taken from those of a store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from saddlescope.outcome import Outcome
from saddlescope.sweep.store.columns import Columns
from saddlescope.sweep.store.rows import Layout
from saddlescope.sweep.store.segments import Name, trajectories

NOT_RUN = "NOT_RUN"
_OUTCOME = f"<U{max(map(len, (NOT_RUN, 'INCOMPLETE', *Outcome)))}"
OWN = {"outcome": _OUTCOME, "complete": "?", "seconds": "<f8", "message": "O", "doubts": "O"}  # what every sweep has


class Frame:
    """The names of all numbers that tasks have, with their indices and labels.

    Args:
        layouts: of the rows of these tasks.

    Attributes:
        variables: name -> index and its labels; those without an index are a number a task.

    Example:
        >>> frame = Frame([(("time", "degree", "1"), ("time", "degree", "0"), ("risk", "", "null"))])
        >>> frame.variables
        {'time': ('degree', (0, 1)), 'risk': ('', ())}
    """

    def __init__(self, layouts: Iterable[Layout]):
        layouts = list(layouts)
        self._indices: dict[str, set[str]] = {}
        labels: dict[str, dict[str, None]] = {}
        for layout in layouts:
            for name, index, label in layout:
                self._indices.setdefault(name, set()).add(index)
                if index:
                    labels.setdefault(index, {})[label] = None
        ordered = {index: sorted(own, key=_order) for index, own in labels.items()}
        self._places = {index: {label: i for i, label in enumerate(own)} for index, own in ordered.items()}
        told = {index: tuple(json.loads(label) for label in own) for index, own in ordered.items()}
        self.variables: dict[str, tuple[str, tuple[Any, ...]]] = {
            self._name(name, index): (index, told.get(index, ())) for layout in layouts for name, index, _ in layout
        }

    @property
    def bytes(self) -> int:
        """What a task takes in memory."""
        own = sum(np.dtype(kind).itemsize for kind in OWN.values())
        return own + 8 * sum(len(labels) or 1 for _, labels in self.variables.values())

    def columns(self, layout: Layout, variable: str) -> list[tuple[int, int]]:
        """Return which numbers of such a row belong to a variable, each with the place of its label."""
        return [
            (column, self._places[index][label] if index else 0)
            for column, (name, index, label) in enumerate(layout)
            if self._name(name, index) == variable
        ]

    def _name(self, name: str, index: str) -> str:
        """A name that families use with two indices gets that of the index, too."""
        return name if len(self._indices[name]) == 1 or not index else f"{name}_by_{index}"


def _order(label: str) -> tuple[int, float, str]:
    value = json.loads(label)
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


class Gathering:
    """Results of some tasks.

    Args:
        identities: what the tasks are known by, shape (tasks,).
    """

    def __init__(self, identities: np.ndarray):
        size = len(identities)
        self._identities = identities
        self._outcome = np.zeros(size, np.int16)  # place in `_outcomes`
        self._outcomes = [NOT_RUN]
        self._complete = np.zeros(size, bool)
        self._seconds = np.full(size, np.nan)
        self._attempt = np.zeros(size, np.int32)
        self._texts: dict[str, dict[int, str]] = {"message": {}, "doubts": {}}
        self._parts: dict[Layout, list[tuple[np.ndarray, np.ndarray]]] = {}  # places of tasks, and their numbers

    @property
    def layouts(self) -> list[Layout]:
        """Of all rows that were taken."""
        return list(self._parts)

    def take(self, tasks: np.ndarray, columns: Columns, rows: np.ndarray) -> None:
        """Take results.

        Args:
            tasks: places of the tasks that have them, shape (n,).
            columns: of a store.
            rows: places there of the result of each task, shape (n,).
        """
        own = columns.own[rows]
        self._outcomes += [name for name in columns.outcomes if name not in self._outcomes]
        places = np.array([self._outcomes.index(name) for name in columns.outcomes], np.int16)
        self._outcome[tasks] = places[own["outcome"]]
        self._complete[tasks] = own["complete"]
        self._seconds[tasks] = own["seconds"]
        self._attempt[tasks] = own["attempt"]
        for name, texts in (("message", columns.messages), ("doubts", columns.doubts)):
            for place in np.flatnonzero(np.isin(rows, list(texts))) if texts else ():
                self._texts[name][int(tasks[place])] = texts[int(rows[place])]
        for place, layout in enumerate(columns.layouts):
            mine, numbers = columns.numbers_of(rows, place)
            if len(mine):
                self._parts.setdefault(layout, []).append((tasks[mine], numbers))

    def own(self, name: str) -> np.ndarray:
        """Return a column that every sweep has, shape (tasks,)."""
        if name == "outcome":
            return np.array(self._outcomes, _OUTCOME)[self._outcome]
        if name in self._texts:
            texts = self._texts[name]
            result = np.full(len(self._identities), "", dtype=object if texts else "U1")  # netCDF has no empty objects
            for task, text in texts.items():
                result[task] = text
            return result
        return {"complete": self._complete, "seconds": self._seconds}[name]

    def numbers(self, variable: str, frame: Frame) -> np.ndarray:
        """Return a variable of a frame, shape (tasks, labels), or (tasks,) without any; nan where a task has none."""
        index, labels = frame.variables[variable]
        size = len(self._identities)
        result = np.full((size, len(labels)) if index else size, np.nan)
        for layout, parts in self._parts.items():
            for column, place in frame.columns(layout, variable):
                for tasks, numbers in parts:
                    result[(tasks, place) if index else tasks] = numbers[:, column]
        return result

    def paths(self, folder: Path) -> np.ndarray:
        """Return the files in which the trajectories of each task lie, relative to the folder, one a line."""
        there = trajectories(folder)
        result = np.full(len(self._identities), "", dtype=object)
        for task in np.flatnonzero(self._attempt):
            name = Name(self._identities[task].tobytes().hex(), int(self._attempt[task]))
            result[task] = "\n".join(there.get(name, ()))
        return result
