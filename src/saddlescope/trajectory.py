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
from saddlescope.arguments import ArgumentError, path_of
from saddlescope.identity import identity
from saddlescope.outcome import Outcome

if TYPE_CHECKING:
    import xarray

_FORMAT, _WITHOUT_CHECKSUM = "saddlescope trajectory 2", "saddlescope trajectory 1"
_RECORDS = ("parameters", "solver", "accuracy", "versions")
_ONLY_A_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"
_WORDS = ("format", "kind", "outcome", "message", "doubts", "references")


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
        outcome: how it ended, a `solve.Outcome`, which is equal to its name.
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
    outcome: Outcome = field(kw_only=True)
    message: str = ""
    doubts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    flow: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "outcome", Outcome(self.outcome))
        except ValueError:
            raise ArgumentError("outcome", f"be one of {', '.join(Outcome)}", self.outcome) from None
        for name in ("time", "state_time"):
            if name in self.coords and not np.all(np.diff(self.coords[name]) >= 0):
                raise ArgumentError("coords", f"hold a {name} that does not fall", name)

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

    def _attributes(self, form: str = _WITHOUT_CHECKSUM) -> dict[str, str]:
        attributes = {name: json.dumps(getattr(self, name), default=_plain) for name in _RECORDS}
        return attributes | {
            "format": form,
            "kind": self.kind,
            "outcome": self.outcome.value,
            "message": self.message,
            "doubts": json.dumps(self.doubts),
            "references": json.dumps(self.references),
        }

    def content(self) -> bytes:
        """Write netCDF as `dataset.to_netcdf` would, without the half second that importing xarray takes.

        It is made in memory: on a full disk, the HDF5 library ends the interpreter.
        """
        import h5netcdf

        buffer = io.BytesIO()
        with h5netcdf.File(buffer, "w") as file:
            attributes = self._attributes(_FORMAT)
            columns = {name: ((name,), np.asarray(values)) for name, values in self.coords.items()}
            columns |= {name: (self.dims[name], np.asarray(values)) for name, values in self.observables.items()}
            units = {name: self.units[name] for name in columns if name in self.units}
            file.attrs.update(attributes | {"checksum": _checksum(attributes, columns, units)})
            for name, (dims, values) in columns.items():
                for dim, size in zip(dims, np.shape(values), strict=True):
                    if dim not in file.dimensions:
                        file.dimensions[dim] = size
                variable = file.create_variable(name, dims, data=values)
                if name in self.units:
                    variable.attrs["units"] = self.units[name]
                if np.issubdtype(values.dtype, np.floating):
                    variable.attrs["_FillValue"] = np.asarray(np.nan, values.dtype)
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one netCDF file; the file appears whole or not at all.

        Raises:
            ArgumentError: if the folder does not exist or cannot be written to, or the path names no regular file.
            NotWrittenError: an `OSError`, if the disk is full, say; what was there before is unchanged.
        """
        return files.write(path, self.content())

    def citations(self) -> str:
        """Return BibTeX for the papers and software this result rests on."""
        from saddlescope.references import bibtex

        return bibtex(self.references)

    def __repr__(self) -> str:
        """Sizes, steps and outcome at a glance."""
        lines = [f"Trajectory of {self.kind}: {self.message}", f"  {self._span()}"]
        for name, values in self.observables.items():
            lines.append(f"  {name}({', '.join(self.dims[name])})  {'x'.join(map(str, values.shape))}")
        size = sum(v.nbytes for v in self.observables.values())
        lines.append(f"  {size / 1e6:.2f} MB" + "".join(f"\n  doubt: {d}" for d in self.doubts))
        return "\n".join(lines)

    def _span(self) -> str:
        span = f"{len(self.time)} times from 0 to {self.time[-1]:.6g}"
        if "steps_accepted" in self.solver:
            span += (
                f"; {self.solver.get('method', 'solver')}: {self.solver['steps_accepted']} steps accepted, "
                f"{self.solver['steps_rejected']} rejected, {self.solver.get('seconds', float('nan')):.3g} s"
            )
        return span

    def _repr_html_(self) -> str:
        from saddlescope.summary import html

        table = {
            name: (self.dims.get(name, ()), np.shape(values), self.units.get(name, ""))
            for name, values in self.observables.items()
        }
        level = next((self.observables[name] for name in ("risk", "cost") if name in self.observables), None)
        remarks = [self._span(), *(f"Doubt: {doubt}" for doubt in self.doubts)]
        return html(f"{self.kind}: {self.message}", remarks, table, self.time, level)


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory that `Trajectory.save` wrote, and check that it is as it was written.

    A file of an earlier version, or one that xarray wrote of a `dataset`, carries no checksum: it gets a doubt.

    Raises:
        ArgumentError: if the file is missing, damaged, or was not written by saddlescope.
    """
    path = path_of("path", path)
    if not path.is_file():
        raise ArgumentError("path", "name an existing result file", str(path))
    try:
        attributes, columns, units = _parts(path.read_bytes())
    except Exception as error:  # h5py raises half a dozen kinds of error for a damaged file
        raise _damaged(path, f"it could not be read: {_short(error)}") from None
    form, checksum = attributes.get("format"), attributes.pop("checksum", None)
    if form not in (_FORMAT, _WITHOUT_CHECKSUM):
        raise ArgumentError("path", f'name a file of format "{_FORMAT}"', str(path))
    attributes = {name: attributes[name] for name in attributes if name in (*_RECORDS, *_WORDS)}
    if form == _FORMAT and checksum != _checksum(attributes, columns, units):
        raise _damaged(path, "its content is not what was written")
    unverified = "The file carries no checksum: that it is as it was written could not be verified."
    try:
        return Trajectory(
            kind=attributes["kind"],
            observables={name: values for name, (dims, values) in columns.items() if dims != (name,)},
            dims={name: dims for name, (dims, _) in columns.items() if dims != (name,)},
            coords={name: values for name, (dims, values) in columns.items() if dims == (name,)},
            units={name: unit for name, unit in units.items() if columns[name][0] != (name,)},
            outcome=Outcome(attributes["outcome"]),
            message=attributes["message"],
            doubts=(*json.loads(attributes["doubts"]), *(() if form == _FORMAT else (unverified,))),
            references=tuple(json.loads(attributes["references"])),
            **{name: json.loads(attributes[name]) for name in _RECORDS},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, _short(error)) from None


def _parts(content: bytes) -> tuple[dict[str, str], dict[str, tuple[tuple[str, ...], np.ndarray]], dict[str, str]]:
    """Attributes, variables with their dimensions, and units of a netCDF file, read as the HDF5 file that it is.

    Of a damaged file, h5netcdf leaves an object behind that complains when it is collected.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        attributes = {name: value for name, value in file.attrs.items() if isinstance(value, str)}
        columns: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
        units: dict[str, str] = {}
        for name, variable in file.items():
            if bytes(variable.attrs.get("NAME", b"")).startswith(_ONLY_A_DIMENSION):
                continue
            scales = [(axis[0].name or "").lstrip("/") for axis in variable.dims] if not variable.is_scale else [name]
            columns[name] = tuple(scales), variable[...]
            if "units" in variable.attrs:
                units[name] = str(variable.attrs["units"])
    return attributes, columns, units


def _checksum(
    attributes: dict[str, str], columns: Mapping[str, tuple[tuple[str, ...], np.ndarray]], units: dict[str, str]
) -> str:
    return identity((attributes, columns, units))


def _damaged(path: Path, reason: str) -> ArgumentError:
    return ArgumentError("path", f"name a whole saddlescope result file ({reason})", str(path))


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
