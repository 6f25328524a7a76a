"""Labels of observables, one table a family; a trajectory is assembled from them and from what a flow reads."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.solve.loop import Record
    from saddlescope.solve.protocols import Dynamics


class Label(NamedTuple):
    """What an observable of a family is called, over which axes it runs, and what it means.

    Attributes:
        name: of the observable.
        dims: names of its axes; one that a run has no coordinate for is left out (`run` of a single run, say).
        meaning: as an axis label says it.
        unit: of its values; empty for a number without one.
    """

    name: str
    dims: tuple[str, ...]
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Reading:
    """What a flow reads from a raw record: everything about its run that its labels and the record do not tell.

    Attributes:
        observables: name -> array; the names are those of the family's labels.
        coords: coordinates of all axes other than `time` and `state_time`.
        accuracy: error estimates.
        doubts: sentences on what may be wrong, beside how the run ended.
        solver: what else is to be said on how it was made.
    """

    observables: dict[str, np.ndarray]
    coords: dict[str, np.ndarray]
    accuracy: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    solver: dict[str, Any] = field(default_factory=dict)


def assembled(dynamics: Dynamics, record: Record) -> Trajectory:
    """Return the labelled result of a raw record, with its outcome, doubts and the citations of what made it.

    Raises:
        ValueError: if the dynamics reads something that its labels do not have, or of other axes.
    """
    reading = dynamics.read(record)
    labels = {label.name: label for label in dynamics.labels}
    coords = {"time": record.times, "state_time": record.state_times, **reading.coords}
    dims: dict[str, tuple[str, ...]] = {}
    for name, values in reading.observables.items():
        if name not in labels:
            raise ValueError(f"{type(dynamics).__name__} reads {name}, which its labels do not have.")
        dims[name] = tuple(dim for dim in labels[name].dims if dim in coords)
        if tuple(len(coords[dim]) for dim in dims[name]) != np.shape(values):
            raise ValueError(f"{name} of {type(dynamics).__name__} has shape {np.shape(values)}, not {dims[name]}.")
    used = {dim for axes in dims.values() for dim in axes}
    kept = {name: values for name, values in coords.items() if name == "time" or name in used}
    units = {
        label.name: label.meaning + (f" [{label.unit}]" if label.unit else "")
        for label in dynamics.labels
        if label.name in reading.observables or label.name in kept
    }
    ended = () if record.outcome.complete else (record.outcome.message,)
    return Trajectory(
        kind=type(dynamics).__name__,
        observables=reading.observables,
        dims=dims,
        coords=kept,
        units=units,
        parameters=dynamics.describe(),
        solver=record.solver | reading.solver,
        accuracy=reading.accuracy,
        versions=versions(),
        outcome=record.outcome,
        message=record.outcome.message,
        doubts=(*ended, *reading.doubts, *record.doubts),
        references=tuple(dict.fromkeys((*dynamics.references, *record.references))),
        flow=dynamics,
    )


@functools.lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    names = ("saddlescope", "jax", "diffrax", "equinox", "numpy", "scipy")
    result = {name: importlib.metadata.version(name) for name in names}
    import jax

    return result | {"python": platform.python_version(), "device": jax.default_backend()}


def versions() -> dict[str, str]:
    """Versions of what makes a result, for its provenance."""
    return dict(_versions())  # looked up once: reading them takes as long as a hundred steps
