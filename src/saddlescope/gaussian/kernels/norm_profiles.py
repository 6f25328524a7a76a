"""Hermite coefficients of f(l x), of whatever scale l: E f(l G) h_k(G), and those of f'(l x).

For a Hermite series sum_n f_n h_n, with q = l^2,

    E f(l G) h_k(G) = l^k C_k(q),   C_k(q) = sum_j ((q - 1) / 2)^j / j! sqrt((k + 2j)! / k!) f_(k+2j),

from the multiplication theorem; C_k is E f^(k)(l G) / sqrt(k!), so that f' has l^k sqrt(k + 1) C_(k+1). Blocks have
closed coefficients; any other function is summed on Gauss nodes, even and odd parts apart, so that what vanishes by
symmetry is zero to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from math import factorial, sqrt
from typing import Any

import jax
import numpy as np

from saddlescope.gaussian.arrays import namespace
from saddlescope.gaussian.functions.elementary import block_coefficients
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.functions.hermite_polynomials import hermite_table
from saddlescope.gaussian.laws.gauss_rules import hermite_rule

_EXTRA_NODES = 256  # beside two a degree


@partial(jax.tree_util.register_dataclass, data_fields=["table"], meta_fields=[])
@dataclass(frozen=True, eq=False)
class SeriesPart:
    """A finite Hermite series.

    Attributes:
        table: factors of ((q - 1) / 2)^j in C_k, shape (degree + 1, degree // 2 + 1).
    """

    table: Any

    @classmethod
    def of(cls, terms: Any) -> SeriesPart:
        """Return the part with these Hermite coefficients f_0, f_1, ..."""
        f = np.asarray(terms, dtype=np.float64)
        table = np.zeros((len(f), (len(f) - 1) // 2 + 1))
        for k in range(len(f)):
            for j in range((len(f) - 1 - k) // 2 + 1):
                table[k, j] = sqrt(factorial(k + 2 * j) // factorial(k)) / factorial(j) * f[k + 2 * j]
        return cls(table)

    @property
    def degree(self) -> int:
        """The last degree."""
        return len(self.table) - 1

    def profile(self, length: Any, degree: int) -> tuple[Any, Any]:
        """Coefficients of f(l x) up to a degree and of f'(l x) up to one more, each of shape (count, *length.shape)."""
        m = namespace(length, self.table)
        half, one = 0.5 * (m.asarray(length) ** 2 - 1), 1.0 + 0.0 * m.asarray(length)
        powers = [one]
        for _ in range(self.table.shape[1] - 1):
            powers.append(powers[-1] * half)
        rows = [
            sum((self.table[k, j] * powers[j] for j in range((self.degree - k) // 2 + 1)), 0.0 * one)
            for k in range(degree + 3)
        ]
        return _scaled(m, rows, length, one, degree)


@partial(jax.tree_util.register_dataclass, data_fields=["weight"], meta_fields=["name"])
@dataclass(frozen=True, eq=False)
class BlockPart:
    """A multiple of relu, step, erf, sin or cos."""

    weight: Any
    name: str

    @property
    def degree(self) -> None:
        """There is no last one."""

    def profile(self, length: Any, degree: int) -> tuple[Any, Any]:
        """As `SeriesPart.profile`."""
        m = namespace(length, self.weight)
        length, one = m.asarray(length), 1.0 + 0.0 * m.asarray(length)
        own = block_coefficients(self.name, degree + 2)
        if self.name in ("relu", "step"):  # homogeneous
            size, slope_size = (length, one) if self.name == "relu" else (one, one / length)
            slopes = np.sqrt(np.arange(1.0, degree + 3)) * own[1:]
            value = m.stack([self.weight * c * size for c in own[: degree + 1]])
            return value, m.stack([self.weight * c * slope_size for c in slopes])
        if self.name == "erf":
            root = m.sqrt(2 / (1 + length**2))
            rows, factor = [], one
            for k in range(degree + 3):
                rows.append(self.weight * own[k] * factor)
                factor = factor * root
        else:
            damped = m.exp(-0.5 * (length**2 - 1))
            rows = [self.weight * c * damped for c in own]
        return _scaled(m, rows, length, one, degree)


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=["function"])
@dataclass(frozen=True)
class SampledPart:
    """Any other function, on Gauss nodes."""

    function: GaussianFunction

    @property
    def degree(self) -> None:
        """There is no last one."""

    def profile(self, length: Any, degree: int, nodes: int | None = None) -> tuple[Any, Any]:
        """As `SeriesPart.profile`."""
        m = namespace(length)
        length = m.asarray(length)
        x, even, odd = _rule(degree, 2 * degree + _EXTRA_NODES if nodes is None else nodes)
        at = length[..., None] * x
        k, results = np.arange(degree + 2), []
        for f in (self.function, self.function.derivative):
            right, left = f(at), f(-at)
            results.append(m.stack([(right + left) @ even.T, (right - left) @ odd.T])[k % 2, ..., k // 2])
        return results[0][: degree + 1], results[1]

    def error(self, length: np.ndarray, degree: int) -> float:
        """Largest error of a coefficient, from twice as many nodes."""
        one, two = (self.profile(np.asarray(length), degree, n)[0] for n in (None, 4 * degree + 4 * _EXTRA_NODES))
        return float(np.abs(one - two).max())


Part = SeriesPart | BlockPart | SampledPart


def _scaled(m: Any, rows: list[Any], length: Any, one: Any, degree: int) -> tuple[Any, Any]:
    """l^k C_k and l^k sqrt(k + 1) C_(k+1) from C_0, ..., C_(degree + 2)."""
    powers = [one]
    for _ in range(degree + 1):
        powers.append(powers[-1] * length)
    value = m.stack([rows[k] * powers[k] for k in range(degree + 1)])
    return value, m.stack([sqrt(k + 1) * rows[k + 1] * powers[k] for k in range(degree + 2)])


@lru_cache(maxsize=16)
def _rule(degree: int, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positive nodes, and weights times h_k there for even and for odd k up to degree + 1."""
    x, w = hermite_rule(nodes + nodes % 2)
    x, w = x[len(x) // 2 :], w[len(w) // 2 :]
    table = hermite_table(x, degree + 1 + degree % 2) * w  # as many even as odd degrees
    return x, table[0::2], table[1::2]


def stretch(slope: Any) -> Any:
    """d/dl of the coefficients of f(l x), from those of f'(l x), which go one degree further.

    G h_k = sqrt(k + 1) h_(k+1) + sqrt(k) h_(k-1).
    """
    m = namespace(slope)
    k = np.sqrt(np.arange(len(slope), dtype=float))
    shape = (-1,) + (1,) * (slope.ndim - 1)
    below = m.concatenate([0 * slope[:1], k[1:-1].reshape(shape) * slope[:-2]])
    return k[1:].reshape(shape) * slope[1:] + below
