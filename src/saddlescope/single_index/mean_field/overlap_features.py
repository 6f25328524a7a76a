"""Features of the overlap: functions psi_n(s) with sum_n psi_n(s) psi_n(s') = U(s s'), U(r) = E sigma(G) sigma(G').

With them the mean-field risk is a sum of squares, R = 1/2 sum_n (b_n - <a psi_n(s)>)^2 + what no network can learn,
and so the Jacobian of its flow is block-diagonal plus rank N. A polynomial activation has N = its degree + 1 features,
sigma_k s^k. For any other, the low degrees stay explicit - they carry the first levels of the ladder, where s is tiny
and anything else would lose them in rounding - and the rest of the kernel is split into few features by a pivoted
Cholesky factorisation: tanh needs 15 features in all, ReLU 25, where a truncated Hermite series needs 200 and, for
ReLU, never ends.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from saddlescope.gaussian import GaussianFunction, Kernel, kernel
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients

_EXPLICIT = 8  # degrees 0..7 keep a feature of their own
_LONGEST_SERIES = 16  # up to this degree a finite series is used as it is
_SERIES_DEGREE = 512
_NEAR = 0.25  # below this |r| the kernel without its explicit degrees is summed as a series
_NEAR_TERMS = 26
_TOLERANCE = 1e-12  # of the squared distance left by the Cholesky factorisation, relative to U(1)
_MOST_FEATURES = 96


Overlap = Float[Array, " neurons"]
Rows = Float[Array, "features neurons"]


class Features(eqx.Module):
    """N functions of the overlap s, with the derivatives that the flow and its Jacobian need."""

    @abc.abstractmethod
    def __call__(self, s: Overlap) -> Rows:
        """psi(s), one feature a row."""

    @abc.abstractmethod
    def with_slopes(self, s: Overlap) -> tuple[Rows, Rows]:
        """psi(s) and psi'(s)."""

    def combined(self, s: Overlap, g: Float[Array, " features"]) -> tuple[Overlap, Overlap]:
        """sum_n g_n psi_n(s) and its derivative."""
        psi, slope = self.with_slopes(s)
        return g @ psi, g @ slope

    @abc.abstractmethod
    def with_curvatures(self, s: Overlap) -> tuple[Rows, Rows, Rows]:
        """psi(s), psi'(s) and psi''(s)."""


def powers(s: jax.Array, degree: int) -> jax.Array:
    """s^0 .. s^degree, shape (degree + 1, m)."""
    # By doubling: a row each takes XLA minutes to compile at degree 190, and a cumulative product runs as a sliding
    # window over all rows. A power is a product of log2(degree) factors, each right to rounding.
    rows = jnp.ones_like(s)[None]
    while len(rows) <= degree:
        rows = jnp.concatenate([rows, rows * (rows[-1] * s)])
    return rows[: degree + 1]


def slope(rows: jax.Array) -> jax.Array:
    """d/ds of rows k -> s^k, given the rows; applied twice, the second derivative."""
    k = jnp.arange(1.0, len(rows))
    return jnp.concatenate([jnp.zeros_like(rows[:1]), k[:, None] * rows[:-1]])


def differentiated(table: jax.Array) -> jax.Array:
    """Coefficients of the derivatives of polynomials, given theirs by rising degree, shape (N, degree + 1)."""
    return table[:, 1:] * jnp.arange(1.0, table.shape[1])


class PowerFeatures(Features):
    """psi_k(s) = sigma_k s^k, for an activation with a short Hermite series."""

    scale: jax.Array  # sigma_k, shape (N,)

    def __call__(self, s):
        return self.scale[:, None] * powers(s, len(self.scale) - 1)

    def combined(self, s, g):
        # Horner: no row of powers is written to memory
        c = self.scale * g
        value, first = jnp.zeros_like(s), jnp.zeros_like(s)
        for k in reversed(range(len(self.scale))):
            value, first = value * s + c[k], first * s + value
        return value, first

    def with_slopes(self, s):
        rows = powers(s, len(self.scale) - 1)
        scale = self.scale[:, None]
        return scale * rows, scale * slope(rows)

    def with_curvatures(self, s):
        rows = powers(s, len(self.scale) - 1)
        scale = self.scale[:, None]
        first = slope(rows)
        # d^2 s^k = k d(s^(k-1)): the slope of the shifted rows, not of `first`
        k = jnp.arange(1.0, len(rows))
        second = jnp.concatenate([jnp.zeros_like(rows[:1]), k[:, None] * first[:-1]])
        return scale * rows, scale * first, scale * second


class PolynomialFeatures(Features):
    """psi_n(s) = sum_k table_nk s^k, for a smooth activation with a long Hermite series."""

    table: jax.Array  # shape (N, degree + 1)

    def _derivatives(self, s, order):
        rows = powers(s, self.table.shape[1] - 1)
        table, results = self.table, []
        for _ in range(order + 1):
            results.append(table @ rows[: table.shape[1]])
            table = differentiated(table)
        return tuple(results)

    def __call__(self, s):
        return self._derivatives(s, 0)[0]

    def with_slopes(self, s):
        value, first = self._derivatives(s, 1)
        return value, first

    def with_curvatures(self, s):
        value, first, second = self._derivatives(s, 2)
        return value, first, second


class KernelFeatures(Features):
    """Explicit low degrees, and L^-1 R(p s) at chosen overlaps p for the rest R of a closed-form kernel."""

    scale: jax.Array  # sigma_k of the explicit degrees, shape (D,)
    kernel: Kernel
    near: jax.Array  # sigma_k^2 for k = D .. D + terms, for small |r|
    points: jax.Array  # p, shape (N - D,)
    inverse: jax.Array  # L^-1, shape (N - D, N - D)

    def _derivatives(self, s, order):
        degree, last = len(self.scale), len(self.scale) + len(self.near) - 1
        rows = powers(s, last)
        r = self.points[:, None] * s
        is_near = jnp.abs(r) < _NEAR
        far_r = jnp.where(is_near, 0.5, r)
        whole = (self.kernel, self.kernel.derivative, self.kernel.second_derivative)
        # Both polynomials in r = p s are products of a table with the powers of s.
        scaled = powers(self.points, last).T
        low, near = scaled[:, :degree] * self.scale**2, jnp.zeros_like(scaled).at[:, degree:].set(self.near)
        own, near = jnp.diag(self.scale), near * scaled
        results = []
        for n in range(order + 1):
            explicit = own @ rows[: own.shape[1]]
            far = self.points[:, None] ** n * whole[n](far_r) - low @ rows[: low.shape[1]]
            values = jnp.where(is_near, near @ rows[: near.shape[1]], far)
            results.append(jnp.concatenate([explicit, self.inverse @ values]))
            own, low, near = differentiated(own), differentiated(low), differentiated(near)
        return tuple(results)

    def __call__(self, s):
        return self._derivatives(s, 0)[0]

    def with_slopes(self, s):
        value, first = self._derivatives(s, 1)
        return value, first

    def with_curvatures(self, s):
        value, first, second = self._derivatives(s, 2)
        return value, first, second


@dataclass(frozen=True)
class FeatureSplit:
    """Features of an activation and the link's coordinates in them.

    Attributes:
        features: psi.
        target: b, with sum_n b_n psi_n(s) = V(s) = E phi(G) sigma(G'), shape (N,).
        floor: risk that no network of this activation can remove.
        kernel_error: largest |sum_n psi_n(s) psi_n(s') - U(s s')| found on a grid of overlaps.
        link_error: largest |sum_n b_n psi_n(s) - V(s)| found there.
        description: how the activation is represented, in words.
        explicit: how many degrees, from 0, have a feature of their own.
    """

    features: Features
    target: np.ndarray
    floor: float
    kernel_error: float
    link_error: float
    description: str
    explicit: int


@lru_cache(maxsize=64)
def split(problem: SingleIndex) -> FeatureSplit:
    """Return the features of a problem's activation, and its link in them."""
    activation, link = problem.activation, problem.link
    if activation.degree is not None and activation.degree <= _LONGEST_SERIES:
        sigma = coefficients(activation, activation.degree)
        return _power_split(sigma, link)
    return _long_split(activation, link)


def _power_split(sigma: np.ndarray, link: GaussianFunction) -> FeatureSplit:
    # padded to a multiple of four, so that neighbouring degrees share a compiled program
    padded = np.zeros(-(-len(sigma) // 4) * 4)
    padded[: len(sigma)] = sigma
    phi = coefficients(link, len(padded) - 1)
    target = np.where(padded != 0, phi, 0.0)
    floor = max(0.5 * (link.norm_squared - float(target @ target)), 0.0)
    if link.degree is not None:
        full = coefficients(link, link.degree)
        learnable = np.zeros(len(full), bool)
        learnable[: len(padded)] = (padded != 0)[: len(full)]
        floor = 0.5 * float(np.sum(full[~learnable] ** 2))
    error = link.coefficient_error(len(padded) - 1)
    name = f"Hermite series of degree {len(sigma) - 1}, exact"
    return FeatureSplit(PowerFeatures(jnp.asarray(padded)), target, floor, 0.0, float(error), name, len(padded))


def _long_split(activation: GaussianFunction, link: GaussianFunction) -> FeatureSplit:
    whole, mixed = kernel(activation), kernel(link, activation)
    sigma, phi = coefficients(activation, _SERIES_DEGREE), coefficients(link, _SERIES_DEGREE)
    is_series = not whole.pairs
    squares = sigma**2
    if is_series:
        squares[len(whole.coefficients) :] = 0.0

    def rest(r: np.ndarray) -> np.ndarray:
        near = np.abs(r) < _NEAR
        series = r**_EXPLICIT * np.polyval(squares[_EXPLICIT : _EXPLICIT + _NEAR_TERMS][::-1], np.where(near, r, 0.0))
        return np.where(near, series, np.asarray(whole(r)) - np.polyval(squares[:_EXPLICIT][::-1], r))

    points, factor = _pivoted_cholesky(rest, _TOLERANCE * float(whole(1.0)))
    inverse = np.linalg.solve(factor, np.eye(len(points)))
    low = sigma[:_EXPLICIT]
    low_target = np.where(low != 0, phi[:_EXPLICIT], 0.0)
    link_rest = np.asarray(mixed(points)) - np.polyval((low_target * low)[::-1], points)
    target = np.concatenate([low_target, inverse @ link_rest])

    features: Features
    if is_series:
        degree = int(np.flatnonzero(squares)[-1])
        k = np.arange(degree + 1)
        table = np.zeros((_EXPLICIT + len(points), degree + 1))
        table[np.arange(_EXPLICIT), np.arange(_EXPLICIT)] = low
        high = np.where(k >= _EXPLICIT, squares[: degree + 1], 0.0)
        table[_EXPLICIT:] = inverse @ (points[:, None] ** k * high)
        features = PolynomialFeatures(jnp.asarray(table))
        kind = f"Hermite series of degree {degree}"
    else:
        near = squares[_EXPLICIT : _EXPLICIT + _NEAR_TERMS]
        features = KernelFeatures(
            scale=jnp.asarray(low),
            kernel=whole,
            near=jnp.asarray(near),
            points=jnp.asarray(points),
            inverse=jnp.asarray(inverse),
        )
        kind = "closed-form kernel"

    check = _overlaps(60)
    psi = np.asarray(features(jnp.asarray(check)))
    kernel_error = np.abs(psi.T @ psi - np.asarray(whole(np.outer(check, check)))).max() + float(whole.error)
    link_error = np.abs(target @ psi - np.asarray(mixed(check))).max() + float(mixed.error)
    floor = max(0.5 * (link.norm_squared - float(target @ target)), 0.0)
    if floor < 1e-9 * link.norm_squared:
        floor = 0.0  # below what the factorisation resolves
    return FeatureSplit(
        features,
        target,
        floor,
        float(kernel_error),
        float(link_error),
        f"{kind}, {len(target)} features",
        _EXPLICIT,
    )


def _overlaps(n: int) -> np.ndarray:
    """Overlaps in [-1, 1], dense towards both ends, where kinked activations have their structure."""
    gap = np.geomspace(1e-12, 1.0, n)
    return np.unique(np.concatenate([1 - gap, gap - 1, [-1.0, 1.0]]))


def _pivoted_cholesky(rest: Any, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Choose overlaps one by one where the kernel is worst represented, until it is represented everywhere."""
    s = _overlaps(300)
    left = np.array(rest(s * s))
    rows: list[np.ndarray] = []
    pivots: list[int] = []
    while left.max() > tolerance and len(pivots) < _MOST_FEATURES:
        pivot = int(left.argmax())
        row = rest(s * s[pivot]) - sum((other * other[pivot] for other in rows), np.zeros_like(s))
        row = row / np.sqrt(left[pivot])
        rows.append(row)
        pivots.append(pivot)
        left = left - row * row
        left[pivots] = 0.0
    factor = np.tril(np.stack(rows)[:, pivots].T)
    return s[pivots], factor
