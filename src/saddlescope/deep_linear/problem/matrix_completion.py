"""Matrix completion: least squares on the observed entries of a matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from os import PathLike
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.problem.cost import QuadraticCost, entries_or_nan
from saddlescope.deep_linear.problem.ratings import read_ratings


class MatrixCompletion(QuadraticCost):
    """Matrix completion: C(A) = ½ Σ over observed entries of (A − S)², not divided by their number.

    Arguments: `target` S (d_out, d_in), nan allowed where an entry is not observed and not known;
    `observed` (d_out, d_in) of bool, by default every entry that is not nan. The test error is the relative error on
    the unobserved entries that are known, √(Σ (A − S)² / Σ S²); nan when there are none.

    Raises `ArgumentError` if the mask is not of booleans, is of another shape, observes nothing or all,
    or if an observed entry is not finite. Rows and columns without any observed entry are allowed;
    `remarks` names them.

    Source: Jacot et al., arXiv 2106.15933 (matrix completion example).

    >>> cost = MatrixCompletion([[1.0, 2.0], [2.0, 4.0]], observed=[[True, True], [True, False]])
    >>> float(cost.value(jnp.zeros((2, 2)))), float(cost.test_error(jnp.zeros((2, 2))))
    (4.5, 1.0)
    >>> MatrixCompletion([[2.0, float("nan")], [float("nan"), 1.0]]).examples
    2
    """

    numpy_pays: ClassVar[bool] = True

    observed: Array
    values: Array
    held_out: Array
    truth: Array

    def __init__(self, target: Any, *, observed: Any = None):
        entries = entries_or_nan("target", target)
        mask = ~np.isnan(entries) if observed is None else np.asarray(observed)
        named, value = ("target", target) if observed is None else ("observed", observed)
        if mask.dtype != np.bool_:
            raise ArgumentError("observed", "be a mask of booleans", observed)
        if mask.shape != entries.shape:
            raise ArgumentError("observed", f"have the shape of the target, {entries.shape}", mask.shape)
        if not mask.any():
            raise ArgumentError(named, "observe at least one entry", value)
        if mask.all():
            raise ArgumentError(named, "leave an entry unobserved (else use LeastSquares)", value)
        if not np.all(np.isfinite(entries[mask])):
            raise ArgumentError("target", "be finite on the observed entries", target)
        if np.any(np.isinf(entries)):
            raise ArgumentError("target", "be finite, or nan where it is unknown", target)
        known = ~mask & np.isfinite(entries)
        self.observed = jnp.asarray(mask)
        self.values = jnp.asarray(np.where(mask, entries, 0.0))
        self.held_out = jnp.asarray(known)
        self.truth = jnp.asarray(np.where(known, entries, 0.0))

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        labels: bool = False,
        held_out: float = 0.0,
        seed: int = 0,
        test: str | PathLike[str] | None = None,
        centre: bool = False,
    ) -> MatrixCompletion:
        """Read ratings from a text file: CSV, or fields parted by tabs, semicolons, `::` or blanks.

        Arguments: `path` of a file with a header that has row, column and value (or user, item and rating), in any
        order beside others, or with these three first and no header; `labels` False: rows and columns are whole
        numbers counted from 0; True: they are names, or numbers of any kind, numbered in order of first appearance.
        `held_out` in [0, 1): share of the ratings kept back for the test error, drawn with `seed`; or `test`, a second
        file of ratings for it. `centre`: the mean of the ratings that are fitted is taken from all. Raises
        `ArgumentError` with the line number on what cannot be read.
        """
        table = read_ratings(path, labels=labels, held_out=held_out, seed=seed, test=test, centre=centre)
        return cls(table.target, observed=table.observed)

    def root_mean_squares(self, cost: float, test_error: float) -> tuple[float, float]:
        """The errors of an entry that is observed and of one that is held out."""
        truth, held_out = np.asarray(self.truth), int(np.sum(np.asarray(self.held_out)))
        size = float(np.linalg.norm(truth)) / held_out**0.5 if held_out else math.nan
        return math.sqrt(2 * cost / self.examples), test_error * size

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def target_rank(self) -> int | None:
        """Rank of the full matrix where every entry is known, else None."""
        if not bool(jnp.all(self.observed | self.held_out)):
            return None
        return int(np.linalg.matrix_rank(np.asarray(self.values + self.truth)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says which rows and columns have no observed entry: no completion can fix them from the data."""
        mask = np.asarray(self.observed)
        results = []
        for name, axis in (("row", 1), ("column", 0)):
            empty = np.flatnonzero(~mask.any(axis=axis))
            if empty.size:
                named = ", ".join(map(str, empty[:8])) + (", …" if empty.size > 8 else "")
                results.append(f"No entry is observed in {empty.size} {name}(s): {named}; they stay at zero.")
        return tuple(results)

    def components(self) -> int:
        """Return how many parts of rows and columns hang together by observed entries and are not zero throughout."""
        values = np.asarray(self.values)
        rows, columns = np.nonzero(np.asarray(self.observed))
        ends = (rows, len(values) + columns)
        graph = coo_array((np.ones(rows.size), ends), shape=(sum(self.shape),) * 2)
        parts = connected_components(graph, directed=False)[1]
        # a part that is zero everywhere never moves
        return np.unique(parts[: len(values)][np.any(values != 0, axis=1)]).size

    @property
    def examples(self) -> int:
        """The number of observed entries."""
        return int(np.sum(np.asarray(self.observed)))

    def batch_gradient(self, A: Array, chosen: Array) -> Array:
        # of the size of the table, so that another mask compiles nothing again
        places = jnp.flatnonzero(self.observed, size=A.size)[chosen]
        seen = jnp.zeros(A.size, A.dtype).at[places].add((A - self.values).ravel()[places])
        return jnp.sum(self.observed) / chosen.size * seen.reshape(A.shape)

    def numpy_gradient(self) -> Callable[[np.ndarray], np.ndarray]:
        seen, values = np.asarray(self.observed, dtype=np.float64), np.asarray(self.values)
        return lambda A: seen * A - values  # the values are zero where nothing is seen

    def relaxed(self, A: np.ndarray, clock: np.ndarray) -> np.ndarray:
        return A + np.expm1(-clock[:, None, None]) * self.numpy_gradient()(A)

    def _residual(self, A: Array) -> Array:
        return jnp.where(self.observed, A - self.values, 0.0)

    def value(self, A: Array) -> Array:
        """Return C(A)."""
        return 0.5 * jnp.sum(self._residual(A) ** 2)

    def gradient(self, A: Array) -> Array:
        """Return G, A − S on the observed entries and 0 elsewhere."""
        return self._residual(A)

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return dA on the observed entries and 0 elsewhere."""
        del A
        return jnp.where(self.observed, dA, 0.0)

    def test_error(self, A: Array) -> Array:
        """Return √(Σ (A − S)² / Σ S²) over the unobserved entries that are known; nan when there are none."""
        missed = jnp.where(self.held_out, A - self.truth, 0.0)
        return jnp.linalg.norm(missed) / jnp.linalg.norm(self.truth)
