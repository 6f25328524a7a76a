"""The nearest network with a given product: where a network would have to move to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.landscape.anderson import Anderson
from saddlescope.deep_linear.network.layers import checked_weights


@dataclass(frozen=True)
class NearestMinimum:
    """The nearest network found with the wanted product.

    `distance`; `weights` [W_1, …, W_L] there; `converged`, whether the iteration met its tolerance.
    """

    distance: float
    weights: list[np.ndarray]
    converged: bool


def nearest_minimum(product: ArrayLike, weights: Sequence[ArrayLike]) -> NearestMinimum:
    """Return the nearest network whose product is the given one.

    Arguments: `product` A* (d_out, d_in), of a rank that the width can hold; `weights` [W_1, …, W_L]. The
    nearest point satisfies W_l = W_l(0) + B_lᵀΛF_{l−1}ᵀ, with F_{l−1} = W_{l−1} … W_1, B_l = W_L … W_{l+1}
    and a multiplier Λ (d_out, d_in) fixed by the product. This is iterated with Anderson acceleration, from
    the network itself and from the balanced network with aligned frames, unless the second cannot do better.
    It is the nearest point of a neighbourhood, not proven to be the nearest of all: on 40 networks of 3 to 6
    neurons, the search found the nearest that a general optimiser found in 39.

    Raises `ArgumentError` on shapes that do not fit, and on a rank above the width.

    >>> round(nearest_minimum([[4.0]], [[[1.0]], [[1.0]]]).distance**2, 9)
    2.0
    """
    target = np.asarray(product, dtype=float)
    if target.ndim != 2 or not np.all(np.isfinite(target)):
        raise ArgumentError("product", "be a matrix of finite numbers", product)
    layers = [np.asarray(W) for W in checked_weights(weights, (target.shape[0], target.shape[1]))]
    width = min([W.shape[0] for W in layers[:-1]], default=min(target.shape))
    rank = int(np.linalg.matrix_rank(target))
    if rank > width:
        raise ArgumentError("product", f"have a rank of at most the width {width}", rank)
    return nearest(layers, target)


def nearest(start: list[np.ndarray], target: np.ndarray, tolerance: float = 1e-8) -> NearestMinimum:
    """Return `nearest_minimum` without looking at its arguments; sides of the target may be empty.

    >>> nearest([np.ones((1, 1)), np.ones((0, 1))], np.ones((0, 1))).distance
    0.0
    """
    if target.size == 0:
        # no rows or no columns are left: any inner layers do
        return NearestMinimum(0.0, start, converged=True)
    if len(start) == 1:
        return NearestMinimum(float(np.linalg.norm(start[0] - target)), [target], converged=True)
    chain = _Chain(start, target)
    below, above = chain.products(start)
    multiplier, linear = chain.multiplier(below, above, target - start[-1] @ below[-1])
    origins = [(linear, below, above, multiplier)]
    if np.any(target):
        aligned = _aligned_balanced(start, target)
        apart = float(np.sqrt(sum(np.sum((W - V) ** 2) for W, V in zip(start, aligned, strict=True))))
        below, above = chain.products(aligned)
        moved = np.zeros(target.shape)
        for W, V, F, B in zip(start, aligned, below, above, strict=True):
            moved = moved + B @ (V - W) @ F
        origins.append((apart, below, above, chain.multiplier(below, above, moved)[0]))
    origins.sort(key=lambda origin: origin[0])
    result = NearestMinimum(np.inf, start, converged=False)
    for estimate, below, above, multiplier in origins:
        # an estimate far above what was found does not promise less
        if result.converged and estimate > 3 * result.distance:
            break
        attempt = _iterate(chain, below, above, multiplier, tolerance)
        if (attempt.converged, -attempt.distance) > (result.converged, -result.distance):
            result = attempt
        if attempt.converged and estimate == linear and abs(linear / attempt.distance - 1) < 0.3:
            break  # lazy: the constraint is nearly flat on the way
    return result


class _Chain:
    """The networks W_l = W_l(0) + B_lᵀΛF_{l−1}ᵀ, held by their factors, thin however wide the layers."""

    def __init__(self, start: list[np.ndarray], target: np.ndarray):
        self.start = start
        self.target = target

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
        # balanced networks of low rank, and narrow ones, leave directions that no first-order change reaches
        values, frame = np.linalg.eigh(K)
        reached = values > 1e-13 * values[-1]
        flat = frame[:, reached] @ ((frame[:, reached].T @ moved.ravel()) / values[reached])
        return flat.reshape(moved.shape), float(np.sqrt(max(flat @ moved.ravel(), 0.0)))


def _iterate(
    chain: _Chain, below: list[np.ndarray], above: list[np.ndarray], multiplier: np.ndarray, tolerance: float
) -> NearestMinimum:
    parts = [*below[1:], *above[:-1], multiplier]
    shapes = [part.shape for part in parts]
    cuts = np.cumsum([part.size for part in parts])[:-1]
    scale = np.concatenate([np.full(part.size, max(float(np.linalg.norm(part)), 1e-300)) for part in parts])
    acceleration, point, depth = Anderson(scale), np.concatenate([part.ravel() for part in parts]), len(above)
    best, least = np.inf, np.inf
    for _ in range(400):
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                lower, upper, following, distance = chain.image(below, above, multiplier)
        except np.linalg.LinAlgError:
            break  # run off to where products underflow or overflow
        image = np.concatenate([part.ravel() for part in (*lower[1:], *upper[:-1], following)])
        if not np.all(np.isfinite(image)):
            break
        residual = float(np.linalg.norm((image - point) / scale))
        if residual <= tolerance:
            network = [W + B.T @ multiplier @ F.T for W, F, B in zip(chain.start, below, above, strict=True)]
            return NearestMinimum(distance, network, converged=True)
        if residual < least:
            best, least = distance, residual
        point = acceleration.mix(point, image)
        parts = [part.reshape(shape) for part, shape in zip(np.split(point, cuts), shapes, strict=True)]
        below, above = [below[0], *parts[: depth - 1]], [*parts[depth - 1 : -1], above[-1]]
        multiplier = parts[-1]
    # the distance is stationary: its error is of second order in the residual
    return NearestMinimum(best if least < 0.1 else np.inf, chain.start, converged=False)


def _aligned_balanced(start: list[np.ndarray], target: np.ndarray) -> list[np.ndarray]:
    """Return a balanced network of the target with hidden frames close to the start.

    The frames are improved one at a time. That ends in one of many local optima (a mode may come with either
    sign in every layer), so it is tried from both ends of the chain and from a few random frames.
    """
    U, s, Vt = np.linalg.svd(target, full_matrices=False)
    reach = min(s.size, *(W.shape[0] for W in start[:-1]))
    root = s[:reach] ** (1 / len(start))
    right, left = Vt[:reach].T, U[:, :reach]
    random = np.random.default_rng(0)
    from_right, from_left = [right], [left]
    for W in start[:-1]:
        from_right.append(_polar(W @ from_right[-1] * root))
    for W in start[:0:-1]:
        from_left.append(_polar(W.T @ from_left[-1] * root))
    trials = [[*from_right, left], [right, *from_left[::-1]]]
    for _ in range(6):
        inner = [_polar(random.standard_normal((W.shape[0], reach))) for W in start[:-1]]
        trials.append([right, *inner, left])
    best = max((_improved(start, frames, root, 15) for frames in trials), key=lambda pair: pair[1])[0]
    frames, _ = _improved(start, best, root, 100)
    return [after * root @ before.T for before, after in pairwise(frames)]


def _improved(
    start: list[np.ndarray], frames: list[np.ndarray], root: np.ndarray, sweeps: int
) -> tuple[list[np.ndarray], float]:
    """Return the frames after so many sweeps, and the overlap Σ ⟨W_l, O_l s^(1/L) O_{l−1}ᵀ⟩ they reach."""
    frames = list(frames)
    for _ in range(sweeps):
        change = 0.0
        for layer in range(1, len(start)):
            pull = (start[layer - 1] @ frames[layer - 1] + start[layer].T @ frames[layer + 1]) * root
            turned = _polar(pull)
            change = max(change, float(np.max(np.abs(turned - frames[layer]))))
            frames[layer] = turned
        if change < 1e-8:
            break
    overlap = sum(
        float(np.sum((W @ before) * after * root)) for W, (before, after) in zip(start, pairwise(frames), strict=True)
    )
    return frames, overlap


def _polar(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right
