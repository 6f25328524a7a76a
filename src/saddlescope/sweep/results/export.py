"""A sweep's dataset in a file of another kind: netCDF, Zarr, Parquet, CSV."""

from __future__ import annotations

import secrets
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from saddlescope import files
from saddlescope.arguments import ArgumentError

if TYPE_CHECKING:
    import xarray

KINDS = (".nc", ".zarr", ".parquet", ".csv")


def check_kind(path: Path) -> None:
    """Refuse a path that names no kind of file that can be written.

    Raises:
        ArgumentError: naming what is known, or what is not installed.
    """
    if path.suffix not in KINDS:
        raise ArgumentError("--export", f"end in one of {', '.join(KINDS)}", str(path))
    if not path.absolute().parent.is_dir():
        raise ArgumentError("--export", "lie in an existing folder", str(path))
    needed = {".zarr": "zarr", ".parquet": "pyarrow"}.get(path.suffix)
    if needed is not None:
        import importlib.util

        if importlib.util.find_spec(needed) is None:
            raise ArgumentError("--export", f"be another kind unless {needed} is installed", str(path))


def exported(dataset: xarray.Dataset, path: Path) -> Path:
    """Write a dataset; the file appears whole or not at all.

    Args:
        dataset: of a sweep.
        path: its ending says the kind. Tables (.parquet, .csv) have a row for each point and label.

    Raises:
        ArgumentError: if the kind is not known.
        NotWrittenError: if the system fails to write it.
    """
    check_kind(path)
    if path.suffix == ".zarr":
        return _zarr(dataset, path)
    with files.replaced(path, argument="--export") as partial:
        if path.suffix == ".nc":
            dataset.to_netcdf(partial, engine="h5netcdf")
        else:
            frame = dataset.to_dataframe().reset_index()
            if path.suffix == ".csv":
                frame.to_csv(partial, index=False)
            else:
                frame.to_parquet(partial, index=False)
    return path


def _zarr(dataset: xarray.Dataset, path: Path) -> Path:
    if path.exists() and not any((path / name).exists() for name in ("zarr.json", ".zgroup")):
        raise ArgumentError("--export", "name a new folder, or one that holds such a dataset", str(path))
    mark = secrets.token_hex(4)
    partial, old = (path.with_name(f".{path.name}.{mark}.{end}") for end in ("partial", "old"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on texts, whose place in the format is new
            dataset.to_zarr(partial, mode="w")
        if path.exists():
            path.rename(old)
        partial.rename(path)
    except OSError as error:
        raise files.NotWrittenError(path, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return path
