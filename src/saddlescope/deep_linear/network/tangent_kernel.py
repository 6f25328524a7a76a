"""The tangent kernel K = J J^T of the product: how far two networks' kernels are apart, without forming one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from saddlescope.deep_linear.network.layers import products_from_input


def kernel_change(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """Return |K(after) - K(before)|_F / |K(before)|_F of the tangent kernels of two networks.

    Args:
        before, after: layers [W_1, .., W_L] of the same shapes.

    With S_l = W_L .. W_(l+1), F_l = W_l .. W_1, P_l = S_l S_l^T and Q_l = F_(l-1)^T F_(l-1), K is the sum of the
    P_l x Q_l, and its change the sum of the dP_l x Q_l and P_l x dQ_l. The norm of such a sum needs only the inner
    products of its factors: K itself is never formed, and a small change keeps its digits.

    Source: Jacot, Gabriel, Hongler, arXiv 1806.07572 (the kernel), for linear layers.

    >>> kernel_change([np.array([[1.0]]), np.array([[1.0]])], [np.array([[2.0]]), np.array([[2.0]])])
    3.0
    """
    P, Q = _kernel_factors(before)
    P_after, Q_after = _kernel_factors(after)
    change_P = [b - a for a, b in zip(P, P_after, strict=True)]
    change_Q = [b - a for a, b in zip(Q, Q_after, strict=True)]
    return _norm_of_sum(change_P + P, Q_after + change_Q) / _norm_of_sum(P, Q)


def _kernel_factors(weights: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    inner = [np.eye(weights[0].shape[1]), *products_from_input(weights)[:-1]]
    outer = [np.eye(weights[-1].shape[0])]
    for W in weights[:0:-1]:
        outer.append(outer[-1] @ W)
    return [S @ S.T for S in outer[::-1]], [F.T @ F for F in inner]


def _norm_of_sum(left: list[np.ndarray], right: list[np.ndarray]) -> float:
    """Return the Frobenius norm of the sum of left_i x right_i (symmetric factors)."""
    a, b = (np.stack(factors).reshape(len(factors), -1) for factors in (left, right))
    return math.sqrt(max(float(np.sum((a @ a.T) * (b @ b.T))), 0.0))
