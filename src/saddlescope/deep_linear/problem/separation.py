"""Which labelled examples a linear predictor can drive to infinite margins: decided by a linear programme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog, nnls

_ONE = 0.5  # a share at the optimum is 0 or 1, but for rounding
_EXACT = 1e-6  # by how far an example may be on the wrong side of a separating direction of margins 1


@dataclass(frozen=True)
class Separation:
    """What one output can separate.

    Attributes:
        direction: w, shape (d_in,), with y_n <w, x_n> of at least 1 for the examples that can be separated while no
            other gets worse, and 0 for those; zeros where there are none.
        separated: which examples these are, shape (N,).
    """

    direction: np.ndarray
    separated: np.ndarray

    @property
    def kind(self) -> str:
        """All ("complete"), some ("quasi-complete") or none ("overlap") of the examples."""
        if self.separated.all():
            return "complete"
        return "quasi-complete" if self.separated.any() else "overlap"


def separate(signed: np.ndarray) -> Separation | None:
    """Return which examples some direction w separates: the most with <w, z_n> > 0 while none has <w, z_n> < 0.

    The linear programme maximises sum t_n over <w, z_n> >= t_n and 0 <= t_n <= 1. As w may be as long as it likes, all
    t_n are 0 or 1 at the optimum. A sum of losses that fall without end in the margins <w, z_n> has a minimiser exactly
    if no example can be separated; else its infimum is that of the others alone.

    Args:
        signed: z_n = y_n x_n, one a column, shape (d_in, N).

    Returns:
        None where the margins are so uneven that the programme cannot decide in floating point.

    Source: Albert, Anderson, Biometrika 71 (1984), 1.

    Example:
        >>> separate(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 0.0]])).separated.tolist()
        [True, True, False]
        >>> separate(np.array([[1.0, -2.0]])).kind
        'overlap'
    """
    dimension, count = signed.shape
    sizes = np.linalg.norm(signed, axis=0)
    Z = signed / np.where(sizes > 0, sizes, 1.0)
    result = linprog(
        np.concatenate([np.zeros(dimension), -np.ones(count)]),
        A_ub=np.hstack([-Z.T, np.eye(count)]),
        b_ub=np.zeros(count),
        bounds=[(None, None)] * dimension + [(0, 1)] * count,
        method="highs",
    )
    if result.x is None:
        return None
    w, separated = result.x[:dimension], result.x[dimension:] > _ONE
    if not separated.any():
        return Separation(np.zeros(dimension), separated)
    margins = w @ Z
    if margins.min() < -_EXACT or margins[separated].min() < 1 - _EXACT:
        return None
    return Separation(w / min(1.0, float((w @ signed)[separated].min())), separated)


def widest(signed: np.ndarray) -> np.ndarray | None:
    """Return the shortest w with <w, z_n> >= 1 for all n, of margin 1/|w|; None where the examples are not separable.

    Args:
        signed: z_n = y_n x_n, one a column, shape (d_in, N).

    Source: Lawson, Hanson, Solving Least Squares Problems (1974), chapter 23 (least distance programming).

    Example:
        >>> widest(np.array([[2.0, 1.0], [0.0, 3.0]])).round(9).tolist()
        [0.5, 0.166666667]
    """
    dimension, count = signed.shape
    size = np.linalg.norm(signed, axis=0).max()
    E = np.vstack([signed / size, np.ones(count)])
    right = np.concatenate([np.zeros(dimension), [1.0]])
    residual = right - E @ nnls(E, right)[0]
    # the last component is the square of the residual: zero where no direction separates
    return None if residual[-1] <= 1e-12 else -residual[:-1] / (residual[-1] * size)
