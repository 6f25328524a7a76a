"""Weights of two layers next to a saddle, graded by their exponents in a vanishing scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saddlescope.deep_linear.theory.invariant_subspaces import EQUAL, OVERLAP, Block, generator


@dataclass(frozen=True)
class GradedWeights:
    """Weights that are not in use: the part along directions[:, j] (d, m) has the size α^exponents[j]."""

    directions: np.ndarray
    exponents: np.ndarray

    @classmethod
    def of_start(cls, Q: np.ndarray) -> GradedWeights:
        U, s, _ = np.linalg.svd(Q, full_matrices=False)
        rank = int(np.sum(s > 1e-10 * s[0]))
        return cls(U[:, :rank], np.ones(rank))

    @property
    def count(self) -> int:
        return len(self.exponents)

    def joined(self, directions: np.ndarray, exponent: float) -> GradedWeights:
        more = np.full(directions.shape[1], exponent)
        return GradedWeights(np.hstack([self.directions, directions]), np.concatenate([self.exponents, more]))


@dataclass(frozen=True)
class Eigenmodes:
    """Eigenvectors (d, n) of F beside the modes in use, by falling rate, and what a jump carries there.

    `frame` (d, n); `rates` (n,); `carry` (n, d), rows of X in that frame.
    """

    frame: np.ndarray
    rates: np.ndarray
    carry: np.ndarray


@dataclass(frozen=True)
class TimeAtSaddle:
    """The stay at a saddle: `duration`; `mode` (d,) that escapes, at its `rate`; what is `left` beside it.

    `gap_exponent` is the exponent of the second largest mode when the first escapes; `gap` is its share of the exponent
    with which it began, 1 − s_2/s_1 where all mix.
    """

    duration: float
    mode: np.ndarray
    rate: float
    gap: float
    gap_exponent: float
    left: GradedWeights


def time_at_saddle(free: GradedWeights, eigenmodes: Eigenmodes, strongest: float) -> TimeAtSaddle | None:
    """Let the exponents fall until the first is zero; None if none falls."""
    order = np.argsort(free.exponents, kind="stable")
    columns, exponents = free.directions[:, order], free.exponents[order]
    overlaps = eigenmodes.carry @ columns
    level = OVERLAP * max(float(np.abs(overlaps).max(initial=0.0)), 1e-300)
    seen = np.abs(overlaps) > level
    first = np.array([exponents[row].min() if row.any() else np.inf for row in seen])
    growing = eigenmodes.rates > EQUAL * strongest
    if not np.any(growing & np.isfinite(first)):
        return None
    hits = np.full(first.shape, np.inf)
    hits[growing] = first[growing] / eigenmodes.rates[growing]
    winner, duration = int(np.argmin(hits)), float(hits.min())
    pivots, lower = _pairing(overlaps, exponents, level)
    # among equal rates no direction outgrows the others
    same = np.abs(eigenmodes.rates[:, None] - eigenmodes.rates) <= EQUAL * strongest
    turned = eigenmodes.frame @ (lower * same)
    turned = turned / np.linalg.norm(turned, axis=0)
    paired = np.flatnonzero(pivots >= 0)
    after = np.maximum(exponents[pivots[paired]] - eigenmodes.rates[paired] * duration, 0.0)
    stays = paired != winner
    others = first - eigenmodes.rates * duration
    others[winner] = np.inf
    second = max(float(others.min(initial=np.inf)), 0.0)
    begun = float(first[winner])
    unpaired = np.setdiff1d(np.arange(exponents.size), pivots)
    left = GradedWeights(
        np.hstack([turned[:, paired[stays]], columns[:, unpaired]]),
        np.concatenate([after[stays], exponents[unpaired]]),
    )
    gap = min(second / begun, 1.0) if begun > EQUAL else float(second > EQUAL)
    return TimeAtSaddle(duration, turned[:, winner], float(eigenmodes.rates[winner]), gap, min(second, 1.0), left)


def _pairing(overlaps: np.ndarray, exponents: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Π and L of overlaps = LΠU, rows by falling rate and columns by rising exponent.

    Π as the column of each row, −1 where it has none; column i of L (n, n) belongs to row i.
    """
    rest, rows = overlaps.copy(), len(overlaps)
    pivots, lower = np.full(rows, -1), np.eye(rows)
    open_columns = np.ones(exponents.size, dtype=bool)
    for i in range(rows):
        able = np.flatnonzero(open_columns & (np.abs(rest[i]) > level))
        if able.size == 0:
            continue
        # columns of one exponent may be exchanged: the largest is the most accurate
        alike = able[exponents[able] <= exponents[able[0]] + EQUAL]
        j = int(alike[np.argmax(np.abs(rest[i, alike]))])
        pivots[i], open_columns[j] = j, False
        lower[i:, i] = rest[i:, j] / rest[i, j]
        rest[:, open_columns] -= np.outer(rest[:, j], rest[i, open_columns] / rest[i, j])
        rest[i, open_columns] = 0.0
    return pivots, lower


def in_use(A: np.ndarray, rank: int) -> np.ndarray:
    """An orthonormal basis (d, 2 rank) of the row and column spaces of A, those of the modes in use."""
    U, _, Vt = np.linalg.svd(A)
    basis = np.zeros((A.shape[1] + A.shape[0], 2 * rank))
    basis[: A.shape[1], :rank], basis[A.shape[1] :, rank:] = Vt[:rank].T, U[:, :rank]
    return basis


def free_eigenmodes(A: np.ndarray, G: np.ndarray, rank: int, blocks: list[Block] | None) -> Eigenmodes:
    """The free modes at a saddle, block by block of the jump that led there (None at the origin)."""
    used, F = in_use(A, rank), generator(G)
    size = len(F)
    random = np.random.default_rng(0)
    frames, rates, carries = [], [], []
    for block in blocks or [Block(np.eye(size), mixed=False)]:
        outside = block.basis - used @ (used.T @ block.basis)
        left, s, _ = np.linalg.svd(outside, full_matrices=False)
        basis = left[:, s > 0.5]  # the modes in use lie in blocks of their own: s is 0 or 1
        if basis.shape[1] == 0:
            continue
        values, vectors = np.linalg.eigh(basis.T @ F @ basis)
        frame = basis @ vectors
        frames.append(frame)
        rates.append(values)
        # Of how the modes mix only this much matters: any matrix without zero minors pairs rates and exponents alike.
        generic = random.standard_normal((basis.shape[1], block.basis.shape[1])) / np.sqrt(size)
        carries.append(generic @ block.basis.T if block.mixed else frame.T)
    joined = np.concatenate(rates)
    order = np.argsort(-joined, kind="stable")
    return Eigenmodes(np.hstack(frames)[:, order], joined[order], np.concatenate(carries)[order])
