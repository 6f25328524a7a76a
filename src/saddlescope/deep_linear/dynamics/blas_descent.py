"""Steps of gradient descent on a CPU: products with thin factors in BLAS, layers changed where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
from scipy.linalg.blas import dgemm  # pyright: ignore[reportAttributeAccessIssue]

from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.solve.machine.threads import one_blas_thread

Layers = list[np.ndarray]
Gradient = Callable[[np.ndarray], np.ndarray]

# Numbers in all layers from which on BLAS overtakes compiled steps: those have less overhead, but their products take
# two to three times as long. A gradient that only JAX knows costs a call of 20 to 100 microseconds in every step.
_MANY, _MANY_FOR_JAX = 2500, 20_000
# Multiplications in a product from which on threads pay on two idle cores. Under it they only wait for each other, on a
# busy machine for ten to a hundred times as long as the product takes.
_LARGE = 3_000_000


def blas_pays(cost: Cost, weights: Sequence[Any]) -> bool:
    """Whether `descend` makes steps faster than compiled ones are, for layers of these shapes on this machine.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> layers = [np.ones((width, width)) for width in (5, 50)]
    >>> [blas_pays(LeastSquares(W), [W, W]) for W in layers] == [False, jax.default_backend() == "cpu"]
    True
    """
    many = _MANY if cost.numpy_pays else _MANY_FOR_JAX
    return len(weights) > 1 and sum(W.size for W in weights) >= many and jax.default_backend() == "cpu"


def descend(
    cost: Cost,
    weights: Sequence[Any],
    velocity: Sequence[Any] | None,
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float = 0.0,
    steps: int,
) -> tuple[Layers, Layers | None]:
    """Layers and velocities after `steps` steps V_l <- momentum V_l - eta (dC/dW_l + weight_decay W_l), W_l += V_l.

    The gradient B_l F_(l-1)^T has two thin factors, F_l = W_l .. W_1 and B_l = W_(l+1)^T .. W_L^T G, and is added to a
    layer in one pass over it. What comes in is left as it is. There are two layers or more. Without momentum the
    velocity is None.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> layers, _ = descend(
    ...     LeastSquares([[2.0]]), [np.ones((1, 1))] * 2, None, learning_rate=0.25, momentum=0.0, steps=1
    ... )
    >>> [W.tolist() for W in layers]  # both gradients are 1 * (1 - 2)
    [[[1.25]], [[1.25]]]
    """
    gradient, turned = cost.numpy_gradient(), cost.shape[0] < cost.shape[1]
    W, V = list(weights), None if velocity is None else list(velocity)
    if turned:  # the transposed network has the thinner input
        W, V = _transposed(W), V and _transposed(V)
    W, V = [_copied(layer) for layer in W], V and [_copied(layer) for layer in V]
    one_thread = min(cost.shape) * max(layer.size for layer in W) < _LARGE
    # a run that diverges is told by its cost, not by warnings
    with one_blas_thread() if one_thread else nullcontext(), np.errstate(over="ignore", invalid="ignore"):
        slope = (lambda A: gradient(A.T).T) if turned else gradient
        _make_steps(W, V, slope, learning_rate, momentum, weight_decay, steps)
    return (_transposed(W), V and _transposed(V)) if turned else (W, V)


def _make_steps(
    W: Layers,
    V: Layers | None,
    gradient: Gradient,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    steps: int,
) -> None:
    push = learning_rate * weight_decay
    # BLAS stores matrices by columns: it sees each layer transposed
    M = [layer.T for layer in W]
    changed, kept = (M, 1.0 - push) if V is None else ([move.T for move in V], momentum)
    for _ in range(steps):
        F = M[:1]
        for layer in M[1:]:
            F.append(dgemm(1.0, F[-1], layer))
        B = [gradient(F.pop().T)]
        for layer in M[:1:-1]:
            B.append(dgemm(1.0, layer, B[-1]))
        first = dgemm(-learning_rate, B[-1], M[1], trans_a=1, trans_b=1)
        for layer, inner, outer in zip(changed[1:], F, reversed(B), strict=True):
            dgemm(-learning_rate, inner, outer, kept, layer, 1, 1, 1)
        if kept != 1:
            changed[0] *= kept
        changed[0] += first
        if V is not None:
            for layer, move in zip(W, V, strict=True):
                if push:
                    move -= push * layer
                layer += move


def _copied(W: np.ndarray) -> np.ndarray:
    """A copy by rows that begins at a multiple of 64 bytes, where JAX reads an array without one more copy."""
    memory = np.empty(W.size + 8)
    first = -memory.ctypes.data // 8 % 8
    copy = memory[first : first + W.size].reshape(W.shape)
    copy[...] = W
    return copy


def _transposed(layers: Layers) -> Layers:
    return [W.T for W in reversed(layers)]
