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


@dataclass(frozen=True)
class Sensed(MatrixCost):
    """sum_i (<M_i, A> - y_i)^2 / (2 m) over m measurements M, shape (m, d_out, d_in)."""

    measurements: np.ndarray
    answers: np.ndarray

    def value(self, A: np.ndarray) -> float:
        gaps = np.einsum("kij,ij->k", self.measurements, A) - self.answers
        return float(gaps @ gaps) / (2 * len(gaps))

    def gradient(self, A: np.ndarray) -> np.ndarray:
        gaps = np.einsum("kij,ij->k", self.measurements, A) - self.answers
        return np.einsum("k,kij->ij", gaps, self.measurements) / len(gaps)


@dataclass(frozen=True)
class Margins(MatrixCost):
    """sum over outputs and mean over examples of log(1 + e^-z), or of e^-z, z = y (A x); y of -1 and 1."""

    X: np.ndarray
    y: np.ndarray
    exponential: bool

    def value(self, A: np.ndarray) -> float:
        z = self.y * (A @ self.X)
        each = np.exp(-z) if self.exponential else np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z)))
        return float(np.sum(each)) / self.X.shape[1]

    def gradient(self, A: np.ndarray) -> np.ndarray:
        z = self.y * (A @ self.X)
        slope = -np.exp(-z) if self.exponential else -0.5 * (1 - np.tanh(0.5 * z))
        return (slope * self.y) @ self.X.T / self.X.shape[1]
