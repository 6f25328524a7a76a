"""Gradient flow and descent of the layers of a deep linear network, dW_l/dt = -(W_L .. W_{l+1})^T G (W_{l-1} .. W_1)^T.

Jacot et al., arXiv 2106.15933. Layers are integrated as they are, with an absolute tolerance far below the smallest
weight: slow, but without any of the structure that the code uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from campaigns.references.costs import MatrixCost
from campaigns.references.integration import Solution, solved

Layers = list[np.ndarray]


def product(layers: Sequence[np.ndarray]) -> np.ndarray:
    """W_L .. W_1."""
    A = layers[0]
    for W in layers[1:]:
        A = W @ A
    return A


def slopes(cost: MatrixCost, layers: Sequence[np.ndarray]) -> Layers:
    """dC/dW_l of every layer."""
    inputs = [np.eye(layers[0].shape[1])]
    for W in layers:
        inputs.append(W @ inputs[-1])
    G = cost.gradient(inputs[-1])
    results: Layers = []
    for W, seen in zip(reversed(layers), reversed(inputs[:-1]), strict=True):
        results.append(G @ seen.T)
        G = W.T @ G
    return results[::-1]


@dataclass(frozen=True)
class LayersFlow:
    """The flow of given layers [W_1, .., W_L] on a cost of their product."""

    cost: MatrixCost
    layers: Layers

    def split(self, y: np.ndarray) -> Layers:
        """Layers of a state."""
        result, at = [], 0
        for W in self.layers:
            result.append(y[at : at + W.size].reshape(W.shape))
            at += W.size
        return result

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        return -np.concatenate([dW.ravel() for dW in slopes(self.cost, self.split(y))])

    def solve(self, until: float, method: str = "DOP853", rtol: float = 1e-11) -> Solution:
        """The flow up to a time."""
        start = np.concatenate([W.ravel() for W in self.layers])
        smallest = min(float(np.sqrt(np.mean(W**2))) or 1.0 for W in self.layers)
        return solved(self.rate, start, until, atol=1e-6 * rtol * smallest, method=method, rtol=rtol)

    def products(self, states: np.ndarray) -> np.ndarray:
        """A at states (N, n), shape (N, d_out, d_in)."""
        return np.array([product(self.split(y)) for y in states])


@dataclass(frozen=True)
class WideFlow:
    """Two layers of infinite width, k = scale^2, by a square root Q of the Gram matrix of [W_1^T; W_2].

    That starts at k I, any root of it moves by Q' = -[[0, G^T], [G, 0]] Q, and A is a block of Q Q^T.
    """

    cost: MatrixCost
    shape: tuple[int, int]
    k: float

    def _read(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """W_1^T and W_2."""
        rows, columns = self.shape
        Q = y.reshape(rows + columns, rows + columns)
        return Q[:columns], Q[columns:]

    def rate(self, _: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side."""
        first, last = self._read(y)
        G = self.cost.gradient(last @ first.T)
        return -np.concatenate([(G.T @ last).ravel(), (G @ first).ravel()])

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-11) -> Solution:
        """The flow up to a time."""
        start = self.k**0.5 * np.eye(sum(self.shape)).ravel()
        return solved(self.rate, start, until, atol=1e-4 * rtol * self.k**0.5, method=method, rtol=rtol)

    def products(self, states: np.ndarray) -> np.ndarray:
        """A at states (N, n), shape (N, d_out, d_in)."""
        return np.array([last @ first.T for first, last in map(self._read, states)])


def optimised(
    cost: MatrixCost, layers: Layers, make: Callable[[Layers], Any], step: Any, steps: int
) -> tuple[np.ndarray, Layers]:
    """Costs (steps + 1,) and the last layers where step(n, memory, slopes, layers) gives moves and the next memory."""
    layers, memory = [W.copy() for W in layers], make(layers)
    costs = [cost.value(product(layers))]
    for n in range(steps):
        moves, memory = step(n, memory, slopes(cost, layers), layers)
        layers = [W + move for W, move in zip(layers, moves, strict=True)]
        costs.append(cost.value(product(layers)))
    return np.array(costs), layers


def descended(cost: MatrixCost, layers: Layers, rate: float, momentum: float, steps: int) -> tuple[np.ndarray, Layers]:
    """Costs (steps + 1,) along W <- W + V, V <- momentum V - rate dC/dW, and the last layers."""
    layers = [W.copy() for W in layers]
    velocity = [np.zeros_like(W) for W in layers]
    costs = [cost.value(product(layers))]
    for _ in range(steps):
        velocity = [momentum * V - rate * D for V, D in zip(velocity, slopes(cost, layers), strict=True)]
        layers = [W + V for W, V in zip(layers, velocity, strict=True)]
        costs.append(cost.value(product(layers)))
    return np.array(costs), layers
