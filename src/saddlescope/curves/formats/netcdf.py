"""Trajectories that saddlescope saved as netCDF."""

from __future__ import annotations

import io

import numpy as np

from saddlescope.curves.refusals import CurveError, listed
from saddlescope.curves.tables import Column, Log, Table

_MOST_COLUMNS = 200


def read_netcdf(data: bytes, name: str) -> Log:
    """Return the observables over `time`, each entry of a second axis as a column of its own.

    Raises: CurveError where the file has no variable over time.
    """
    import h5py  # costs a tenth of a second that other formats need not pay

    columns: list[Column] = []
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            names = list(file)
            times = file.get("time")
            if not isinstance(times, h5py.Dataset) or times.ndim != 1:
                raise CurveError(
                    f"{name} is an HDF5 file without a variable `time` (it has {listed(names)}); save the curve as CSV."
                )
            columns.append(Column("time", np.asarray(times, dtype=np.float64), None, 1))
            for key in names:
                variable = file[key]
                if not isinstance(variable, h5py.Dataset) or key == "time" or variable.dtype.kind not in "fiu":
                    continue
                if variable.shape[:1] != times.shape or variable.ndim > 2 or (variable.size or 0) > 5e7:
                    continue
                values = np.asarray(variable, dtype=np.float64)
                if values.ndim == 1:
                    columns.append(Column(key, values, None, len(columns) + 1))
                elif values.shape[1] <= _MOST_COLUMNS:
                    columns += [
                        Column(f"{key}[{k}]", values[:, k], None, len(columns) + 1 + k) for k in range(values.shape[1])
                    ]
    except CurveError:
        raise
    except Exception as error:  # a damaged HDF5 file fails in many ways
        raise CurveError(
            f"{name} is a damaged HDF5 file ({' '.join(str(error).split())[:120]}); save it again."
        ) from None
    if len(columns) < 2:
        raise CurveError(f"{name} holds no curve over `time` (it has {listed(names)}).")
    table = Table(columns, len(columns[0]), None, "entry", clock="time")
    return Log("saddlescope trajectory, netCDF", [table])
