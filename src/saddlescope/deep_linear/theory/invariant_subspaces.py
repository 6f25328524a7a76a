"""What a jump of two layers mixes: the blocks of directions that it leaves to themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from saddlescope.deep_linear.problem.numpy_cost import NumpyCost

OVERLAP = 1e-7  # overlaps, relative, up to which symmetry and not chance is taken to have made them small
EQUAL = 1e-7  # rates and exponents, relative, closer than this count as equal


@dataclass(frozen=True)
class Block:
    """A space (d, n) that all F of a jump leave to itself; `mixed` unless they are multiples of one on it."""

    basis: np.ndarray
    mixed: bool


def generator(G: np.ndarray) -> np.ndarray:
    """F of the flow Q' = F Q, for G = ∇C."""
    rows, columns = G.shape
    return -np.block([[np.zeros((columns, columns)), G.T], [G, np.zeros((rows, rows))]])


def blocks(numpy_cost: NumpyCost, products: np.ndarray) -> list[Block]:
    """Return the finest split of the directions that F and A respect, at all products (points, d_out, d_in).

    Twelve points are looked at, the ends among them.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> numpy_cost = NumpyCost(LeastSquares([[2.0, 0.0], [0.0, 1.0]]))
    >>> len(blocks(numpy_cost, np.array([[[0.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 0.0]]])))
    4
    """
    sampled = products[np.unique(np.linspace(0, len(products) - 1, 12).astype(int))]
    family = [generator(A) for A in sampled] + [generator(numpy_cost.value_and_gradient(A)[1]) for A in sampled]
    largest = max(np.linalg.norm(M) for M in family)
    family = [M / np.linalg.norm(M) for M in family if np.linalg.norm(M) > 1e-9 * largest]
    random = np.random.default_rng(1)
    combined = np.sum([random.standard_normal() * M for M in family], axis=0)
    values, vectors = np.linalg.eigh(combined)
    groups = np.concatenate([[0], np.cumsum(np.diff(values) > EQUAL * np.abs(values).max())])
    coupled = np.max([np.abs(vectors.T @ M @ vectors) for M in family], axis=0) > OVERLAP
    linked = np.zeros((groups[-1] + 1,) * 2, dtype=bool)
    np.logical_or.at(linked, (groups[:, None], groups[None]), coupled)
    labels = connected_components(linked, directed=False)[1][groups]
    results = []
    for label in np.unique(labels):
        inside = labels == label
        results.append(Block(vectors[:, inside], mixed=bool(np.unique(groups[inside]).size > 1)))
    return results


def coupling(split: list[Block], M: np.ndarray, size: float | None = None) -> float:
    """Return the largest overlap of two blocks under M (d, d), relative to `size`, by default its norm.

    >>> split = [Block(np.eye(2)[:, :1], mixed=False), Block(np.eye(2)[:, 1:], mixed=False)]
    >>> coupling(split, np.array([[0.0, 3.0], [3.0, 0.0]])), coupling(split, np.diag([1.0, -1.0]))
    (1.0, 0.0)
    """
    basis = np.hstack([block.basis for block in split])
    label = np.repeat(np.arange(len(split)), [block.basis.shape[1] for block in split])
    between = (basis.T @ M @ basis)[label[:, None] != label]
    return float(np.abs(between).max(initial=0.0) / (size or np.linalg.norm(M, 2)))
