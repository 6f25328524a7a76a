"""Which variables of a sweep come first in pictures and tables, and which hold what is predicted for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray


def by_interest(dataset: xarray.Dataset, names: list[str]) -> list[str]:
    """Return names of variables, first what came out: times, of these what is measured, then what is predicted for it.

    What was put in comes last.

    Args:
        dataset: of a sweep.
        names: of variables that hold numbers.
    """

    def place(name: str) -> tuple[bool, bool, int]:
        return put_in(dataset, name), "time" not in name.split("_"), _kind(dataset, name)

    return sorted(names, key=place)


def _kind(dataset: xarray.Dataset, name: str) -> int:
    """0 for what is measured, 1 for what is predicted, 2 for the rest."""
    return 0 if name.startswith("measured") or predicted_of(dataset, name) else 1 if "predicted" in name else 2


def predicted_of(dataset: xarray.Dataset, name: str) -> str | None:
    """Return the variable that holds what is predicted for another one, None if there is none."""
    for other in (name.replace("measured", "predicted"), f"predicted_{name}", f"{name}_predicted"):
        if other != name and other in dataset.data_vars and set(dataset[other].dims) <= set(dataset[name].dims):
            return other
    return None


def put_in(dataset: xarray.Dataset, name: str) -> bool:
    """Whether a variable was put in, as it is the same at all points of the sweep, or the values of one of its axes.

    What is measured or predicted is not, even where it is always the same.
    """
    variable = dataset[name]
    axes = [dim for dim in variable.dims if dim in dataset.coords and dataset[dim].attrs.get("kind")]
    if _kind(dataset, name) < 2 or all(variable.sizes[dim] == 1 for dim in axes):
        return False
    if _equal(variable.max(axes), variable.min(axes)):
        return True
    return any(_equal(variable, dataset[dim]) for dim in axes if dataset[dim].dtype.kind in "fiu")


def _equal(one: xarray.DataArray, other: xarray.DataArray) -> bool:
    """Whether numbers are the same but for rounding; where a task failed they may be anything."""
    values = other.broadcast_like(one).transpose(*one.dims).values
    return bool(np.all(np.isclose(one.values, values, rtol=1e-12, atol=0.0) | np.isnan(one.values) | np.isnan(values)))
