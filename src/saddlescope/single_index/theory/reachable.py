"""Which hidden directions a flow finds at infinite dimension, where all overlaps start at zero, and in what order.

A neuron at overlaps s is driven along gradients of T_n(s) = sum over |alpha| = n of g_alpha h_alpha(s), for each degree
n that the activation has. As long as all s lie in a subspace S, what the network has of the target lies there too, and
what drives neurons out of it is the target's alone: gradients of its own T_n at points of S. So they stay in the
smallest S that is closed under these, which begins with the direction of degree 1. A direction of a later stage is
driven by those found before it: a staircase. One that S does not have is never found, and what the target has beyond
functions of S stays as risk. In the directions of the target this is the merged-staircase property, leaps of one; no
basis is singled out here, so that a target and its rotations are told alike, and targets that are symmetric in
directions (z1 + z2 + z1 z2) are seen to find their sum alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.single_index import coefficients

_RANK = 1e-9  # of the largest: a gradient that lies in the space already, to rounding
_ROUNDING = 1e-14
_NONE, _WHOLE = 1e-12, 1 - 1e-9  # share of a direction


@dataclass(frozen=True)
class Reachable:
    """What neurons that start in a subspace can find.

    Attributes:
        stages: the space after each stage, as orthonormal rows, each of shape (dimension, k).
        kept: the part of the risk that the activation has, but no function of the space has.
        left: what stays of each c_alpha where all is learnt that a neuron in the space can have.
    """

    stages: tuple[np.ndarray, ...]
    kept: float
    left: dict[tuple[int, ...], float]

    @property
    def space(self) -> np.ndarray:
        """The space that neurons never leave, as orthonormal rows, shape (dimension, k)."""
        return self.stages[-1]

    @property
    def share(self) -> np.ndarray:
        """How much of each direction lies in it, from 0 to 1, shape (k,)."""
        return np.sum(self.space**2, axis=0)

    @property
    def stage(self) -> np.ndarray:
        """The stage in which each direction is first seen: 0 at the start, -1 for never; shape (k,)."""
        seen = np.array([np.sum(space**2, axis=0) > _NONE for space in self.stages])
        return np.where(seen.any(axis=0), seen.argmax(axis=0), -1)

    def stage_of(self, alpha: tuple[int, ...]) -> int:
        """The stage in which the last direction of a term is seen; -1 for never."""
        stages = [int(self.stage[j]) for j, n in enumerate(alpha) if n]
        return -1 if -1 in stages else max(stages, default=0)


def reachable(problem: JointIndex, start: np.ndarray | None = None) -> Reachable:
    """Return which directions the mean-field flow of a joint target can find.

    Args:
        problem: target and activation.
        start: overlaps that neurons start with, shape (m, k); by default zero.

    Source: Abbe, Boix-Adsera, Misiakiewicz, arXiv 2202.08658 (the merged-staircase property).

    Example:
        >>> stairs = reachable(JointIndex("z1 + z1*z2 + z1*z2*z3", [0, 1, 1, 1]))
        >>> stairs.stage.tolist(), stairs.kept
        ([1, 2, 3], 0.0)
        >>> parity = reachable(JointIndex("z1*z2*z3", [0, 1, 1, 1]))
        >>> parity.stage.tolist(), parity.kept
        ([-1, -1, -1], 0.5)
        >>> alike = reachable(JointIndex("z1 + z2 + z1*z2", [0, 1, 1, 1]))
        >>> alike.share.round(12).tolist(), round(alike.left[1, 1], 12), round(alike.left[1, 0], 12)
        ([0.5, 0.5], 0.5, 0.0)
    """
    k = len(problem.gram)
    pieces = _pieces(problem)
    space = np.zeros((0, k)) if start is None else _spanned(start)
    stages = [space]
    rng = np.random.default_rng(0)  # points in general position: any would do
    while len(space) < k:
        points = rng.standard_normal((2 * k, len(space))) @ space
        drives = np.concatenate([_gradient(piece, points) for piece in pieces.values()] or [np.zeros((1, k))])
        larger = _basis(drives, space)
        if len(larger) == len(space):
            break
        space = _along_axes(larger)
        stages.append(space)
    inside = {n: _inside(piece, space) for n, piece in pieces.items()}
    kept = 0.5 * sum(_size(pieces[n]) - _size(inside[n]) for n in pieces)
    left = {alpha: c - _coefficient(alpha, inside.get(sum(alpha), {}), space) for alpha, c in problem.terms.items()}
    return Reachable(tuple(stages), _rounded(max(kept, 0.0)), {alpha: _rounded(c) for alpha, c in left.items()})


Piece = dict[tuple[int, ...], float]


def _rounded(value: float) -> float:
    return round(value, 13) + 0.0  # without the sign of zero


def _pieces(problem: JointIndex) -> dict[int, Piece]:
    """The terms of each degree that the activation has."""
    sigma = coefficients(problem.activation, max(sum(alpha) for alpha in problem.terms))
    pieces: dict[int, Piece] = {}
    for alpha, c in problem.terms.items():
        n = sum(alpha)
        if sigma[n] != 0:
            pieces.setdefault(n, {})[alpha] = c
    return pieces


def _multiplicity(alpha: tuple[int, ...]) -> float:
    return math.sqrt(math.factorial(sum(alpha)) / math.prod(math.factorial(n) for n in alpha))


def _gradient(piece: Piece, s: np.ndarray) -> np.ndarray:
    """The gradients of T_n at points of shape (points, k), of that shape."""
    result = np.zeros_like(s)
    for alpha, c in piece.items():
        for j, n in enumerate(alpha):
            if n:
                lower = np.array(alpha) - np.eye(len(alpha), dtype=int)[j]
                result[:, j] += c * _multiplicity(alpha) * n * np.prod(s**lower, axis=1)
    return result


def _basis(vectors: np.ndarray, space: np.ndarray) -> np.ndarray:
    """Orthonormal rows for what a space and these vectors span."""
    largest = np.abs(vectors).max(initial=0.0)
    if largest == 0:
        return space
    new = vectors / largest
    for _ in range(2):  # twice is enough
        new = new - (new @ space.T) @ space
    _, sizes, rows = np.linalg.svd(new, full_matrices=False)
    return np.concatenate([space, rows[sizes > _RANK]])


def _spanned(start: np.ndarray) -> np.ndarray:
    """Orthonormal rows for the span of overlaps, however small some of them are."""
    k = start.shape[1]
    largest = np.abs(start).max(axis=0)
    seen = np.flatnonzero(largest)
    # columns of one size have the same rank
    if len(seen) and np.linalg.matrix_rank(start[:, seen] / largest[seen], tol=_ROUNDING * len(start)) == len(seen):
        return np.eye(k)[seen]
    return _along_axes(_basis(start, np.zeros((0, k))))


def _along_axes(space: np.ndarray) -> np.ndarray:
    """The same space by unit vectors, where they span it: what is zero outside stays zero, to the last digit."""
    share = np.sum(space**2, axis=0)
    if np.all((share < _NONE) | (share > _WHOLE)):
        return np.eye(space.shape[1])[share > 0.5]
    return space


def _inside(piece: Piece, space: np.ndarray) -> Piece:
    """The polynomial of a space that is nearest to T_n, in coordinates of the space."""
    inside: Piece = {}
    for alpha, c in piece.items():
        for beta, share in turned(alpha, space).items():
            inside[beta] = inside.get(beta, 0.0) + c * share
    return inside


def _size(piece: Piece) -> float:
    return sum(c * c for c in piece.values())


def _coefficient(alpha: tuple[int, ...], inside: Piece, space: np.ndarray) -> float:
    """The coefficient of h_alpha in a polynomial of a space."""
    return sum(share * inside.get(beta, 0.0) for beta, share in turned(alpha, space).items())


def turned(alpha: tuple[int, ...], space: np.ndarray) -> Piece:
    """Return the coefficients of h_alpha(s) in the h_beta(t), for s = t . space; t are coordinates in a space.

    Example:
        >>> {beta: round(c, 6) for beta, c in turned((1, 1), np.array([[0.6, 0.8]])).items()}  # .48 sqrt 2
        {(2,): 0.678823}
    """
    r = len(space)
    result: Piece = {(0,) * r: _multiplicity(alpha)}
    for j, n in enumerate(alpha):
        for _ in range(n):
            longer: Piece = {}
            for beta, c in result.items():
                for i in np.flatnonzero(space[:, j]):
                    above = (*beta[:i], beta[i] + 1, *beta[i + 1 :])
                    longer[above] = longer.get(above, 0.0) + c * float(space[i, j])
            result = longer
    return {beta: c / _multiplicity(beta) for beta, c in result.items()}
