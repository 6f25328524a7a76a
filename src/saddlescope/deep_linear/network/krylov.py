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

_NEW = 1e-9  # directions under this share of a block are rounding


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
            seen = [weights[layer - 1] @ fresh[layer - 1], weights[layer].T @ fresh[layer + 1]]
            added[layer] = _outside(frames[layer], np.hstack(seen))
        closed = all(block.shape[1] == 0 for block in added)
        if made == rounds:
            break  # looked one round ahead, to know whether anything is missing
        frames = [np.hstack(pair) for pair in zip(frames, added, strict=True)]
        fresh, made = added, made + 1
    narrow = [frames[layer + 1].T @ W @ frames[layer] for layer, W in enumerate(weights)]
    return Compression(narrow, frames[1:-1], made, closed)


def _outside(frame: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what `block` has outside the span of `frame`."""
    sizes = np.linalg.norm(block, axis=0)
    block = block[:, sizes > 0]
    if block.shape[1] == 0 or frame.shape[1] == frame.shape[0]:
        return np.zeros((frame.shape[0], 0))
    scale = float(sizes.max())
    for _ in range(2):  # the second time removes what rounding left of the first
        block = block - frame @ (frame.T @ block)
    decomposed: Any = qr(block, mode="economic", pivoting=True)
    Q, R, _ = decomposed
    rank = int(np.sum(np.abs(np.diag(R)) > _NEW * scale))
    basis = Q[:, : min(rank, frame.shape[0] - frame.shape[1])]
    if basis.shape[1]:
        basis = np.linalg.qr(basis - frame @ (frame.T @ basis))[0]
    return basis
