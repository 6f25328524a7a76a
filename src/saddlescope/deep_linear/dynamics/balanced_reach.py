"""What gradient flow from a balanced start can never reach, and runs that went there by error.

With W_(l+1)^T W_(l+1) = W_l W_l^T at all times singular values of the product obey x' = -L x^(2 - 2/L) u^T G v. None
reaches zero or leaves it: the rank stays, and so does the sign of the determinant of a square product of full rank. To
the layers a mode that dies out is unstable. Any imbalance, of rounding or of a step, grows while the mode shrinks, and
carries it through zero to where the exact flow never comes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

_BALANCED = 1e-10  # share of the weights' squares that an imbalance made by rounding has at most
_RESOLVED = 1e-12  # share of the largest singular value above which rounding of the product does not make a sign
_GROWN = 1e-6  # share of the largest singular value that rounding does not make in a product of the rank that is kept
_REGROWN, _SHRUNK = 30.0, 1e-3
_ROUNDING = 1e-10  # share of the largest weights under which neurons may come and go with rounding


def unreachable(
    weights: list[np.ndarray], products: np.ndarray | None, singular: np.ndarray, rtol: float
) -> str | None:
    """Return a sentence if a run from a balanced start is where its flow cannot be; None of all others.

    Args:
        weights: W_1 .. W_L at the start.
        products: A along the run, shape (time, d_out, d_in), or None if they were not kept.
        singular: singular values of A along the run, falling, shape (time, modes).
        rtol: of the run.
    """
    depth = len(weights)
    if depth < 2 or not _balanced(weights):
        return None
    first = np.linalg.svd(weights[0], compute_uv=False)
    rank = int(np.sum(first > 1e-12 * first[0])) if first[0] > 0 else 0
    if rank == 0:
        return None
    sizes = singular ** (1 / depth)
    if np.any(singular[:, rank:].max(axis=1, initial=0.0) > _GROWN * singular[:, 0]):
        return (
            f"The start is balanced and of rank {rank}, which its flow keeps, but in this run rounding has grown to "
            "another mode."
        )
    sign = _sign(weights)
    if sign != 0 and products is not None:
        resolved = singular[:, -1] > _RESOLVED * singular[:, 0]
        crossed = resolved & (np.linalg.slogdet(products)[0] * sign < 0)
    else:
        crossed = _regrown(sizes[:, rank - 1], sizes[:, 0], rtol)
    return _CROSSED if crossed.any() else None


def neurons_lost(weights: list[np.ndarray], states: list[list[np.ndarray]], rtol: float) -> str | None:
    """Return a sentence if hidden directions that are balanced among others that are not went through zero.

    In two layers the null space of W_2^T W_2 - W_1 W_1^T stays, and the part of the network in it has the balanced flow
    of its own product.

    Args:
        weights: W_1, W_2 at the start; other depths are passed over.
        states: the same along the run.
        rtol: of the run.
    """
    if len(weights) != 2 or not weights[0].size:
        return None
    imbalance = weights[1].T @ weights[1] - weights[0] @ weights[0].T
    values, frame = np.linalg.eigh(imbalance)
    even = frame[:, np.abs(values) <= _BALANCED * max(np.linalg.norm(W, 2) ** 2 for W in weights)]
    if even.shape[1] == 0 or even.shape[1] > weights[0].shape[1]:
        return None
    sizes = np.array([np.linalg.svd(even.T @ first, compute_uv=False) for first, _ in states])
    largest = np.array([max(np.linalg.norm(W, 2) for W in both) for both in states])
    held = sizes[:, sizes[0] > 1e-12 * largest[0]]
    # below its floor a size is rounding of steps and of the frame, which comes and goes
    floored = np.maximum(held.min(axis=1, initial=np.inf), _ROUNDING * largest)
    return _CROSSED if held.size and _regrown(floored, largest, rtol).any() else None


_CROSSED = (
    "The start is balanced, in all neurons or in some, and its flow never takes a balanced mode through zero. In this"
    " run the error of the steps did, and from there it is the flow of another start."
)


def _regrown(sizes: np.ndarray, largest: np.ndarray, rtol: float) -> np.ndarray:
    """Where a mode has been far under its start and under the error of a step, and has grown again."""
    lost = np.logical_or.accumulate((sizes < _SHRUNK * sizes[0]) & (sizes < 10 * rtol * largest))
    return lost & (sizes > _REGROWN * np.minimum.accumulate(sizes))


def _balanced(weights: list[np.ndarray]) -> bool:
    for below, above in pairwise(weights):
        into, out = below @ below.T, above.T @ above
        if not np.linalg.norm(out - into) <= _BALANCED * max(np.linalg.norm(into), np.linalg.norm(out)):
            return False
    return True


def _sign(weights: list[np.ndarray]) -> float:
    """The sign of det A, where A is square and of a determinant that is not rounding; else 0."""
    if len({size for W in weights for size in W.shape}) == 1:
        # layer by layer, as the product's smallest singular value is the smaller the deeper the network
        return float(np.prod([np.linalg.slogdet(W)[0] for W in weights]))
    A = weights[0]
    for W in weights[1:]:
        A = W @ A
    if A.shape[0] != A.shape[1]:
        return 0.0
    s = np.linalg.svd(A, compute_uv=False)
    return float(np.linalg.slogdet(A)[0]) if s[-1] > _RESOLVED * s[0] else 0.0
