"""Distances from a network to the nearest global minimum and to the nearest saddle of the whitened cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.anderson import Anderson
from saddlescope.deep_linear.least_squares import LeastSquares
from saddlescope.deep_linear.network import checked_weights


@dataclass(frozen=True)
class NearestMinimum:
    """The nearest network found with the wanted product.

    `distance`; `weights` [W_1, …, W_L] there; `converged`, whether the iteration met its tolerance.
    """

    distance: float
    weights: list[np.ndarray]
    converged: bool


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

    Source: Jacot et al., arXiv 2106.15933, theorem 1 (exponents in the width).

    >>> found = distances(LeastSquares([[4.0]]), [[[1.0]], [[1.0]]])
    >>> round(found.minimum**2, 9), round(found.saddle**2, 9)  # (2, 2) and the origin
    (2.0, 2.0)
    """
    if not isinstance(cost, LeastSquares) or cost.inputs is not None:
        raise ArgumentError("cost", "be LeastSquares of a target", type(cost).__name__)
    layers = _layers(weights, cost.shape)
    target = np.asarray(cost.target)
    U, s, Vt = np.linalg.svd(target)
    rank = int(np.sum(s > max(target.shape) * np.finfo(float).eps * s[0]))
    width = min(W.shape[0] for W in layers[:-1])
    reach = min(rank, width)
    nearest = _nearest(layers, (U[:, :reach] * s[:reach]) @ Vt[:reach])
    # in the frames of the target every mode is one column of W_1 and one row of W_L
    turned = [layers[0] @ Vt.T, *layers[1:-1], U.T @ layers[-1]]
    if len(layers) == 1:
        raise ArgumentError("weights", "have at least two layers", 1)
    prices = np.sum(turned[0][:, :rank] ** 2, axis=0) + np.sum(turned[-1][:rank] ** 2, axis=1)
    candidates = sorted(
        (_floor(turned, s, prices, kept), kept)
        for kept in _kept_sets(prices, width)
        if kept != tuple(range(reach))
    )
    best, best_kept, settled = np.inf, (), True
    for floor, kept in candidates:
        if floor >= best:
            break
        killed = [mode for mode in range(rank) if mode not in kept]
        found = _nearest(*_without(turned, s, kept, killed))
        square = float(np.sum(prices[killed])) + found.distance**2
        settled = settled and found.converged
        if square < best:
            best, best_kept = square, kept
    return Distances(nearest.distance, best**0.5, best_kept, nearest.converged and settled)


def nearest_minimum(product: ArrayLike, weights: Sequence[ArrayLike]) -> NearestMinimum:
    """Return the nearest network whose product is the given one.

    Arguments: `product` A* (d_out, d_in), of a rank that the width can hold; `weights` [W_1, …, W_L]. The
    nearest point satisfies W_l = W_l(0) + B_lᵀΛF_{l−1}ᵀ, with F_{l−1} = W_{l−1} … W_1, B_l = W_L … W_{l+1}
    and a multiplier Λ (d_out, d_in) fixed by the product; this is iterated with Anderson acceleration, from
    the network itself or from the balanced network with aligned frames, whichever promises less. It is the
    nearest point of a neighbourhood, not proven to be the nearest of all.

    Raises `ArgumentError` on shapes that do not fit, and on a rank above the width.

    >>> round(nearest_minimum([[4.0]], [[[1.0]], [[1.0]]]).distance**2, 9)
    2.0
    """
    target = np.asarray(product, dtype=float)
    if target.ndim != 2 or not np.all(np.isfinite(target)):
        raise ArgumentError("product", "be a matrix of finite numbers", product)
    layers = _layers(weights, (target.shape[0], target.shape[1]))
    width = min([W.shape[0] for W in layers[:-1]], default=min(target.shape))
    rank = int(np.linalg.matrix_rank(target))
    if rank > width:
        raise ArgumentError("product", f"have a rank of at most the width {width}", rank)
    return _nearest(layers, target)


def _layers(weights: Sequence[ArrayLike], shape: tuple[int, int]) -> list[np.ndarray]:
    return [np.asarray(W) for W in checked_weights(weights, shape)]


def _kept_sets(prices: np.ndarray, width: int) -> Iterator[tuple[int, ...]]:
    modes = range(prices.size)
    if prices.size <= 6:
        for size in range(min(prices.size, width) + 1):
            yield from combinations(modes, size)
        return
    order = np.argsort(prices)
    sets = {tuple(sorted(order[count:].tolist())) for count in range(prices.size + 1)}
    sets |= {tuple(mode for mode in modes if mode != killed) for killed in modes}
    yield from (kept for kept in sets if len(kept) <= width)


def _floor(turned: list[np.ndarray], s: np.ndarray, prices: np.ndarray, kept: tuple[int, ...]) -> float:
    """Return a lower bound of d_s² at this set: a network of a given product has norm² ≥ L Σ s^(2/L)."""
    depth = len(turned)
    size = float(np.sqrt(sum(np.sum(W**2) for W in turned)))
    needed = float(np.sqrt(depth * np.sum(s[list(kept)] ** (2 / depth))))
    return float(np.sum(prices)) - float(np.sum(prices[list(kept)])) + max(needed - size, 0.0) ** 2


def _without(
    turned: list[np.ndarray], s: np.ndarray, kept: tuple[int, ...], killed: list[int]
) -> tuple[list[np.ndarray], np.ndarray]:
    columns = [index for index in range(turned[0].shape[1]) if index not in killed]
    rows = [index for index in range(turned[-1].shape[0]) if index not in killed]
    target = np.zeros((len(rows), len(columns)))
    for mode in kept:
        target[rows.index(mode), columns.index(mode)] = s[mode]
    return [turned[0][:, columns], *turned[1:-1], turned[-1][rows]], target


class _Chain:
    """The networks W_l = W_l(0) + B_lᵀΛF_{l−1}ᵀ, held by their factors, which are thin however wide the layers."""

    def __init__(self, start: list[np.ndarray], target: np.ndarray):
        self.start = start
        self.target = target
        # narrower layers leave directions of the product that no first-order change reaches
        self.full = min(W.shape[0] for W in start[:-1]) >= max(target.shape)

    def products(self, network: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return [F_0, …, F_{L−1}] and [B_1, …, B_L] of a network given by its layers."""
        below, above = [np.eye(network[0].shape[1])], [np.eye(network[-1].shape[0])]
        for W in network[:-1]:
            below.append(W @ below[-1])
        for W in network[:0:-1]:
            above.append(above[-1] @ W)
        return below, above[::-1]

    def image(
        self, below: list[np.ndarray], above: list[np.ndarray], multiplier: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, float]:
        """Return the factors of the network that these factors define, its multiplier, and its distance."""
        lower, upper = [below[0]], [above[-1]]
        for W, F, B in zip(self.start[:-1], below, above, strict=False):
            lower.append(W @ lower[-1] + B.T @ (multiplier @ (F.T @ lower[-1])))
        for W, F, B in zip(self.start[:0:-1], below[:0:-1], above[:0:-1], strict=False):
            upper.append(upper[-1] @ W + ((upper[-1] @ B.T) @ multiplier) @ F.T)
        upper = upper[::-1]
        A = self.start[-1] @ lower[-1] + above[-1].T @ (multiplier @ (below[-1].T @ lower[-1]))
        moved = self.target - A
        for F, B, thin, wide in zip(below, above, lower, upper, strict=True):
            moved = moved + (wide @ B.T) @ multiplier @ (F.T @ thin)
        return lower, upper, *self.multiplier(lower, upper, moved)

    def multiplier(
        self, below: list[np.ndarray], above: list[np.ndarray], moved: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Solve Σ B_lB_lᵀ Λ F_{l−1}ᵀF_{l−1} = moved; return Λ and the distance √⟨Λ, moved⟩ it amounts to."""
        K = np.zeros((moved.size, moved.size))
        for F, B in zip(below, above, strict=True):
            K += np.kron(B @ B.T, F.T @ F)
        if self.full:
            flat = np.linalg.solve(K, moved.ravel())
        else:
            flat = np.linalg.lstsq(K, moved.ravel(), rcond=1e-14)[0]
        return flat.reshape(moved.shape), float(np.sqrt(max(flat @ moved.ravel(), 0.0)))


def _nearest(start: list[np.ndarray], target: np.ndarray, tolerance: float = 1e-9) -> NearestMinimum:
    if target.size == 0:
        # no rows or no columns are left: any inner layers do
        return NearestMinimum(0.0, start, converged=True)
    if len(start) == 1:
        return NearestMinimum(float(np.linalg.norm(start[0] - target)), [target], converged=True)
    chain = _Chain(start, target)
    below, above = chain.products(start)
    multiplier, linear = chain.multiplier(below, above, target - start[-1] @ below[-1])
    aligned = _aligned_balanced(start, target)
    apart = float(np.sqrt(sum(np.sum((W - V) ** 2) for W, V in zip(start, aligned, strict=True))))
    origins = [(linear, below, above, multiplier)]
    if np.any(target):
        below, above = chain.products(aligned)
        moved = sum(
            (B @ (V - W) @ F for W, V, F, B in zip(start, aligned, below, above, strict=True)),
            np.zeros(target.shape),
        )
        origins.append((apart, below, above, chain.multiplier(below, above, moved)[0]))
    origins.sort(key=lambda origin: origin[0])
    found = NearestMinimum(np.inf, start, converged=False)
    for _, below, above, multiplier in origins:
        found = _iterate(chain, below, above, multiplier, tolerance)
        if found.converged:
            return found
    return found


def _iterate(
    chain: _Chain, below: list[np.ndarray], above: list[np.ndarray], multiplier: np.ndarray, tolerance: float
) -> NearestMinimum:
    parts = [*below[1:], *above[:-1], multiplier]
    shapes = [part.shape for part in parts]
    cuts = np.cumsum([part.size for part in parts])[:-1]
    scale = np.concatenate([np.full(part.size, max(float(np.linalg.norm(part)), 1e-300)) for part in parts])
    mixing, point, distance, depth = (
        Anderson(scale),
        np.concatenate([p.ravel() for p in parts]),
        np.inf,
        len(above),
    )
    for _ in range(400):
        lower, upper, following, distance = chain.image(below, above, multiplier)
        image = np.concatenate([part.ravel() for part in (*lower[1:], *upper[:-1], following)])
        if not np.all(np.isfinite(image)):
            break
        if np.linalg.norm((image - point) / scale) <= tolerance:
            network = [W + B.T @ multiplier @ F.T for W, F, B in zip(chain.start, below, above, strict=True)]
            return NearestMinimum(distance, network, converged=True)
        point = mixing.mix(point, image)
        parts = [part.reshape(shape) for part, shape in zip(np.split(point, cuts), shapes, strict=True)]
        below, above, multiplier = (
            [below[0], *parts[: depth - 1]],
            [*parts[depth - 1 : -1], above[-1]],
            parts[-1],
        )
    return NearestMinimum(distance, chain.start, converged=False)


def _aligned_balanced(start: list[np.ndarray], target: np.ndarray) -> list[np.ndarray]:
    """Return the balanced network of the target whose hidden frames are closest to the start, frame by frame."""
    U, s, Vt = np.linalg.svd(target, full_matrices=False)
    width = min(W.shape[0] for W in start[:-1])
    reach = min(s.size, width)
    root = s[:reach] ** (1 / len(start))
    frames = [Vt[:reach].T]
    for W in start[:-1]:
        frames.append(_polar(W @ frames[-1] * root))
    frames.append(U[:, :reach])
    for _ in range(100):
        change = 0.0
        for layer in range(1, len(start)):
            pull = (start[layer - 1] @ frames[layer - 1] + start[layer].T @ frames[layer + 1]) * root
            turned = _polar(pull)
            change = max(change, float(np.max(np.abs(turned - frames[layer]))))
            frames[layer] = turned
        if change < 1e-8:
            break
    return [after * root @ before.T for before, after in zip(frames, frames[1:], strict=False)]


def _polar(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right
