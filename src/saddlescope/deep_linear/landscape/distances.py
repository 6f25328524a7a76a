"""Distances from a network to the global minima and to the saddles of the whitened cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.landscape.nearest_minimum import nearest
from saddlescope.deep_linear.network.layers import checked_weights
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.least_squares import LeastSquares


@dataclass(frozen=True)
class Distances:
    """Distances in parameter space, Frobenius over all layers.

    `minimum` d_m, to the global minima; `saddle` d_s, to the saddles (an upper bound for L ≥ 3); `kept`, the
    modes of the target (0 the strongest) that the nearest saddle found has learnt; `converged`, of both.
    """

    minimum: float
    saddle: float
    kept: tuple[int, ...]
    converged: bool


def distances(cost: LeastSquares, weights: Sequence[ArrayLike]) -> Distances:
    """Return the distances of a network to the global minima and to the saddles of ½‖A − S‖².

    Arguments: `cost` a whitened `LeastSquares`; `weights` [W_1, …, W_L], L ≥ 2. A saddle has learnt a set of
    modes K of S = Σ s_i u_i v_iᵀ and nothing of the others, R: the outer layers are cut off from R, and the
    nearest network on the rest with the product of K is found as for d_m, so that d_s² = min over R of ‖W_1
    V_R‖² + ‖U_RᵀW_L‖² + d_m²(K). For L = 2 this is the distance itself, for L ≥ 3 an upper bound with the
    same exponent in the width. All sets R are tried for up to six modes, beyond that single modes and the
    cheapest ones together. Equal singular values make the modes, and with them d_s, depend on the frame.

    Raises `ArgumentError` for other costs and for a single layer.

    Source: Jacot et al., arXiv 2106.15933 (exponents in the width).

    >>> from saddlescope.deep_linear import LeastSquares
    >>> result = distances(LeastSquares([[4.0]]), [[[1.0]], [[1.0]]])
    >>> round(result.minimum**2, 9), round(result.saddle**2, 9)  # (2, 2) and the origin
    (2.0, 2.0)
    """
    if not isinstance(cost, Cost) or cost.whitened_target is None:
        raise ArgumentError("cost", "be LeastSquares of a target", type(cost).__name__)
    layers = [np.asarray(W) for W in checked_weights(weights, cost.shape)]
    if len(layers) == 1:
        raise ArgumentError("weights", "have at least two layers", 1)
    target = cost.whitened_target
    U, s, Vt = np.linalg.svd(target)
    rank = int(np.sum(s > max(target.shape) * np.finfo(float).eps * s[0]))
    if rank == 0:
        raise ArgumentError("cost", "have a target that is not zero", 0)
    width = min(W.shape[0] for W in layers[:-1])
    reach = min(rank, width)
    fit = nearest(layers, (U[:, :reach] * s[:reach]) @ Vt[:reach])
    # in the frames of the target every mode is one column of W_1 and one row of W_L
    turned = [layers[0] @ Vt.T, *layers[1:-1], U.T @ layers[-1]]
    prices = np.sum(turned[0][:, :rank] ** 2, axis=0) + np.sum(turned[-1][:rank] ** 2, axis=1)
    largest = max(float(np.linalg.norm(W, 2)) for W in layers)
    sets = [kept for kept in _kept_sets(prices, width) if kept != tuple(range(reach))]
    floors = {kept: _floor(s, prices, largest, len(layers), kept) for kept in sets}
    best, best_kept, settled = np.inf, (), True
    # the set that keeps nothing comes first: it costs no iteration to try
    for kept in sorted(sets, key=lambda kept: (bool(kept), floors[kept])):
        if floors[kept] >= best:
            continue
        killed = [mode for mode in range(rank) if mode not in kept]
        result = nearest(*_without(turned, s, kept, killed))
        square = float(np.sum(prices[killed])) + result.distance**2
        settled = settled and (result.converged or square > 1.05 * best)
        if square < best:
            best, best_kept = square, kept
    return Distances(fit.distance, best**0.5, best_kept, fit.converged and settled)


def _kept_sets(prices: np.ndarray, width: int) -> Iterator[tuple[int, ...]]:
    indices = range(prices.size)
    if prices.size <= 6:
        for size in range(min(prices.size, width) + 1):
            yield from combinations(indices, size)
        return
    order = np.argsort(prices)
    sets = {tuple(sorted(order[count:].tolist())) for count in range(prices.size + 1)}
    sets |= {tuple(mode for mode in indices if mode != killed) for killed in indices}
    yield from (kept for kept in sets if len(kept) <= width)


def _floor(s: np.ndarray, prices: np.ndarray, largest: float, depth: int, kept: tuple[int, ...]) -> float:
    """Return a lower bound of d_s² at this set of modes.

    By Weyl, a layer whose i-th singular value is t has moved by at least t − `largest` in it; the product
    fixes the sums of ln t over the layers (Horn), of which the sum of (t − `largest`)² is a convex function.
    """
    moved = np.maximum(s[list(kept)] ** (1 / depth) - largest, 0.0)
    return float(np.sum(prices) - np.sum(prices[list(kept)]) + depth * np.sum(moved**2))


def _without(
    turned: list[np.ndarray], s: np.ndarray, kept: tuple[int, ...], killed: list[int]
) -> tuple[list[np.ndarray], np.ndarray]:
    columns = [index for index in range(turned[0].shape[1]) if index not in killed]
    rows = [index for index in range(turned[-1].shape[0]) if index not in killed]
    target = np.zeros((len(rows), len(columns)))
    for mode in kept:
        target[rows.index(mode), columns.index(mode)] = s[mode]
    return [turned[0][:, columns], *turned[1:-1], turned[-1][rows]], target
