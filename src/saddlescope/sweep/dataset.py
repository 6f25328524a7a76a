"""Results as an `xarray.Dataset`: the axes as dimensions, numbers as variables, how each task ended beside them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.sweep.store.index import Layout, Row
from saddlescope.sweep.store.segments import Name, trajectories

if TYPE_CHECKING:
    import xarray

    from saddlescope.sweep.design import Design

NOT_RUN = "NOT_RUN"
LARGE = 2**28  # bytes of a dataset: beyond, it is opened from a file, and read as it is used
_OWN = ("outcome", "message", "doubts", "seconds", "complete")


def short_names(design: Design) -> dict[str, str]:
    """Return key or axis -> the last word of its dotted name, where that is no other's.

    >>> from saddlescope.sweep.axes import made
    >>> from saddlescope.sweep.design import designed
    >>> from saddlescope.specs import read
    >>> axes = made({"dynamics.epsilon": [1e-4, 1e-6], "network.seed": [0, 1], "problem.seed": [0]})
    >>> design = designed(read("three_regimes").plain(), axes[1:], source="example")
    >>> short_names(design)
    {'network.seed': 'network.seed', 'problem.seed': 'problem.seed'}
    """
    names = list(dict.fromkeys(name for axis in design.axes for name in (axis.name, *axis.keys)))
    last = [name.rsplit(".", 1)[-1] for name in names]
    taken = {*_OWN}
    return {
        name: end if last.count(end) == 1 and end not in taken else name for name, end in zip(names, last, strict=True)
    }


class Gathering:
    """Numbers of many tasks, taken row by row.

    Args:
        design: the tasks.
    """

    def __init__(self, design: Design):
        size = len(design)
        self._design = design
        self.outcome = np.zeros(size, np.int16)  # place in `outcomes`
        self.outcomes = [NOT_RUN]
        self.complete = np.zeros(size, bool)
        self.seconds = np.full(size, np.nan)
        self.attempt = np.zeros(size, np.int32)
        self.messages: dict[int, str] = {}
        self.doubts: dict[int, str] = {}
        self._parts: dict[Layout, tuple[array[int], bytearray]] = {}

    def add(self, task: int, row: Row) -> None:
        """Take the result of the task of this number."""
        if row.outcome not in self.outcomes:
            self.outcomes.append(row.outcome)
        self.outcome[task] = self.outcomes.index(row.outcome)
        self.complete[task] = row.complete
        self.seconds[task] = row.seconds
        self.attempt[task] = row.attempt
        if not row.complete:
            self.messages[task] = row.message
        if row.doubts:
            self.doubts[task] = row.doubts
        if row.layout not in self._parts:
            self._parts[row.layout] = array("q"), bytearray()
        tasks, numbers = self._parts[row.layout]
        tasks.append(task)
        numbers += row.numbers

    def columns(self) -> dict[str, tuple[tuple[Any, ...], str, np.ndarray]]:
        """Return name -> labels, index and values of every variable, shape (tasks, labels), or (tasks,) without any.

        A label that a task does not have is nan there.
        """
        places = _Places(self._parts)
        size = len(self._design)
        results: dict[str, tuple[tuple[Any, ...], str, np.ndarray]] = {}
        for layout, (tasks, numbers) in self._parts.items():
            table = np.frombuffer(numbers, "<f8").reshape(len(tasks), len(layout))
            rows = np.frombuffer(tasks, np.int64)
            for column, (name, index, label) in enumerate(layout):
                key = places.name(name, index)
                if key not in results:
                    labels = places.labels(index)
                    shape = (size, len(labels)) if index else (size,)
                    results[key] = labels, index, np.full(shape, np.nan)
                values = results[key][2]
                if index:
                    values[rows, places.place(index, label)] = table[:, column]
                else:
                    values[rows] = table[:, column]
        return results


class _Places:
    """Where each label of each index stands, over all tasks, and the names of variables."""

    def __init__(self, layouts: Iterable[Layout]):
        results: dict[str, dict[str, None]] = {}
        self._indices: dict[str, set[str]] = {}
        for layout in layouts:
            for name, index, label in layout:
                self._indices.setdefault(name, set()).add(index)
                if index:
                    results.setdefault(index, {})[label] = None
        self._labels = {index: sorted(labels, key=_order) for index, labels in results.items()}
        self._places = {index: {label: i for i, label in enumerate(labels)} for index, labels in self._labels.items()}

    def name(self, name: str, index: str) -> str:
        """A name that families use with two indices gets that of the index, too."""
        return name if len(self._indices[name]) == 1 or not index else f"{name}_by_{index}"

    def labels(self, index: str) -> tuple[Any, ...]:
        return tuple(json.loads(label) for label in self._labels.get(index, ()))

    def place(self, index: str, label: str) -> int:
        return self._places[index][label]


def _order(label: str) -> tuple[int, float, str]:
    value = json.loads(label)
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def dataset(design: Design, result: Gathering, title: str, folder: Path | None, keep: str) -> xarray.Dataset:
    """Return the results of a sweep with names on every axis.

    Args:
        design: the tasks.
        result: their results.
        title: of the sweep.
        folder: of the store, None if that will not last.
        keep: what is kept of trajectories.
    """
    import xarray

    names = short_names(design)
    dims = tuple(names[axis.name] for axis in design.axes)
    coords: dict[str, Any] = {}
    for axis, points in zip(design.axes, design.points(), strict=True):
        dim = names[axis.name]
        for place, key in enumerate(axis.keys):
            values = _coordinate([point[place] for point in points])
            label = names[key]
            coords[label] = (dim, values, {"key": key, "kind": axis.kind})
        if dim not in coords:
            coords[dim] = (dim, np.arange(len(axis)), {"kind": axis.kind})
    of_axes = frozenset(coords)
    variables: dict[str, Any] = {}
    for name, (labels, index, values) in result.columns().items():
        if index:
            inner = f"{index}_row" if index in of_axes else index
            coords.setdefault(inner, (inner, _coordinate(list(labels))))
            variables[_free(name, coords)] = ((*dims, inner), values.reshape(*design.shape, len(labels)))
        else:
            variables[_free(name, coords)] = (dims, values.reshape(design.shape))
    shape = design.shape
    texts = np.array(result.outcomes)
    variables["outcome"] = (dims, texts[result.outcome].reshape(shape))
    variables["complete"] = (dims, result.complete.reshape(shape))
    variables["seconds"] = (dims, result.seconds.reshape(shape), {"units": "s"})
    variables["message"] = (dims, _sparse(result.messages, len(design)).reshape(shape))
    variables["doubts"] = (dims, _sparse(result.doubts, len(design)).reshape(shape))
    attributes = {"title": title, "family": design.family}
    if folder is not None:
        attributes["store"] = str(folder)
        if keep != "none":
            variables["trajectory"] = (dims, _paths(design, result, folder).reshape(shape))
    return xarray.Dataset(variables, coords, attributes)


def _free(name: str, coords: dict[str, Any]) -> str:
    """A name that is no coordinate's."""
    return name if name not in coords and name not in _OWN else f"{name}_value"


def _coordinate(values: list[Any]) -> np.ndarray:
    """Values of an axis as numbers where they are, else as texts."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.array(values)
    return np.array([v if isinstance(v, str) else json.dumps(v) for v in values], dtype=str)


def _sparse(texts: dict[int, str], size: int) -> np.ndarray:
    if not texts:
        return np.zeros(size, "U1")
    result = np.full(size, "", dtype=object)
    for task, text in texts.items():
        result[task] = text
    return result


def _paths(design: Design, result: Gathering, folder: Path) -> np.ndarray:
    """The files in which the trajectories of each task lie, relative to the folder, one a line."""
    known = design.identities()
    there = trajectories(folder)
    paths = np.full(len(design), "", dtype=object)
    for task in np.flatnonzero(result.attempt):
        name = Name(known[task].tobytes().hex(), int(result.attempt[task]))
        paths[task] = "\n".join(there.get(name, ()))
    return paths
