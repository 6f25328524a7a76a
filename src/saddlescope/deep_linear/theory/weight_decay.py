"""Where weight decay leaves the singular values of a deep linear network: minima, barriers, jumps of one way.

At a fixed product of singular values x_i the least penalty is (lambda L / 2) sum_i x_i^(2/L), reached by balanced
layers. For C = |A - S|^2 / 2 modes part, and each stands in the potential

    f(x) = (x - s)^2 / 2 + (lambda L / 2) x^(2/L),      f'(x) = 0  <=>  (s - x) x^p = lambda,   p = (L - 2) / L.

At depth 2 this is the soft threshold x = s - lambda, continuous in lambda. At greater depth zero is a minimum for
every lambda > 0. The other one ends at x = s (L - 2) / (2 (L - 1)), where lambda is as large as (s - x) x^p can be:
beyond, the mode falls to zero, and stays there when lambda is lowered again, so that ranks jump one way only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import root_scalar

from saddlescope.arguments import ArgumentError, count, from_zero, vector


@dataclass(frozen=True)
class DecayedModes:
    """Singular values under weight decay, one entry a mode of the target.

    Attributes:
        strength: s, of the target, shape (modes,).
        depth: L.
        weight_decay: lambda.
        learnt: the minimum other than zero; nan where there is none.
        barrier: what a balanced mode must start above to be learnt, and below which it dies; 0 where all are learnt,
            nan where none is.
        collapse: the decay from which no minimum but zero is left.
        crossing: the decay from which zero is the lower minimum.
    """

    strength: np.ndarray
    depth: int
    weight_decay: float
    learnt: np.ndarray
    barrier: np.ndarray
    collapse: np.ndarray
    crossing: np.ndarray

    def potential(self, x: ArrayLike) -> np.ndarray:
        """f(x) of each mode, at x >= 0 of shape (..., modes)."""
        x = np.asarray(x, dtype=np.float64)
        penalty = 0.5 * self.weight_decay * self.depth * x ** (2 / self.depth)
        return 0.5 * (x - self.strength) ** 2 + penalty


def decayed_modes(singular_values: ArrayLike, depth: int, weight_decay: float) -> DecayedModes:
    """Return where each mode of a whitened least-squares target ends under weight decay.

    Args:
        singular_values: of S in C(A) = |A - S|^2 / 2, not negative, shape (modes,).
        depth: L >= 2.
        weight_decay: lambda >= 0, of (lambda / 2) sum_l |W_l|_F^2.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Wang and Jacot, arXiv 2305.16038 (one-way jumps of rank); thresholds by the potential above.

    Example:
        >>> decayed_modes([3.0, 1.0, 0.2], depth=2, weight_decay=0.5).learnt.tolist()
        [2.5, 0.5, nan]
        >>> modes = decayed_modes([3.0, 1.0], depth=4, weight_decay=0.6)
        >>> modes.learnt.round(4).tolist(), modes.collapse.round(4).tolist()
        ([2.63, nan], [2.0, 0.3849])
    """
    s = vector("singular_values", singular_values)
    if s.min(initial=0.0) < 0:
        raise ArgumentError("singular_values", "not be negative", float(s.min()))
    L, decay = count("depth", depth, 2), from_zero("weight_decay", weight_decay)
    p = (L - 2) / L
    turn = s * (L - 2) / (2 * (L - 1))  # where (s - x) x^p is largest
    collapse = (s - turn) * turn**p
    crossing = s / (L - 1) * (s * (L - 2) / (L - 1)) ** p
    learnt, barrier = np.full(len(s), np.nan), np.full(len(s), np.nan)
    for i, (one, top) in enumerate(zip(s, turn, strict=True)):
        if not decay < collapse[i]:
            continue
        if L == 2 or decay == 0:
            learnt[i], barrier[i] = one - decay, 0.0
            continue

        def excess(x: float, s: float = float(one)) -> float:
            return (s - x) * x**p - decay

        learnt[i] = root_scalar(excess, bracket=(top, one), xtol=1e-300, rtol=1e-14).root
        barrier[i] = root_scalar(excess, bracket=(0.0, top), xtol=1e-300, rtol=1e-14).root
    return DecayedModes(s, L, decay, learnt, barrier, collapse, crossing)
