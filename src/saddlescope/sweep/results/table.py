"""The results of a sweep as a table of text: its axes, and the columns that fit or were chosen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.variables import by_interest, put_in
from saddlescope.specs.refusals import nearest
from saddlescope.study import NOTHING

if TYPE_CHECKING:
    import xarray

ROWS = 40
_WIDTH = 80
_NOT_SHOWN = ("seconds", "complete", "message", "doubts", "outcome", "trajectory")


def tabulated(dataset: xarray.Dataset, columns: Sequence[str] = ()) -> tuple[list[str], list[list[str]], int]:
    """Return heads, rows, and how many rows more there are; over seeds, mean and standard deviation.

    Args:
        dataset: of a sweep.
        columns: names of variables; by default as many as fit into 80 characters, measured times first.

    Raises:
        ArgumentError: if there is no such variable.
    """
    known = [str(name) for name, v in dataset.data_vars.items() if name not in _NOT_SHOWN and v.dtype.kind in "fiu"]
    wrong = next((name for name in columns if name not in dataset.data_vars), None)
    if wrong is not None:
        raise ArgumentError("columns", f"name variables of the sweep{nearest(wrong, known)}", wrong)
    came_out = [name for name in known if not put_in(dataset, name)]
    names = list(columns) or by_interest(dataset, came_out or known)
    kinds = {str(dim): dataset[dim].attrs.get("kind", "") if dim in dataset.coords else "" for dim in dataset.dims}
    seeds = [dim for dim, kind in kinds.items() if kind == "seeds" and len(kinds) > 1]
    index = next((str(d) for n in names for d in dataset[n].dims if not kinds[str(d)]), None)
    names = [name for name in names if set(dataset[name].dims) <= {*(d for d in kinds if kinds[d]), index}]
    dims = [str(d) for d in dataset.outcome.dims if d not in seeds]
    heads = [_head(dataset, dim) for dim in dims] + ([index] if index else [])
    heads = [*itertools.chain.from_iterable(heads[: len(dims)]), *heads[len(dims) :]]
    dims += [index] if index else []
    sizes = [dataset.sizes[dim] for dim in dims]
    left = [_place(dataset, dims, places) for places in itertools.islice(np.ndindex(*sizes), ROWS)]
    width = sum(max(len(row[i]) for row in [heads, *left]) + 1 for i in range(len(heads))) if left else 0
    cells: list[list[str]] = []
    for name in names:
        column = _column(dataset[name], dims, seeds, sizes, len(left))
        if all(cell == NOTHING for cell in column) and not columns:
            continue
        wide = max(len(text) for text in [name.replace("_", " "), *column]) + 1
        if width + wide > _WIDTH and not columns:
            continue
        width += wide
        heads.append(name.replace("_", " "))
        cells.append(column)
    rows = [[*place, *(column[i] for column in cells)] for i, place in enumerate(left)]
    return heads, rows, math.prod(sizes) - len(rows)


def _head(dataset: xarray.Dataset, dim: str) -> list[str]:
    keys = [str(key) for key, v in dataset.coords.items() if v.dims == (dim,) and key != dim]
    return keys or [dim]


def _place(dataset: xarray.Dataset, dims: list[str], places: tuple[int, ...]) -> list[str]:
    results: list[str] = []
    for dim, place in zip(dims, places, strict=True):
        names = _head(dataset, dim) if dim in dataset.outcome.dims else [dim]
        results += [_text(dataset[name].values[place]) for name in names]
    return results


def _column(variable: xarray.DataArray, dims: list[str], seeds: list[str], sizes: list[int], most: int) -> list[str]:
    own = [seed for seed in seeds if seed in variable.dims]
    inner = [dim for dim in dims if dim in variable.dims]
    several = own and max(variable.sizes[seed] for seed in own) > 1
    mean = (variable.mean(own, skipna=True) if own else variable).transpose(*inner).values
    spread = variable.std(own, skipna=True, ddof=1).transpose(*inner).values if several else None
    results = []
    for places in itertools.islice(np.ndindex(*sizes), most):
        place = tuple(p for p, dim in zip(places, dims, strict=True) if dim in variable.dims)
        text = _text(mean[place])
        if spread is not None and spread[place] > 1e-12 * abs(mean[place]):
            text += f" ± {spread[place]:.1g}"
        results.append(text)
    return results


def _text(value: Any) -> str:
    if isinstance(value, str | np.str_):
        return value if len(value) <= 24 else f"{value[:23]}."
    number = float(value)
    if math.isnan(number):
        return NOTHING
    return f"{number:.4g}" if not number.is_integer() or abs(number) >= 1e6 else f"{number:.0f}"


def outcomes(dataset: xarray.Dataset) -> dict[str, int]:
    """Return outcome -> number of tasks, the most frequent first.

    >>> import xarray
    >>> outcomes(xarray.Dataset({"outcome": ("seed", ["REACHED_END", "FAILED", "REACHED_END"])}))
    {'REACHED_END': 2, 'FAILED': 1}
    """
    names, counts = np.unique(dataset.outcome.values, return_counts=True)
    return {str(names[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")}


def failures(dataset: xarray.Dataset, most: int = 5) -> list[str]:
    """Say of the first tasks that are not complete where they lie, and how they ended."""
    results = []
    dims = [str(d) for d in dataset.outcome.dims]
    for places in np.argwhere(~dataset.complete.values & (dataset.outcome.values != "NOT_RUN"))[:most]:
        where = _place(dataset, dims, tuple(int(p) for p in places))
        names = [name for dim in dims for name in _head(dataset, dim)]
        at = ", ".join(f"{name} {value}" for name, value in zip(names, where, strict=True))
        results.append(f"{at}: {dataset.message[tuple(places)].item()}")
    return results
