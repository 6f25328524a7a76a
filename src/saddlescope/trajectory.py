"""The one result type: labelled curves, what made them, how far they can be trusted; one netCDF file each."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope import files
from saddlescope.arguments import ArgumentError

if TYPE_CHECKING:
    import xarray

_FORMAT = "saddlescope trajectory 1"
_RECORDS = ("parameters", "solver", "accuracy", "versions")


@dataclass(frozen=True)
class Trajectory:
    """A run of a dynamics: curves over time with names on every axis, and what made them.

    Attributes:
        kind: which dynamics made it, such as "MeanFieldFlow".
        observables: name -> array; the first axis is `time`, or `state_time` for saved states.
        dims: name -> names of its axes.
        coords: axis name -> coordinate values, `time` among them (starts at 0, strictly increasing).
        units: name -> unit or meaning, for axis labels.
        parameters: what was asked for, as plain values.
        solver: how it was integrated: method, tolerances, steps accepted and rejected, seconds.
        accuracy: error estimates that travel with the result.
        versions: of the libraries that made it.
        outcome: name of the `solve.Outcome`.
        message: the outcome in a sentence.
        doubts: sentences on what may be wrong with this run; empty for a clean one.
        references: BibTeX keys to cite, see `citations`.
        flow: what was solved, set by `solve`; not saved, None for a trajectory that was loaded from a file.
    """

    kind: str
    observables: dict[str, np.ndarray]
    dims: dict[str, tuple[str, ...]]
    coords: dict[str, np.ndarray]
    units: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    solver: dict[str, Any] = field(default_factory=dict)
    accuracy: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    outcome: str = "REACHED_END"
    message: str = ""
    doubts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    flow: Any = field(default=None, compare=False, repr=False)

    @property
    def time(self) -> np.ndarray:
        """Times of the observables, shape (time,); the first is 0."""
        return self.coords["time"]

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an observable or a coordinate by name."""
        if name in self.observables:
            return self.observables[name]
        if name in self.coords:
            return self.coords[name]
        known = ", ".join([*self.observables, *self.coords])
        raise KeyError(f"no `{name}` in this trajectory; it holds {known}")

    @property
    def dataset(self) -> xarray.Dataset:
        """The same data as an `xarray.Dataset`, built on each call."""
        import xarray  # here, since it costs half a second that a run without it need not pay

        variables = {
            name: (self.dims[name], values, {"units": self.units[name]} if name in self.units else {})
            for name, values in self.observables.items()
        }
        return xarray.Dataset(variables, self.coords, self._attributes())

    def _attributes(self) -> dict[str, str]:
        attributes = {name: json.dumps(getattr(self, name), default=_plain) for name in _RECORDS}
        return attributes | {
            "format": _FORMAT,
            "kind": self.kind,
            "outcome": self.outcome,
            "message": self.message,
            "doubts": json.dumps(self.doubts),
            "references": json.dumps(self.references),
        }

    def _content(self) -> bytes:
        """Write netCDF as `dataset.to_netcdf` would, without the half second that importing xarray takes.

        It is made in memory: on a full disk, the HDF5 library ends the interpreter.
        """
        import h5netcdf

        buffer = io.BytesIO()
        with h5netcdf.File(buffer, "w") as file:
            file.attrs.update(self._attributes())
            columns = {name: ((name,), values) for name, values in self.coords.items()}
            columns |= {name: (self.dims[name], values) for name, values in self.observables.items()}
            for name, (dims, values) in columns.items():
                for dim, size in zip(dims, np.shape(values), strict=True):
                    if dim not in file.dimensions:
                        file.dimensions[dim] = size
                variable = file.create_variable(name, dims, data=np.asarray(values))
                if name in self.units:
                    variable.attrs["units"] = self.units[name]
                if np.issubdtype(np.asarray(values).dtype, np.floating):
                    variable.attrs["_FillValue"] = np.asarray(np.nan, np.asarray(values).dtype)
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one netCDF file; the file appears whole or not at all.

        Raises:
            ArgumentError: if the folder does not exist or cannot be written to, or the path names no regular file.
            NotWrittenError: an `OSError`, if the disk is full, say; what was there before is unchanged.
        """
        return files.write(path, self._content())

    def citations(self) -> str:
        """Return BibTeX for the papers and software this result rests on."""
        from saddlescope.references import bibtex

        return bibtex(self.references)

    def __repr__(self) -> str:
        """Sizes, steps and outcome at a glance."""
        time = self.time
        lines = [f"Trajectory of {self.kind}: {self.message}"]
        span = f"  {len(time)} times from 0 to {time[-1]:.6g}"
        if "steps_accepted" in self.solver:
            span += (
                f"; {self.solver.get('method', 'solver')}: {self.solver['steps_accepted']} steps accepted, "
                f"{self.solver['steps_rejected']} rejected, {self.solver.get('seconds', float('nan')):.3g} s"
            )
        lines.append(span)
        for name, values in self.observables.items():
            lines.append(f"  {name}({', '.join(self.dims[name])})  {'x'.join(map(str, values.shape))}")
        size = sum(v.nbytes for v in self.observables.values())
        lines.append(f"  {size / 1e6:.2f} MB" + "".join(f"\n  doubt: {d}" for d in self.doubts))
        return "\n".join(lines)


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory that `Trajectory.save` wrote.

    Raises:
        ArgumentError: if the file is missing, truncated, or was not written by saddlescope.
    """
    import xarray

    path = Path(path)
    if not path.is_file():
        raise ArgumentError("path", "name an existing result file", str(path))
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load()
    except Exception as error:  # h5py raises half a dozen kinds of error for a damaged file
        raise ArgumentError(
            "path", f"name a whole saddlescope result file (it could not be read: {_short(error)})", str(path)
        ) from None
    if dataset.attrs.get("format") != _FORMAT:
        raise ArgumentError("path", f'name a file of format "{_FORMAT}"', str(path))
    try:
        records = {name: json.loads(dataset.attrs[name]) for name in _RECORDS}
        return Trajectory(
            kind=dataset.attrs["kind"],
            observables={str(n): v.to_numpy() for n, v in dataset.data_vars.items()},
            dims={str(n): tuple(map(str, v.dims)) for n, v in dataset.data_vars.items()},
            coords={str(n): v.to_numpy() for n, v in dataset.coords.items()},
            units={str(n): v.attrs["units"] for n, v in dataset.data_vars.items() if "units" in v.attrs},
            outcome=dataset.attrs["outcome"],
            message=dataset.attrs["message"],
            doubts=tuple(json.loads(dataset.attrs["doubts"])),
            references=tuple(json.loads(dataset.attrs["references"])),
            **records,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError("path", f"name a whole saddlescope result file ({_short(error)})", str(path)) from None


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:120]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
