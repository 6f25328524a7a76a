"""Costs: differentiable functions of the product matrix A, with gradient and Hessian product."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import numpy as np
from jax import Array

from saddlescope.arguments import ArgumentError


def matrix(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a non-empty two-dimensional float64 array of finite numbers, or refuse it."""
    entries = entries_or_nan(argument, value)
    if not np.all(np.isfinite(entries)):
        raise ArgumentError(argument, "hold finite numbers only", value)
    return entries


def entries_or_nan(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a non-empty two-dimensional float64 array, or refuse it."""
    try:
        entries = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(argument, "be a matrix of numbers", value) from None
    if entries.ndim != 2 or entries.size == 0:
        raise ArgumentError(argument, "be a non-empty matrix", value)
    return entries


class Cost(eqx.Module):
    """A cost C(A) of the product matrix A, shape (d_out, d_in); every array in it is a leaf of the pytree."""

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        rows, columns = self.shape
        rank = [] if self.target_rank is None else [("rank of the target", self.target_rank)]
        told = [("product", f"{rows} x {columns}"), *rank, *(("remark", remark) for remark in self.remarks)]
        return pairs(type(self).__name__, told)

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """(d_out, d_in), the shape of the product matrix."""

    @property
    @abc.abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What is unusual about the data, one sentence each; empty when nothing is."""

    @property
    @abc.abstractmethod
    def target_rank(self) -> int | None:
        """Rank of the matrix to be learnt, or None where the data do not fix it."""

    @abc.abstractmethod
    def value(self, A: Array) -> Array:
        """Return C(A)."""

    @abc.abstractmethod
    def gradient(self, A: Array) -> Array:
        """Return G = ∇C(A), of the shape of A."""

    @abc.abstractmethod
    def hessian_product(self, A: Array, dA: Array) -> Array:
        """Return ∇²C(A)[dA], of the shape of A."""

    @abc.abstractmethod
    def test_error(self, A: Array) -> Array:
        """Return the relative error on what the cost does not see; nan where nothing is known about it."""
