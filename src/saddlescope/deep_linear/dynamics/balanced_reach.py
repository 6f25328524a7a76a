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
        # a mode far under its start and under the error of a step, which grows again
        least = np.minimum.accumulate(sizes[:, rank - 1])
        lost = np.logical_or.accumulate(
            (sizes[:, rank - 1] < _SHRUNK * sizes[0, rank - 1]) & (sizes[:, rank - 1] < 10 * rtol * sizes[:, 0])
        )
        crossed = lost & (sizes[:, rank - 1] > _REGROWN * least)
    if not crossed.any():
        return None
    return (
        "The start is balanced, and its flow never takes a mode through zero, but in this run the error of the steps "
        "did, and from there it is the flow of another start."
    )


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
