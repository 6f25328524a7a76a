"""Effective ranks of a matrix from its singular values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from saddlescope.arguments import ArgumentError


def effective_rank(singular_values: Any, kind: Literal["stable", "entropy", "participation"] = "stable") -> np.ndarray:
    """Return a smooth count of the singular values that matter.

    Arguments:
        singular_values: s of shape (..., modes), in any order, not negative.
        kind: "stable": Σ s² / max s² (Rudelson and Vershynin, 2007);
            "entropy": exp(-Σ p log p) with p = s / Σ s (Roy and Vetterli, 2007);
            "participation": (Σ s²)² / Σ s⁴, the participation ratio of the squared singular values.

    Returns an array of shape (...): between 1 and the rank, unchanged when s is scaled; 0 for a matrix of
    zeros.

    Raises: ArgumentError for values that are negative or not finite, or an unknown kind.

    >>> effective_rank([[2.0, 2.0, 0.0], [2.0, 1.0, 0.0]])
    array([2.  , 1.25])
    >>> float(effective_rank([3.0, 3.0, 3.0], kind="entropy").round(12))
    3.0
    """
    try:
        s = np.asarray(singular_values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("singular_values", "be an array of numbers", singular_values) from None
    if s.ndim == 0 or s.shape[-1] == 0:
        raise ArgumentError("singular_values", "have a last axis of singular values", s.shape)
    if not np.all(np.isfinite(s)) or np.any(s < 0):
        raise ArgumentError("singular_values", "be finite and not negative", singular_values)
    if kind not in ("stable", "entropy", "participation"):
        raise ArgumentError("kind", 'be "stable", "entropy" or "participation"', kind)
    largest = s.max(axis=-1, keepdims=True)
    # relative to the largest, so that tiny matrices neither underflow nor divide by zero
    s = s / np.where(largest > 0, largest, 1.0)
    zero = largest[..., 0] == 0
    if kind == "stable":
        rank = (s**2).sum(-1)
    elif kind == "participation":
        rank = (s**2).sum(-1) ** 2 / np.where(zero, 1.0, (s**4).sum(-1))
    else:
        p = s / np.where(zero, 1.0, s.sum(-1))[..., None]
        rank = np.exp(-(p * np.log(np.where(p > 0, p, 1.0))).sum(-1))
    return np.where(zero, 0.0, rank)
