"""Linear measurements of the product matrix: matrix sensing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax import Array
from scipy.linalg import lstsq
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh, lsmr

from saddlescope.arguments import ArgumentError, vector
from saddlescope.deep_linear.problem.cost import QuadraticCost, matrix
from saddlescope.memory import check_fits

_ROUNDING = 1e-13  # share of the largest entry under which one is a zero


class MatrixSensing(QuadraticCost):
    """Matrix sensing: C(A) = sum_i (<A_i, A> - y_i)^2 / (2 m), of m linear measurements of the product.

    `LeastSquares` and `MatrixCompletion` are two cases of it that cost less.

    Args:
        measurements: A_i, shape (m, d_out, d_in); or a sparse matrix or array of SciPy of shape (m, d_out d_in), whose
            row i holds the entries of A_i, row after row.
        values: y_i, shape (m,); without them those of `truth`, <A_i, S>.
        truth: S, shape (d_out, d_in), the matrix that was measured, where it is known. The test error is then
            |A - S| / |S|, else it is nan.
        shape: (d_out, d_in), for sparse measurements without `truth`.

    Raises:
        ArgumentError: if the measurements, values and shapes do not fit, are not finite, or measure nothing.

    Source: Recht, Fazel, Parrilo, SIAM Review 52 (2010), 471; Arora et al., arXiv 1905.13655 (deep products).

    Example:
        >>> cost = MatrixSensing([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 0.0]]], [3.0, 4.0])  # trace, an entry
        >>> round(float(cost.value(jnp.zeros((2, 2)))), 9), cost.gradient(jnp.zeros((2, 2))).round(9).tolist()
        (6.25, [[-1.5, -4.0], [0.0, -1.5]])
    """

    numpy_pays: ClassVar[bool] = True

    dense: Array | None
    sparse: tuple[Array, Array, Array] | None  # entries, their measurements and their places in the product
    values: Array
    floor: Array
    each: tuple[Array, Array] | None  # measurements and values, where `dense` and `values` are others
    truth: Array | None
    rows: int = eqx.field(static=True)
    columns: int = eqx.field(static=True)

    def __init__(
        self, measurements: Any, values: Any = None, *, truth: Any = None, shape: tuple[int, int] | None = None
    ):
        known = None if truth is None else matrix("truth", truth)
        given, (self.rows, self.columns) = _checked(measurements, None if known is None else known.shape, shape)
        if values is None and known is None:
            raise ArgumentError("values", "be given, or else the `truth` that they measure", None)
        y = given @ known.ravel() if values is None and known is not None else vector("values", values)
        count = given.shape[0]
        if y.size != count:
            raise ArgumentError("values", f"be one number a measurement, {count} of them", y.size)
        if not (given.nnz if scipy.sparse.issparse(given) else np.any(given)):
            raise ArgumentError("measurements", "measure something: all of them are zero", measurements)
        self.dense = self.sparse = self.each = None
        residual = np.zeros(1)
        if scipy.sparse.issparse(given):
            coordinates = given.tocoo()
            parts: Any = coordinates.data / np.sqrt(count), coordinates.row, coordinates.col
            self.sparse = jnp.asarray(parts[0]), jnp.asarray(parts[1]), jnp.asarray(parts[2])
        else:
            if count > given.shape[1]:
                # the same cost in as many measurements as there are entries, as in LeastSquares
                self.each = jnp.asarray(given / np.sqrt(count)), jnp.asarray(y / np.sqrt(count))
                Q, given = np.linalg.qr(given)
                y, residual = Q.T @ y, y - Q @ (Q.T @ y)
            self.dense = jnp.asarray(given / np.sqrt(count))
        self.values = jnp.asarray(y / np.sqrt(count))
        self.floor = jnp.asarray(np.sum(residual**2) / (2 * count))
        self.truth = None if known is None else jnp.asarray(known)

    @property
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""
        return self.rows, self.columns

    @property
    def target_rank(self) -> int | None:
        """Rank of the matrix that was measured, where it is known."""
        return None if self.truth is None else int(np.linalg.matrix_rank(np.asarray(self.truth)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says so when an entry is in no measurement: a network of one layer leaves it where it starts."""
        unseen = self.rows * self.columns - np.unique(self._by_numpy().nonzero()[1]).size
        return (f"No measurement holds {unseen} entries of the product.",) if unseen else ()

    @property
    def least_cost(self) -> float:
        Phi, y = self._by_numpy(), np.asarray(self.values)
        if scipy.sparse.issparse(Phi):
            solution = lsmr(Phi, y, atol=1e-14, btol=1e-14, maxiter=20 * y.size)[0]
        else:
            solution = np.asarray(lstsq(Phi, y, lapack_driver="gelsy")[0])  # pyright: ignore[reportOptionalSubscript]
        least = float(0.5 * np.sum((Phi @ solution - y) ** 2))
        # what is fitted but for rounding is fitted
        return float(self.floor) + (least if least > 1e-24 * float(y @ y) else 0.0)

    def components(self) -> int:
        """Return how many parts of rows and columns no measurement joins, of those whose measurements are not zero."""
        Phi: Any = scipy.sparse.coo_array(self._by_numpy())
        held = np.abs(Phi.data) > _ROUNDING * np.abs(Phi.data).max()
        i, row, column = Phi.row[held], Phi.col[held] // self.columns, Phi.col[held] % self.columns
        # nodes are rows, columns and measurements
        starts = np.concatenate([row, self.rows + column])
        ends = np.tile(self.rows + self.columns + i, 2)
        size = self.rows + self.columns + Phi.shape[0]
        graph = scipy.sparse.coo_array((np.ones(starts.size), (starts, ends)), shape=(size, size))
        parts = connected_components(graph, directed=False)[1][self.rows + self.columns :]
        y = np.asarray(self.values)
        return max(1, np.unique(parts[np.abs(y) > _ROUNDING * np.abs(y).max()]).size)

    def largest_curvature(self, places: list[np.ndarray]) -> float:
        """Return the largest eigenvalue of the Hessian, which is the same at all places, a little enlarged."""
        del places
        Phi, size = self._by_numpy(), self.rows * self.columns
        if size == 1:
            return float(np.sum(np.square(Phi.data if scipy.sparse.issparse(Phi) else Phi)))
        gram = LinearOperator((size, size), lambda x: Phi.T @ (Phi @ x), dtype=np.float64)  # pyright: ignore[reportCallIssue]
        options: dict[str, Any] = {"tol": 1e-3, "v0": np.cos(np.arange(size)), "return_eigenvectors": False}
        return 1.01 * float(eigsh(gram, k=1, **options)[0])

    @property
    def examples(self) -> int:
        """The number of measurements."""
        return (self.values if self.each is None else self.each[1]).size

    def batch_gradient(self, A: Array, chosen: Array) -> Array:
        share = self.examples / chosen.size
        if self.sparse is None:
            Phi, y = (self.dense, self.values) if self.each is None else self.each
            assert Phi is not None
            Phi, y = Phi[chosen], y[chosen]
            return share * ((Phi @ A.ravel() - y) @ Phi).reshape(self.shape)
        # how many entries a batch has is not known beforehand: all are gone through, and the others count nothing
        counted = jnp.zeros(self.values.shape, A.dtype).at[chosen].add(share)
        return self._spread(counted * (self._measured(A) - self.values))

    def numpy_gradient(self) -> Callable[[np.ndarray], np.ndarray]:
        Phi, y = self._by_numpy(), np.asarray(self.values)
        turned = Phi.T.tocsr() if scipy.sparse.issparse(Phi) else Phi.T
        return lambda A: (turned @ (Phi @ A.ravel() - y)).reshape(A.shape)

    def relaxed(self, A: np.ndarray, clock: np.ndarray) -> np.ndarray:
        Phi = self._by_numpy()
        if scipy.sparse.issparse(Phi):
            check_fits(3.0 * Phi.shape[0] * Phi.shape[1], measurements=Phi.shape[0])
            Phi = Phi.toarray()
        U, s, Vt = np.linalg.svd(np.asarray(Phi), full_matrices=False)
        held = s > _ROUNDING * s[0]
        U, s, Vt = U[:, held], s[held], Vt[held]
        # in this frame every measured direction relaxes at its own rate
        gap = Vt @ A.ravel() - U.T @ np.asarray(self.values) / s
        return A + ((np.expm1(-np.outer(clock, s**2)) * gap) @ Vt).reshape(-1, *self.shape)

    def _by_numpy(self) -> Any:
        """The measurements over the root of their number, as a matrix of NumPy or SciPy."""
        if self.sparse is None:
            return np.asarray(self.dense)
        data, row, column = (np.asarray(part) for part in self.sparse)
        shape = self.values.size, self.rows * self.columns
        return scipy.sparse.coo_array((data, (row, column)), shape=shape).tocsr()

    def _measured(self, A: Array) -> Array:
        if self.sparse is None:
            assert self.dense is not None
            return self.dense @ A.ravel()
        entries, measurement, place = self.sparse
        return jnp.zeros(self.values.shape, A.dtype).at[measurement].add(entries * A.ravel()[place])

    def _spread(self, r: Array) -> Array:
        if self.sparse is None:
            assert self.dense is not None
            return (r @ self.dense).reshape(self.shape)
        entries, measurement, place = self.sparse
        back = jnp.zeros(self.rows * self.columns, r.dtype).at[place].add(entries * r[measurement])
        return back.reshape(self.shape)

    def value(self, A: Array) -> Array:
        """Return C(A)."""
        return 0.5 * jnp.sum((self._measured(A) - self.values) ** 2) + self.floor

    def gradient(self, A: Array) -> Array:
        """Return G = sum_i (<A_i, A> - y_i) A_i / m."""
        return self._spread(self._measured(A) - self.values)

    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return sum_i <A_i, dA> A_i / m."""
        del A
        return self._spread(self._measured(dA))

    def test_error(self, A: Array) -> Array:
        """Return |A - S| / |S| where the matrix S that was measured is known; else nan."""
        if self.truth is None:
            return jnp.asarray(jnp.nan)
        return jnp.linalg.norm(A - self.truth) / jnp.linalg.norm(self.truth)


def _checked(measurements: Any, known: tuple[int, ...] | None, asked: Any) -> tuple[Any, tuple[int, int]]:
    """The measurements as a matrix of m rows, dense or sparse, and the shape of the product."""
    if scipy.sparse.issparse(measurements):
        sparse: Any = scipy.sparse.csr_array(measurements, dtype=np.float64)
        sparse.sum_duplicates()
        sparse.eliminate_zeros()
        if not np.all(np.isfinite(sparse.data)):
            raise ArgumentError("measurements", "hold finite numbers only", measurements)
        shape = known if asked is None else asked
        if shape is None:
            raise ArgumentError("shape", "be given for sparse measurements, (d_out, d_in)", None)
        try:
            rows, columns = (int(size) for size in shape)
        except (TypeError, ValueError):
            raise ArgumentError("shape", "be two whole numbers, (d_out, d_in)", shape) from None
        if rows < 1 or rows * columns != sparse.shape[1] or sparse.shape[0] == 0:
            raise ArgumentError("measurements", f"have {rows} x {columns} columns, one an entry", sparse.shape)
        result = sparse, (rows, columns)
    else:
        try:
            dense = np.asarray(measurements, dtype=np.float64)
        except (TypeError, ValueError):
            raise ArgumentError("measurements", "be matrices of numbers, all of one shape", measurements) from None
        if dense.ndim != 3 or dense.size == 0:
            raise ArgumentError("measurements", "be of the shape (m, d_out, d_in)", dense.shape)
        if not np.all(np.isfinite(dense)):
            raise ArgumentError("measurements", "hold finite numbers only", measurements)
        check_fits(2.0 * dense.size, measurements=len(dense))
        result = dense.reshape(len(dense), -1), (dense.shape[1], dense.shape[2])
    for name, shape in (("truth", known), ("shape", asked)):
        if shape is not None and tuple(shape) != result[1]:
            raise ArgumentError(name, f"be that of the measured matrix, {result[1]}", tuple(shape))
    return result
