"""Initial weights: Gaussian of any scaling, balanced, λ-balanced and orthogonal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, finite, positive
from saddlescope.deep_linear.network.layers import Weights, layer_shapes, rotate
from saddlescope.deep_linear.problem.cost import matrix

_LARGEST = (
    100  # decades that the product of all layers may be away from one: floats hold three hundred, and squares are taken
)


def gaussian_start(
    shape: tuple[int, int], depth: int, width: int, gamma: float, scale: float = 1.0, seed: int = 0
) -> Weights:
    """Draw weights whose entries are independent, N(0, σ²) with σ² = scale² w^(−γ).

    Arguments: `shape` (d_out, d_in); `gamma` under 1 gives the lazy regime (1 − 1/L keeps the product of
    order one), 1 the mean-field regime, over 1 saddle-to-saddle; layers are drawn in the order W_1, …, W_L.

    Raises `ArgumentError` if the product of all layers would be more than a hundred decades away from one.

    Source: Jacot et al., arXiv 2106.15933.

    >>> [W.shape for W in gaussian_start((3, 4), depth=3, width=5, gamma=1.5)]
    [(5, 4), (5, 5), (3, 5)]
    """
    decades = math.log10(positive("scale", scale)), -finite("gamma", gamma) / 2 * math.log10(count("width", width))
    if abs(sum(decades)) * depth > _LARGEST or max(map(abs, decades)) > 3 * _LARGEST:
        name, value = ("scale", scale) if abs(decades[0]) >= abs(decades[1]) else ("gamma", gamma)
        raise ArgumentError(name, f"leave weights a float can multiply (here of size 1e{sum(decades):.0f})", value)
    deviation = scale * width ** (-gamma / 2)
    random = np.random.default_rng(count("seed", seed, 0))
    return [jnp.asarray(deviation * random.standard_normal(size)) for size in layer_shapes(shape, depth, width)]


def refuse_beyond_floats(argument: str, value: object, weights: Sequence[ArrayLike]) -> None:
    """Refuse layers whose product, layers of zeros aside, is more than a hundred decades away from one.

    >>> refuse_beyond_floats("scale", 0.1, [[[1e-60]], [[1e-60]]])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    saddlescope.arguments.ArgumentError: Argument `scale` must leave weights a float can multiply (...), but got 0.1.
    """
    sizes = [float(np.abs(np.asarray(W)).max(initial=0.0)) for W in weights]
    if not all(np.isfinite(sizes)):
        raise ArgumentError(argument, "leave weights a float can hold", value)
    decades = np.array([math.log10(size) for size in sizes if size > 0])
    least, most = float(decades[decades < 0].sum()), float(decades[decades > 0].sum())
    if max(-least, most) > _LARGEST:
        far = least if -least > most else most
        raise ArgumentError(argument, f"leave weights a float can multiply (here layers make 1e{far:.0f})", value)


def orthogonal_start(shape: tuple[int, int], depth: int, width: int, scale: float = 1.0, seed: int = 0) -> Weights:
    """Draw layers with all singular values equal to `scale` and uniformly random frames.

    Source: Saxe, McClelland, Ganguli, arXiv 1312.6120, section 3.

    >>> W = orthogonal_start((2, 2), depth=3, width=2, scale=0.5)[1]
    >>> bool(jnp.allclose(W @ W.T, 0.25 * jnp.eye(2)))
    True
    """
    size = positive("scale", scale)
    random = np.random.default_rng(count("seed", seed, 0))
    return [jnp.asarray(size * _frame(*shape, random)) for shape in layer_shapes(shape, depth, width)]


def balanced_start(product: ArrayLike, depth: int, width: int, seed: int | None = None) -> Weights:
    """Return the balanced layers of a product: W_{l+1}ᵀW_{l+1} = W_l W_lᵀ and W_L … W_1 = product.

    With product = U diag(s) Vᵀ: W_1 = s^(1/L) Vᵀ, W_l = diag(s^(1/L)), W_L = U s^(1/L), the hidden frames
    the first coordinate axes, or random ones with a `seed`.

    Raises `ArgumentError` if the rank of the product exceeds the width.

    >>> [W.tolist() for W in balanced_start([[8.0]], depth=3, width=1)]
    [[[2.0]], [[2.0]], [[2.0]]]
    """
    A = matrix("product", product)
    shapes = layer_shapes((A.shape[0], A.shape[1]), depth, width)
    if depth == 1:
        return [jnp.asarray(A)]
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    rank = int(np.sum(s > max(A.shape) * np.finfo(float).eps * s[0]))
    if rank > width:
        raise ArgumentError("width", f"be at least the rank {rank} of the product", width)
    # the root of a singular value that is rounding would not be: 1e-16 becomes 1e-4 at depth 4
    root = s[:rank] ** (1 / depth)
    layers = [np.zeros(size) for size in shapes]
    layers[0][:rank] = root[:, None] * Vt[:rank]
    for W in layers[1:-1]:
        W[:rank, :rank] = np.diag(root)
    layers[-1][:, :rank] = U[:, :rank] * root
    weights = [jnp.asarray(W) for W in layers]
    if seed is None:
        return weights
    random = np.random.default_rng(count("seed", seed, 0))
    return rotate(weights, [_frame(width, width, random) for _ in range(depth - 1)])


def lambda_balanced_start(product: ArrayLike, width: int, imbalance: float, seed: int | None = None) -> Weights:
    """Return two layers with W_2ᵀW_2 − W_1W_1ᵀ = λI on all hidden neurons and W_2 W_1 = product.

    Arguments: `imbalance` λ, of either sign. Every hidden direction must carry |λ|, so that the width may be
    at most d_out for λ > 0 and d_in for λ < 0, and at least the rank of the product.

    Raises `ArgumentError` if the width does not allow it.

    Source: Dominé et al., arXiv 2409.14623, section 3.

    >>> W_1, W_2 = lambda_balanced_start([[6.0]], width=1, imbalance=5.0)
    >>> round(float(W_1[0, 0]), 12), round(float(W_2[0, 0]), 12)
    (2.0, 3.0)
    """
    A, gap = matrix("product", product), finite("imbalance", imbalance)
    width = count("width", width)
    if gap == 0:
        return balanced_start(A, 2, width, seed)
    side, name = (A.shape[0], "d_out") if gap > 0 else (A.shape[1], "d_in")
    U, s, Vt = np.linalg.svd(A)
    rank = int(np.sum(s > max(A.shape) * np.finfo(float).eps * s[0]))
    if not rank <= width <= side:
        raise ArgumentError("width", f"lie between the rank {rank} of the product and {name} = {side}", width)
    values = np.zeros(width)
    values[: min(width, s.size)] = s[:width]
    # w_2² − w_1² = λ and w_1 w_2 = s, in the form that does not cancel
    larger = np.sqrt((abs(gap) + np.sqrt(gap**2 + 4 * values**2)) / 2)
    smaller = values / larger
    first, second = (smaller, larger) if gap > 0 else (larger, smaller)
    W_1, W_2 = np.zeros((width, A.shape[1])), np.zeros((A.shape[0], width))
    inner, outer = min(width, A.shape[1]), min(width, A.shape[0])
    W_1[:inner] = first[:inner, None] * Vt[:inner]
    W_2[:, :outer] = U[:, :outer] * second[:outer]
    weights = [jnp.asarray(W_1), jnp.asarray(W_2)]
    if seed is None:
        return weights
    return rotate(weights, [_frame(width, width, np.random.default_rng(count("seed", seed, 0)))])


def _frame(rows: int, columns: int, random: np.random.Generator) -> np.ndarray:
    """Draw a matrix with all singular values one, uniformly."""
    tall = random.standard_normal((max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(tall)
    Q = Q * np.sign(np.diag(R))  # without the signs of R the law would not be uniform
    return Q if rows >= columns else Q.T
