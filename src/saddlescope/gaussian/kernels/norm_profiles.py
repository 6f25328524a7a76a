"""Hermite coefficients of f(l x), of whatever scale l: E f(l G) h_k(G), and those of f'(l x).

For a Hermite series sum_n f_n h_n, with q = l^2,

    E f(l G) h_k(G) = l^k C_k(q),   C_k(q) = sum_j ((q - 1) / 2)^j / j! sqrt((k + 2j)! / k!) f_(k+2j),

from the multiplication theorem; C_k is E f^(k)(l G) / sqrt(k!), so that f' has l^k sqrt(k + 1) C_(k+1). Blocks have
closed coefficients. With a bias, f(l x + b), a series is shifted first,

    E f(G + b) h_k(G) = sum_n b^n / n! sqrt((k + n)! / k!) f_(k+n).

Any other function is summed on Gauss nodes, even and odd parts apart, so that what vanishes by
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
_SPAN = 16  # powers that are made one from the other


@partial(jax.tree_util.register_dataclass, data_fields=["table"], meta_fields=[])
@dataclass(frozen=True, eq=False)
class SeriesPart:
    """A finite Hermite series.

    Attributes:
        table: sqrt((k + n)! / k!) f_(k+n), shape (degree + 1, degree + 1).
    """

    table: Any

    @classmethod
    def of(cls, terms: Any) -> SeriesPart:
        """Return the part with these Hermite coefficients f_0, f_1, ..."""
        f = np.asarray(terms, dtype=np.float64)
        table = np.zeros((len(f), len(f)))
        for k in range(len(f)):
            for n in range(len(f) - k):
                table[k, n] = sqrt(factorial(k + n) // factorial(k)) * f[k + n]
        return cls(table)

    @property
    def degree(self) -> int:
        """The last degree."""
        return len(self.table) - 1

    def profile(self, length: Any, degree: int, bias: Any = None) -> tuple[Any, Any]:
        """Coefficients of f(l x + b) up to a degree and of f' there up to one more, shape (count, *length.shape)."""
        m = namespace(length, self.table)
        length = m.asarray(length)
        half, one = 0.5 * (length**2 - 1), 1.0 + 0.0 * length
        # E f^(k)(l G + b) = sum_n f^(k+n) of a series times what exp(half D^2 + b D) has of D^n
        powers = [one, 0.0 * one if bias is None else bias * one]
        for n in range(1, self.degree):
            powers.append((powers[1] * powers[n] + 2 * half * powers[n - 1]) / (n + 1))
        counting = 2 if bias is None else 1
        rows = [
            sum((self.table[k, n] * powers[n] for n in range(0, self.degree - k + 1, counting)), 0.0 * one)
            for k in range(degree + 3)
        ]
        return _scaled(m.stack(rows), length, degree)


@partial(jax.tree_util.register_dataclass, data_fields=["weight"], meta_fields=["name"])
@dataclass(frozen=True, eq=False)
class BlockPart:
    """A multiple of relu, step, erf, sin or cos."""

    weight: Any
    name: str

    @property
    def degree(self) -> None:
        """There is no last one."""

    def profile(self, length: Any, degree: int, bias: Any = None) -> tuple[Any, Any]:
        """As `SeriesPart.profile`."""
        m = namespace(length, self.weight)
        length, one = m.asarray(length), 1.0 + 0.0 * m.asarray(length)
        if bias is not None:
            return self._with_bias(m, length, one, degree, bias)
        own = block_coefficients(self.name, degree + 2)
        if self.name in ("relu", "step"):  # homogeneous
            size, slope_size = (length, one) if self.name == "relu" else (one, one / length)
            slopes = np.sqrt(np.arange(1.0, degree + 3)) * own[1:]
            value = _along(own[: degree + 1], length) * (self.weight * size)
            return value, _along(slopes, length) * (self.weight * slope_size)
        if self.name == "erf":
            rows = _along(own, length) * _powers(m.sqrt(2 / (1 + length**2)), degree + 3)
        else:
            rows = _along(own, length) * m.exp(-0.5 * (length**2 - 1))
        return _scaled(self.weight * rows, length, degree)

    def _with_bias(self, m: Any, length: Any, one: Any, degree: int, bias: Any) -> tuple[Any, Any]:
        if self.name in ("sin", "cos"):
            # sin(x + b) = cos b sin x + sin b cos x, cos(x + b) = cos b cos x - sin b sin x
            other = BlockPart(self.weight, "cos" if self.name == "sin" else "sin")
            sign = 1.0 if self.name == "sin" else -1.0
            parts = zip(self.profile(length, degree), other.profile(length, degree), strict=True)
            value, slope = (m.cos(bias) * mine + sign * m.sin(bias) * its for mine, its in parts)
            return value, slope
        root = m.sqrt(1 + length**2) if self.name == "erf" else length
        beta, share = bias / root, length / root
        edge, table = m.phi(beta), hermite_table(-beta * one, degree + 2)
        weight = self.weight * (2.0 if self.name == "erf" else 1.0)
        # of a step at -beta: phi(beta) h_(k-1)(-beta) / sqrt(k), times share^k
        k, power, half = np.arange(1.0, degree + 3), _powers(share, degree + 3), m.ndtr(beta) * one
        step = m.concatenate([half[None], power[1:] * edge * table[:-1] / _along(np.sqrt(k), length)])
        if self.name == "relu":
            low = m.stack([length * edge + bias * half, length * half])
            high = length * edge * table[: max(degree - 1, 0)] / _along(np.sqrt(k[1:degree] * k[: degree - 1]), length)
            return weight * m.concatenate([low, high])[: degree + 1], weight * step[:-1]
        # the derivative is a narrow bump or a mass at -beta, of height phi(beta) / root
        slopes = power[:-1] * edge * table[:-1] / root
        if self.name == "erf":
            step = m.concatenate([(half - 0.5 * one)[None], step[1:]])
        return weight * step[: degree + 1], weight * slopes


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=["function"])
@dataclass(frozen=True)
class SampledPart:
    """Any other function, on Gauss nodes."""

    function: GaussianFunction

    @property
    def degree(self) -> None:
        """There is no last one."""

    def profile(self, length: Any, degree: int, bias: Any = None, nodes: int | None = None) -> tuple[Any, Any]:
        """As `SeriesPart.profile`."""
        m = namespace(length)
        length = m.asarray(length)
        x, even, odd = _rule(degree, 2 * degree + _EXTRA_NODES if nodes is None else nodes)
        at, moved = length[..., None] * x, 0.0 if bias is None else m.asarray(bias)[..., None]
        k, results = np.arange(degree + 2), []
        for f in (self.function, self.function.derivative):
            right, left = f(moved + at), f(moved - at)
            results.append(m.stack([(right + left) @ even.T, (right - left) @ odd.T])[k % 2, ..., k // 2])
        return results[0][: degree + 1], results[1]

    def error(self, length: np.ndarray, degree: int, bias: Any = None) -> float:
        """Largest error of a coefficient, from twice as many nodes."""
        one, two = (self.profile(np.asarray(length), degree, bias, n)[0] for n in (None, 4 * degree + 4 * _EXTRA_NODES))
        return float(np.abs(one - two).max())


Part = SeriesPart | BlockPart | SampledPart


def _scaled(rows: Any, length: Any, degree: int) -> tuple[Any, Any]:
    """l^k C_k and l^k sqrt(k + 1) C_(k+1) from C_0, ..., C_(degree + 2)."""
    power = _powers(length, degree + 2)
    root = _along(np.sqrt(np.arange(1.0, degree + 3)), length)
    return rows[: degree + 1] * power[: degree + 1], root * rows[1 : degree + 3] * power


def _powers(x: Any, count: int) -> Any:
    """x^0 .. x^(count - 1), by few products: each of hundreds would have to be compiled."""
    m, low = namespace(x), [1.0 + 0.0 * x]
    for _ in range(1, min(count, _SPAN)):
        low.append(low[-1] * x)
    if count <= _SPAN:
        return m.stack(low)
    high = _powers(low[-1] * x, -(-count // _SPAN))
    return m.concatenate([m.stack(low) * power for power in high])[:count]


def _along(values: np.ndarray, x: Any) -> np.ndarray:
    """Numbers for an axis before those of x."""
    return values.reshape(-1, *(1,) * x.ndim)


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
