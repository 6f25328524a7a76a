"""Narrow networks with the flow of wide ones: layers restricted to the subspaces that training can reach.

The hidden space of layer l sees the inputs through W_l ... W_1, the outputs through W_(l+1)^T ... W_L^T, and words that
go back and forth between them. Each round of the construction makes the words one letter longer. For L = 2, and for
starts with structure (balanced ones, say), a round adds nothing after a while: the narrow network is then exact, also
for gradient descent. A Gaussian start of depth 3 or more never closes; long words carry high powers of the small
initial weights, so that a few rounds suffice, and one more round estimates what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import qr

# A direction is new unless rounding alone could have made it: this many units of rounding of the sums it came from. A
# share of the block would not do, since a mode far smaller than the others grows like any.
_ROUNDING = 32 * np.finfo(float).eps


@dataclass(frozen=True)
class Compression:
    """A narrow network in the place of a wide one.

    Attributes:
        weights: the narrow layers, O_l^T W_l O_(l-1).
        frames: O_1 .. O_(L-1), each (width, narrow width) with orthonormal columns.
        rounds: rounds made.
        closed: whether the subspaces are invariant, so that nothing is lost.
    """

    weights: list[np.ndarray]
    frames: list[np.ndarray]
    rounds: int
    closed: bool

    @property
    def width(self) -> int:
        """The widest narrow layer."""
        return max((frame.shape[1] for frame in self.frames), default=0)


def compress(weights: Sequence[np.ndarray], rounds: int) -> Compression:
    """Restrict a network to the block Krylov spaces of its hidden layers.

    Args:
        weights: W_1 .. W_L at the start.
        rounds: most rounds to make; fewer are made when the spaces close.

    >>> rng = np.random.default_rng(0)
    >>> two = [rng.standard_normal((50, 3)), rng.standard_normal((2, 50))]
    >>> narrow = compress(two, rounds=3)
    >>> narrow.closed, narrow.width
    (True, 5)
    """
    depth = len(weights)
    frames = [np.eye(weights[0].shape[1])]
    frames += [np.zeros((W.shape[0], 0)) for W in weights[:-1]]
    frames += [np.eye(weights[-1].shape[0])]
    # only what the last round added can add anything new in the next
    fresh = list(frames)
    closed = False
    made = 0
    while made < rounds + 1 and not closed:
        added = [np.zeros((frame.shape[0], 0)) for frame in frames]
        for layer in range(1, depth):
            pairs = (weights[layer - 1], fresh[layer - 1]), (weights[layer].T, fresh[layer + 1])
            seen = np.hstack([W @ columns for W, columns in pairs])
            terms = np.hstack([np.abs(W) @ np.abs(columns) for W, columns in pairs])
            added[layer] = _outside(frames[layer], seen, _ROUNDING * _lengths(terms))
        closed = all(block.shape[1] == 0 for block in added)
        if made == rounds:
            break  # looked one round ahead, to know whether anything is missing
        frames = [np.hstack(pair) for pair in zip(frames, added, strict=True)]
        fresh, made = added, made + 1
    narrow = [frames[layer + 1].T @ W @ frames[layer] for layer, W in enumerate(weights)]
    return Compression(narrow, frames[1:-1], made, closed)


def _outside(frame: np.ndarray, block: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what `block` has outside the span of `frame`, the largest directions first.

    Columns of which no more than their `rounding` (columns,) is left are passed over.
    """
    if frame.shape[1] == frame.shape[0]:
        return np.zeros((frame.shape[0], 0))
    for _ in range(2):  # the second time removes what rounding left of the first
        block = block - frame @ (frame.T @ block)
    while True:
        left = _lengths(block) > rounding
        block, rounding = block[:, left], rounding[left]
        if block.shape[1] == 0:
            return np.zeros((frame.shape[0], 0))
        # pivoting keeps the digits of small columns beside large ones, and grades the rows of the narrow layers
        decomposed: Any = qr(block, mode="economic", pivoting=True)
        Q, R, order = decomposed
        seen = np.abs(np.diag(R)) > rounding[order[: len(R)]]
        if seen.all():
            break
        # what is left of a passed column is no direction: the columns after it start again without it
        block, rounding = (np.delete(part, order[np.argmin(seen)], axis=-1) for part in (block, rounding))
    basis = Q[:, : frame.shape[0] - frame.shape[1]]
    return np.linalg.qr(basis - frame @ (frame.T @ basis))[0]


def _lengths(M: np.ndarray) -> np.ndarray:
    """Norms of the columns, of which no square underflows."""
    largest = np.abs(M).max(axis=0, initial=0.0)
    return largest * np.linalg.norm(M / np.where(largest > 0, largest, 1.0), axis=0)
