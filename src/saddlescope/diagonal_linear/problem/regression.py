"""The regression problem that a diagonal linear network solves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, vector


def checked_regression(inputs: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return X (n, d), one example a row, and y (n,) as float64; refuse what does not fit or is not finite.

    >>> [part.shape for part in checked_regression([[1, 2]], [3])]
    [(1, 2), (1,)]
    """
    try:
        X = np.asarray(inputs, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("inputs", "be a matrix of numbers, one example a row", inputs) from None
    if X.ndim != 2 or X.size == 0 or not np.all(np.isfinite(X)):
        raise ArgumentError("inputs", "be a non-empty matrix of finite numbers, one example a row", inputs)
    y = vector("outputs", outputs)
    if y.size != X.shape[0]:
        raise ArgumentError("outputs", f"have one number per example, {X.shape[0]} of them", y.size)
    return X, y


def reference_regression() -> tuple[np.ndarray, np.ndarray]:
    """Return a fixed problem: 5 Gaussian examples in 7 dimensions, fitted by the vector (1.5, −1, 0, …).

    >>> X, y = reference_regression()
    >>> bool(np.allclose(y, 1.5 * X[:, 0] - X[:, 1]))
    True
    """
    X = np.random.default_rng(0).standard_normal((5, 7))
    return X, X @ np.array([1.5, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def sparse_regression(
    examples: int, dimension: int, coefficients: Sequence[float], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return X (n, d), standard Gaussian, and y = X beta (n,), where only the first coordinates of beta are not zero.

    >>> X, y = sparse_regression(5, 7, [1.5, -1.0], seed=0)
    >>> bool(np.allclose(X, reference_regression()[0]) and np.allclose(y, reference_regression()[1]))
    True
    """
    X = np.random.default_rng(seed).standard_normal((examples, dimension))
    return X, X[:, : len(coefficients)] @ np.asarray(coefficients, dtype=np.float64)
