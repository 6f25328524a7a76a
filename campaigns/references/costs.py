"""Costs of a product matrix with gradients by hand."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np


class MatrixCost(abc.ABC):
    """C(A) for A of shape (d_out, d_in)."""

    @abc.abstractmethod
    def value(self, A: np.ndarray) -> float:
        """C(A)."""

    @abc.abstractmethod
    def gradient(self, A: np.ndarray) -> np.ndarray:
        """dC/dA, of the shape of A."""

    def values(self, products: np.ndarray) -> np.ndarray:
        """C of many products (N, d_out, d_in), shape (N,)."""
        return np.array([self.value(A) for A in products])


@dataclass(frozen=True)
class Masked(MatrixCost):
    """sum of (A - S)^2 / 2 over the entries in `mask`; the whitened least squares where that is all of them."""

    target: np.ndarray
    mask: np.ndarray

    def value(self, A: np.ndarray) -> float:
        return 0.5 * float(np.sum((A - self.target)[self.mask] ** 2))

    def gradient(self, A: np.ndarray) -> np.ndarray:
        return np.where(self.mask, A - self.target, 0.0)


@dataclass(frozen=True)
class Examples(MatrixCost):
    """|A X - Y|^2 / (2 N) over N examples, the columns of X and Y."""

    X: np.ndarray
    Y: np.ndarray

    def value(self, A: np.ndarray) -> float:
        return float(np.sum((A @ self.X - self.Y) ** 2)) / (2 * self.X.shape[1])

    def gradient(self, A: np.ndarray) -> np.ndarray:
        return (A @ self.X - self.Y) @ self.X.T / self.X.shape[1]


@dataclass(frozen=True)
class LogCosh(MatrixCost):
    """sum of log cosh(A - S), no quadratic cost."""

    target: np.ndarray

    def value(self, A: np.ndarray) -> float:
        x = np.abs(A - self.target)
        return float(np.sum(x + np.log1p(np.exp(-2 * x)) - np.log(2)))

    def gradient(self, A: np.ndarray) -> np.ndarray:
        return np.tanh(A - self.target)
