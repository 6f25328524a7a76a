"""Composite Gauss nodes of a law of initial weights, bisected where the solution needs it.

As epsilon falls, ever smaller sets of initial weights carry the action - the edge of the law when degree 2 is learnt,
a peak inside it when degree 3 is - and one global Gauss rule needs thousands of nodes to see them (T_3 at
epsilon = 1e-8: 4096 nodes for five digits). Panels in the quantile u, bisected at the edge and the peak, give eight
digits with 400.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from saddlescope.gaussian import Law

_NODES = 8  # per panel
_DEEPEST = 44  # bisections; quantiles closer than 2^-44 to the edge are not told apart in float64
_X, _W = legendre.leggauss(_NODES)
_TO_COEFFICIENTS = np.linalg.inv(legendre.legvander(_X, _NODES - 1))


@dataclass(frozen=True)
class Panels:
    """Panels of quantiles between `edges` (rising, from 0 to 1), with Gauss-Legendre nodes in each."""

    law: Law
    edges: np.ndarray

    @classmethod
    def of(cls, law: Law) -> Panels:
        """Start with panels halved towards both edges of the law; further out if the law is unbounded."""
        depth = 6 if law.bounded else 20
        half = 0.5 ** np.arange(depth, 0, -1)
        return cls(law, np.concatenate([[0.0], half, 1 - half[-2::-1], [1.0]]))

    @property
    def particles(self) -> int:
        """Number of nodes."""
        return _NODES * (len(self.edges) - 1)

    def rule(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes a_i and weights w_i, each of shape (particles,), panel by panel."""
        low, width = self.edges[:-1, None], np.diff(self.edges)[:, None]
        quantiles = low + 0.5 * width * (1 + _X)
        weights = 0.5 * width * _W
        return self.law.quantile(quantiles.ravel()), weights.ravel()

    def unresolved(self, a: np.ndarray, s: np.ndarray, scales: np.ndarray | int) -> np.ndarray:
        """How much each panel may be missing of the moments <a s^k>, at its worst time.

        The measure is the size of the last two Legendre coefficients of a s^k over the panel.

        Args:
            a, s: saved states, each of shape (times, particles).
            scales: the size of each moment that matters, shape (degrees,); or a number of degrees, for sizes relative
                to <|a s^k|> at the same time.
        """
        worst = np.zeros(len(self.edges) - 1)
        power = np.ones_like(s)
        for k in range(scales if isinstance(scales, int) else len(scales)):
            worst = np.maximum(worst, self.missing(a * power, None if isinstance(scales, int) else scales[k]))
            power = power * s
        return worst

    def missing(self, density: np.ndarray, scale: float | None = None) -> np.ndarray:
        """How much each panel may be missing of the mean of a density, at its worst time, shape (panels,).

        Args:
            density: at the nodes, shape (times, particles).
            scale: the size that matters; by default the mean of its absolute value at the same time.
        """
        width = np.diff(self.edges)
        density = density.reshape(len(density), len(width), _NODES)
        tail = np.abs(density @ _TO_COEFFICIENTS[-2:].T).max(axis=2) * width
        size = (np.abs(density) @ (0.5 * _W)) @ width if scale is None else scale
        return (tail.T / size).max(axis=1)

    def bisected(self, worst: np.ndarray, tolerance: float) -> Panels:
        """Halve the panels above the tolerance; quarter those far above it."""
        edges = [0.0]
        for low, high, w in zip(self.edges[:-1], self.edges[1:], worst, strict=True):
            parts = 1 if w <= tolerance or high - low < 2.0**-_DEEPEST else 2 if w <= 1e3 * tolerance else 4
            edges.extend(low + (high - low) * (np.arange(1, parts + 1) / parts))
        return Panels(self.law, np.array(edges))
