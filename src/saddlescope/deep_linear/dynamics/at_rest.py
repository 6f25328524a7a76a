"""Starts on a saddle, which rounding alone may leave."""

from __future__ import annotations

import numpy as np

from saddlescope.deep_linear.network.layers import products_from_input
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost

_ROUNDING = 1e-14  # share of a layer
_LEFT = 1e-6  # share of the cost's slope at the origin that is more than what a minimum leaves


def at_rest(cost: Cost, weights: list[np.ndarray]) -> tuple[str, ...]:
    """Return a doubt where layers start on a saddle but for rounding, as one does whose frames were turned.

    A start with exact zeros stays, and one at a minimum has nowhere to go.

    Args:
        cost: C(A).
        weights: W_1 .. W_L at the start.
    """
    numpy_cost = NumpyCost(cost)
    A = np.asarray(products_from_input(weights)[-1])
    U, g, Vt = np.linalg.svd(numpy_cost.value_and_gradient(A)[1], full_matrices=False)
    falls = g > _LEFT * np.linalg.norm(numpy_cost.value_and_gradient(0 * A)[1])
    # what the outer layers hold of the directions in which the cost falls
    held = max(
        float(np.linalg.norm(part) / max(np.linalg.norm(W), np.finfo(float).tiny))
        for part, W in ((U.T[falls] @ weights[-1], weights[-1]), (weights[0] @ Vt[falls].T, weights[0]))
    )
    if not 0 < held <= _ROUNDING:
        return ()
    return (
        "The start is on a saddle but for rounding: whether this run leaves it, when and to where, rounding decides.",
    )
