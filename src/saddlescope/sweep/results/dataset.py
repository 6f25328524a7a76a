"""Results as an `xarray.Dataset`: the axes as dimensions, numbers as variables, how each task ended beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from saddlescope.sweep.results.gathering import OWN, Frame, Gathering

if TYPE_CHECKING:
    import xarray

    from saddlescope.sweep.design import Design


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
    taken = {*OWN}
    return {
        name: end if last.count(end) == 1 and end not in taken else name for name, end in zip(names, last, strict=True)
    }


Column = Callable[[Gathering], np.ndarray]  # of some tasks, shape (tasks, labels), or (tasks,) without any


class Source(Protocol):
    """Where variables come from."""

    def variable(self, column: Column, dtype: str, labels: int | None = None) -> Any:
        """Return a column of all tasks with the axes for dimensions, shape (*axes, labels), or (*axes,) without any."""
        ...


class Memory:
    """Results in memory.

    Args:
        result: of all tasks.
        shape: of the axes.
    """

    def __init__(self, result: Gathering, shape: tuple[int, ...]):
        self._result, self._shape = result, shape

    def variable(self, column: Column, dtype: str, labels: int | None = None) -> np.ndarray:
        """Return a variable, see `Source`."""
        del dtype, labels
        values = column(self._result)
        return values.reshape(*self._shape, *values.shape[1:])


def dataset(design: Design, frame: Frame, source: Source, title: str, folder: Path | None, keep: str) -> xarray.Dataset:
    """Return the results of a sweep with names on every axis.

    Args:
        design: the tasks.
        frame: the numbers that they have.
        source: their results.
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
    for name, (index, labels) in frame.variables.items():
        numbers = partial(Gathering.numbers, variable=name, frame=frame)
        if index:
            inner = f"{index}_row" if index in of_axes else index
            coords.setdefault(inner, (inner, _coordinate(list(labels))))
            variables[_free(name, coords)] = ((*dims, inner), source.variable(numbers, "<f8", len(labels)))
        else:
            variables[_free(name, coords)] = (dims, source.variable(numbers, "<f8"))
    for name, dtype in OWN.items():
        units = {"units": "s"} if name == "seconds" else {}
        variables[name] = (dims, source.variable(partial(Gathering.own, name=name), dtype), units)
    attributes = {"title": title, "family": design.family}
    if folder is not None:
        attributes["store"] = str(folder)
        if keep != "none":
            variables["trajectory"] = (dims, source.variable(partial(Gathering.paths, folder=folder), "O"))
    return xarray.Dataset(_ready(variables), _ready(coords), attributes)


def _ready(variables: dict[str, Any]) -> dict[str, xarray.Variable]:
    """Variables as xarray keeps them; given less it loads Dask, where that is installed, to see what they are."""
    import xarray

    return {name: xarray.Variable(*told, fastpath=True) for name, told in variables.items()}


def _free(name: str, coords: dict[str, Any]) -> str:
    """A name that is no coordinate's."""
    return name if name not in coords and name not in OWN else f"{name}_value"


def _coordinate(values: list[Any]) -> np.ndarray:
    """Values of an axis as numbers where they are, else as texts."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.array(values)
    return np.array([v if isinstance(v, str) else json.dumps(v) for v in values], dtype=str)
