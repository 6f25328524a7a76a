"""Results of a large sweep, read from its store as they are used: what is selected, and no more, is in memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from saddlescope.sweep.design import Design, spec_version
from saddlescope.sweep.results.dataset import Column
from saddlescope.sweep.results.gathering import Gathering
from saddlescope.sweep.store.columns import Columns
from saddlescope.sweep.store.segments import Name
from saddlescope.sweep.store.store import Store

_PIECE = 2**14  # tasks that are read at a time


class Stored:
    """Results in a store, as they were when the dataset was made: attempts that come later are not in it.

    Args:
        design: the tasks.
        identities: what they are known by, shape (tasks,).
        attempts: number of the attempt at each, 0 where there is none, shape (tasks,).
        folder: of the store.
    """

    def __init__(self, design: Design, identities: np.ndarray, attempts: np.ndarray, folder: Path):
        self.shape, self._family = design.shape, design.family
        self._identities, self._attempts, self._folder = identities, attempts, folder.absolute()

    def variable(self, column: Column, dtype: str, labels: int | None = None) -> indexing.LazilyIndexedArray:
        """Return a variable that is read when it is used, see `dataset.Source`."""
        shape = self.shape if labels is None else (*self.shape, labels)
        return indexing.LazilyIndexedArray(_Variable(self, column, shape, np.dtype(dtype)))

    def read(self, tasks: np.ndarray, column: Column, dtype: np.dtype) -> np.ndarray:
        """Return a column of some tasks.

        Raises:
            StoreError: if the store, or a result in it, is there no more.
        """
        order = np.argsort(self._identities[tasks], kind="stable")  # as they lie in the index
        result = np.empty(0, dtype)
        store = Store(self._folder, self._family, spec_version(self._family), write=False)
        with contextlib.closing(store):
            for first in range(0, max(len(tasks), 1), _PIECE):
                some = order[first : first + _PIECE]
                values = column(self._gathered(store, tasks[some]))
                if first == 0:
                    result = np.empty((len(tasks), *values.shape[1:]), dtype)
                result[some] = values
        return result

    def _gathered(self, store: Store, tasks: np.ndarray) -> Gathering:
        result = Gathering(self._identities[tasks])
        places: dict[Name, list[int]] = {}
        for place in np.flatnonzero(self._attempts[tasks]):
            identity = self._identities[tasks[place]].tobytes().hex()
            places.setdefault(Name(identity, int(self._attempts[tasks[place]])), []).append(int(place))
        # the same spec at several points is one task
        rows = sorted(store.rows_of(places))
        wanted = [places[row.name] for row in rows]
        result.take(
            np.array([place for some in wanted for place in some], int),
            Columns.of(rows),
            np.repeat(np.arange(len(rows)), [len(some) for some in wanted]),
        )
        return result


class _Variable(BackendArray):
    """One variable, as xarray asks for parts of it."""

    def __init__(self, source: Stored, column: Column, shape: tuple[int, ...], dtype: np.dtype):
        self._source, self._column = source, column
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        places = [np.arange(size)[part] for size, part in zip(self.shape, key, strict=True)]
        depth = len(self._source.shape)
        grid = np.ix_(*(np.atleast_1d(place) for place in places[:depth]))
        tasks = np.ravel_multi_index(grid, self._source.shape).ravel()
        values = self._source.read(tasks, self._column, self.dtype)
        for inner in places[depth:]:
            values = values[:, inner]
        return values.reshape([len(place) for place in places if place.ndim])
