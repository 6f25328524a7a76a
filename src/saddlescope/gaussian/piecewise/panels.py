"""Piecewise polynomials: a Legendre expansion on each panel of the line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.gaussian.arrays import JAX, namespace

#: Nodes and coefficients of each panel.
NODES = 32


@dataclass(frozen=True, eq=False)
class Panels:
    """A piecewise polynomial.

    Attributes:
        edges: rising panel ends, shape (panels + 1,).
        legendre: Legendre coefficients on each panel, shape (panels, NODES).
        breakpoints: points where the function or a derivative jumps.
    """

    edges: np.ndarray
    legendre: np.ndarray
    breakpoints: tuple[float, ...]

    def __call__(self, x: Any, order: int = 0) -> Any:
        """Return the value (order 0) or the slope (order 1) at `x`; linear beyond the last panels."""
        m = namespace(x)
        x = m.asarray(x)
        inside = m.clip(x, self.edges[0], self.edges[-1])
        # a NumPy table cannot be indexed by a traced index
        edges, table = m.asarray(self.edges), m.asarray(self.legendre)
        panel = m.clip(m.searchsorted(edges, inside, side="right") - 1, 0, len(table) - 1)
        low, high = edges[panel], edges[panel + 1]
        t = (2.0 * inside - low - high) / (high - low)
        value, slope = legendre_sum(table[panel], t)
        slope = 2.0 * slope / (high - low)
        return slope if order else value + slope * (x - inside)


def legendre_sum(coefficients: Any, t: Any) -> tuple[Any, Any]:
    """Return the sum of Legendre polynomials and its derivative, the coefficients on the last axis."""

    def step(sums: tuple[Any, ...], item: tuple[Any, ...]) -> tuple[tuple[Any, ...], None]:
        one, two, slope_one, slope_two = sums
        coefficient, a, b = item
        fresh = coefficient + a * t * one - b * two
        return (fresh, one, a * (one + t * slope_one) - b * slope_two, slope_one), None

    k = np.arange(NODES - 1.0, -1.0, -1.0)
    up, down = (2.0 * k + 1.0) / (k + 1.0), (k + 1.0) / (k + 2.0)
    m = namespace(coefficients, t)
    sums = (0.0 * t,) * 4
    if m is JAX:
        # written out, it would take seconds to compile
        falling = jnp.moveaxis(coefficients, -1, 0)[::-1]
        sums, _ = jax.lax.scan(step, sums, (falling, up, down))
    else:
        for i in range(NODES):
            sums, _ = step(sums, (coefficients[..., NODES - 1 - i], up[i], down[i]))
    return sums[0], sums[2]


@lru_cache(maxsize=1)
def legendre_rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes, weights, and the matrix from nodal values to Legendre coefficients."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    # the inverse, not w P_k: the latter turns the rounding of the nodes into spurious high coefficients
    return x, w, np.linalg.inv(np.polynomial.legendre.legvander(x, NODES - 1))
