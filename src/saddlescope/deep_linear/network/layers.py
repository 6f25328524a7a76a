"""The network: matrices [W_1, …, W_L], their product, gradients, conserved quantities and symmetries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, numbers_of
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.memory import check_fits

Weights = list[Array]
Matrix = TypeVar("Matrix", Array, np.ndarray)


def layer_shapes(shape: tuple[int, int], depth: int, width: int) -> list[tuple[int, int]]:
    """Return the shapes of W_1, …, W_L for a product of shape (d_out, d_in).

    >>> layer_shapes((3, 4), depth=3, width=5)
    [(5, 4), (5, 5), (3, 5)]
    """
    depth, width = count("depth", depth), count("width", width)
    if depth > 1:
        check_fits(width * (sum(shape) + (depth - 2.0) * width), depth=depth, width=width)
    sizes = [shape[1], *[width] * (depth - 1), shape[0]]
    return [(after, before) for before, after in pairwise(sizes)]


def checked_weights(weights: Sequence[ArrayLike], shape: tuple[int, int] | None = None) -> Weights:
    """Return the layers as float64 arrays; refuse what does not fit, each other or the product's shape."""
    if isinstance(weights, str | bytes | dict) or not isinstance(weights, Iterable):
        raise ArgumentError("weights", "be a list of matrices W_1, …, W_L", weights)
    layers = [jnp.asarray(numbers_of("weights", W)) for W in weights]
    if not layers:
        raise ArgumentError("weights", "hold at least one layer", weights)
    shapes = [W.shape for W in layers]
    fitting = all(len(size) == 2 for size in shapes) and all(
        before[0] == after[1] for before, after in pairwise(shapes)
    )
    if not fitting:
        raise ArgumentError("weights", "be matrices W_1, …, W_L whose product W_L … W_1 exists", shapes)
    if shape is not None and (shapes[-1][0], shapes[0][1]) != tuple(shape):
        raise ArgumentError("weights", f"have a product of shape {tuple(shape)}", shapes)
    if not all(bool(jnp.all(jnp.isfinite(W))) for W in layers):
        raise ArgumentError("weights", "hold finite numbers only", weights)
    return layers


def product(weights: Sequence[Array]) -> Array:
    """Return A = W_L … W_1, shape (d_out, d_in).

    >>> product([jnp.ones((2, 3)), jnp.ones((1, 2))]).tolist()
    [[2.0, 2.0, 2.0]]
    """
    A = weights[0]
    for W in weights[1:]:
        A = W @ A
    return A


def gradients(cost: Cost, weights: Sequence[Array]) -> Weights:
    """Return ∂C/∂W_l for every layer, in O(L w² d_in) operations.

    With prefixes F_l = W_l … W_1, suffixes S_l = W_L … W_{l+1} and G = ∇C(A): ∂W_l = S_lᵀ G F_{l−1}ᵀ, where
    G is multiplied into whichever side is thinner.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> W = [jnp.asarray([[2.0]]), jnp.asarray([[3.0]])]
    >>> [float(g[0, 0]) for g in gradients(LeastSquares([[5.0]]), W)]  # (6 − 5) times the other layer
    [3.0, 2.0]
    """
    prefixes = products_from_input(weights)
    return pull_back(weights, prefixes, cost.gradient(prefixes[-1]))


def products_from_input(weights: Sequence[Matrix]) -> list[Matrix]:
    """Return the prefixes F_1, …, F_L = A with F_l = W_l … W_1; for NumPy and JAX arrays alike."""
    prefixes = [weights[0]]
    for W in weights[1:]:
        prefixes.append(W @ prefixes[-1])
    return prefixes


def pull_back(weights: Sequence[Matrix], prefixes: Sequence[Matrix], G: Matrix) -> list[Matrix]:
    """Return W_{l+1}ᵀ … W_Lᵀ G F_{l−1}ᵀ for every layer, from the gradient G on the product."""
    if len(weights) == 1:
        return [G]
    results: list[Matrix] = []
    if G.shape[1] <= G.shape[0]:
        for W, F in zip(weights[:0:-1], prefixes[-2::-1], strict=True):
            results.append(G @ F.T)
            G = W.T @ G
        return [G, *results[::-1]]
    suffixes = [weights[-1]]  # S_{L−1}, …, S_1
    for W in weights[-2:0:-1]:
        suffixes.append(suffixes[-1] @ W)
    for W, S in zip(weights[:-1], suffixes[::-1], strict=True):
        results.append(S.T @ G)
        G = G @ W.T
    return [*results, G]


def conserved(weights: Sequence[Array]) -> Weights:
    """Return W_{l+1}ᵀW_{l+1} − W_l W_lᵀ for l = 1, …, L − 1, which gradient flow keeps constant.

    Source: Arora, Cohen, Hazan, arXiv 1802.06509, theorem 1.

    >>> [M.tolist() for M in conserved([jnp.asarray([[2.0]]), jnp.asarray([[3.0]])])]
    [[[5.0]]]
    """
    return [above.T @ above - below @ below.T for below, above in pairwise(weights)]


def rotate(weights: Sequence[Array], rotations: Sequence[ArrayLike]) -> Weights:
    """Return the layers O_l W_l O_{l−1}ᵀ with O_0 and O_L the identity: the same product.

    Arguments: `rotations` [O_1, …, O_{L−1}], each (w, w) and orthogonal. Raises `ArgumentError` if not.

    >>> W = [jnp.asarray([[1.0], [0.0]]), jnp.asarray([[1.0, 0.0]])]
    >>> [layer.tolist() for layer in rotate(W, [[[0.0, -1.0], [1.0, 0.0]]])]
    [[[0.0], [1.0]], [[0.0, 1.0]]]
    """
    frames = [jnp.asarray(turn) for turn in rotations]
    if len(frames) != len(weights) - 1:
        raise ArgumentError("rotations", f"hold one matrix per hidden layer, {len(weights) - 1}", len(frames))
    for turn, W in zip(frames, weights, strict=False):
        if turn.shape != (W.shape[0], W.shape[0]) or not np.allclose(turn @ turn.T, np.eye(W.shape[0]), atol=1e-8):
            raise ArgumentError("rotations", "be orthogonal matrices of the layers' widths", turn)
    turned = list(weights)
    for layer, turn in enumerate(frames):
        turned[layer], turned[layer + 1] = turn @ turned[layer], turned[layer + 1] @ turn.T
    return turned


def include(weights: Sequence[Array], width: int) -> Weights:
    """Return the same network in hidden layers of `width` neurons, the new ones with zero weights.

    Raises `ArgumentError` if `width` is under the present width.

    >>> [W.shape for W in include([jnp.ones((1, 3)), jnp.ones((2, 1))], 4)]
    [(4, 3), (2, 4)]
    """
    width = count("width", width, max([W.shape[0] for W in weights[:-1]], default=1))
    targets = layer_shapes((weights[-1].shape[0], weights[0].shape[1]), len(weights), width)
    return [
        jnp.pad(W, [(0, rows - W.shape[0]), (0, columns - W.shape[1])])
        for W, (rows, columns) in zip(weights, targets, strict=True)
    ]


def width_remarks(cost: Cost, depth: int, width: int) -> tuple[str, ...]:
    """Say so when the hidden layers cannot hold the rank of what is to be learnt; this is allowed.

    >>> from saddlescope.deep_linear import LeastSquares
    >>> width_remarks(LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=1)
    ('Width 1 cannot hold the rank 2 of the target: the network ends at its best approximation of rank 1.',)
    """
    rank = cost.target_rank
    if depth == 1 or rank is None or width >= rank:
        return ()
    return (
        f"Width {width} cannot hold the rank {rank} of the target: "
        f"the network ends at its best approximation of rank {width}.",
    )
