"""The exact saddle-to-saddle sequence of a diagonal linear network as the scale of its start goes to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.diagonal_linear.problem.regression import checked_regression


@dataclass(frozen=True)
class DiagonalPath:
    """The saddles visited and the times of the jumps between them.

    `jump_times` (J,) in units of ln(1/α); `regressors` (J + 1, d), the saddles β with the origin first;
    `losses` (J + 1,); `duals` (J + 1, d), the dual variable s on arrival; `complete`, whether the last
    saddle minimises the loss (else the number of jumps allowed was used up).
    """

    jump_times: np.ndarray
    regressors: np.ndarray
    losses: np.ndarray
    duals: np.ndarray
    complete: bool

    @property
    def supports(self) -> tuple[tuple[int, ...], ...]:
        """Coordinates that are not zero, one tuple per saddle."""
        return tuple(tuple(np.flatnonzero(beta).tolist()) for beta in self.regressors)

    def times(self, alpha: float) -> np.ndarray:
        """Return the jump times on the clock of the flow from scale α, `jump_times` · ln(1/α).

        Raises `ArgumentError` unless 0 < α < 1.
        """
        size = positive("alpha", alpha)
        if size >= 1:
            raise ArgumentError("alpha", "be under 1", size)
        return -np.log(size) * self.jump_times

    def at(self, time: float) -> np.ndarray:
        """Return the saddle β (d,) that holds at `time`, in units of ln(1/α)."""
        return self.regressors[np.searchsorted(self.jump_times, time, side="right")]


def jump_sequence(inputs: Any, outputs: Any, *, tolerance: float = 1e-10, jumps: int = 10_000) -> DiagonalPath:
    """Return the jumps of β = u ⊙ v from u = √2 α, v = 0 on L = ‖Xβ − y‖²/(2n), in the limit α → 0.

    Arguments: `inputs` X (n, d), one example a row; `outputs` y (n,); `tolerance` on the gradient, relative
    to the one at β = 0; `jumps`, the most to follow. Between jumps the dual variable moves straight, ds/dt =
    −∇L(β). When a coordinate reaches |s| = 1, β jumps to the minimiser of L over β_i ≥ 0 where s_i = 1, β_i
    ≤ 0 where s_i = −1, β_i = 0 elsewhere: a non-negative least-squares problem. For data in general position
    the sequence is unique, and it ends at the minimiser of least ℓ₁ norm.

    Raises `ArgumentError` on data that do not fit.

    Source: Pesme, Flammarion, arXiv 2304.00488, algorithm 1.

    >>> from saddlescope.diagonal_linear.problem.regression import reference_regression
    >>> path = jump_sequence(*reference_regression())
    >>> path.jump_times.round(6).tolist(), path.losses.round(6).tolist()
    ([0.587054, 0.832265, 3.344989], [1.410048, 0.438776, 0.125216, 0.0])
    """
    X, y = checked_regression(inputs, outputs)
    limit = count("jumps", jumps)
    beta, s, now = np.zeros(X.shape[1]), np.zeros(X.shape[1]), 0.0
    floor = positive("tolerance", tolerance) * float(np.max(np.abs(X.T @ y)) / y.size)
    times: list[float] = []
    saddles, duals = [beta], [s]
    while True:
        g = X.T @ (X @ beta - y) / y.size
        # on the support the gradient is zero but for rounding, which must not move s off the boundary;
        # elsewhere on the boundary it is zero or points inwards
        g[(beta != 0) | (np.abs(g) <= floor) | (-g * s >= np.abs(g))] = 0.0
        if not np.any(g) or len(times) == limit:
            break
        moving = np.flatnonzero(g)
        arrivals = (1 + np.sign(g[moving]) * s[moving]) / np.abs(g[moving])
        time_at_saddle = float(np.min(arrivals))
        hit = moving[arrivals <= time_at_saddle * (1 + 1e-12)]
        now += time_at_saddle
        s = np.clip(s - time_at_saddle * g, -1.0, 1.0)
        s[hit] = -np.sign(g[hit])
        beta = _sign_constrained_minimiser(X, y, np.where(np.abs(s) == 1, s, 0.0))
        times.append(now)
        saddles.append(beta)
        duals.append(s)
    losses = [float(np.sum((X @ b - y) ** 2) / (2 * y.size)) for b in saddles]
    return DiagonalPath(np.array(times), np.array(saddles), np.array(losses), np.array(duals), complete=not np.any(g))


def _sign_constrained_minimiser(X: np.ndarray, y: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Minimise ‖Xβ − y‖ over β_i of the given sign, or zero."""
    allowed = np.flatnonzero(signs)
    positive_part, _ = nnls(X[:, allowed] * signs[allowed], y)
    beta = np.zeros(X.shape[1])
    # a coordinate whose share of the answers is rounding is not part of the saddle
    shares = positive_part * np.linalg.norm(X[:, allowed], axis=0)
    used = shares > 1e-13 * np.linalg.norm(y)
    support = allowed[used]
    if support.size:
        # an orthogonal solve on the support found restores the digits that the active-set updates lost
        exact = np.linalg.lstsq(X[:, support], y, rcond=None)[0]
        agreeing = bool(np.all(exact * signs[support] > 0))
        beta[support] = exact if agreeing else positive_part[used] * signs[support]
    return beta
