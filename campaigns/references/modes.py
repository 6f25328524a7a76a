"""Flow of a deep linear network whose layers are diagonal in the singular frames of a whitened target.

Every mode is a chain of L numbers, w_l' = (s - w_1 .. w_L) prod_{k != l} w_k (Saxe, McClelland, Ganguli, arXiv
1312.6120). A number that is not the smallest of its chain in size never changes sign, since w_k^2 - w_l^2 is conserved;
where no number of the chain is zero the smallest one may pass through zero, so that the chain is followed by the
smallest one alone,

    w_l = sign_l sqrt(w_0^2 + gap_l),   gap_l = w_l(0)^2 - w_0(0)^2 >= 0,

and while it keeps its sign, by log |w_0|: a mode of 1e-13 grows as exactly as one of order one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.references.integration import Solution, solved


@dataclass(frozen=True)
class Chain:
    """One mode: target `s` (of either sign) and `weights` w_1 .. w_L, none of them zero."""

    s: float
    weights: np.ndarray

    @property
    def _order(self) -> np.ndarray:
        return np.argsort(np.abs(self.weights), kind="stable")

    def _layers(self, smallest: np.ndarray) -> np.ndarray:
        """All numbers (N, L) of the chain, the smallest first, from the smallest (N,)."""
        sorted_weights = self.weights[self._order]
        gaps = (np.abs(sorted_weights) - abs(sorted_weights[0])) * (np.abs(sorted_weights) + abs(sorted_weights[0]))
        larger = np.sign(sorted_weights) * np.sqrt(smallest[:, None] ** 2 + gaps)
        larger[:, 0] = smallest
        return larger

    @property
    def grows(self) -> bool:
        """Whether the product starts on the side of its target: then no number ever changes sign."""
        return bool(np.prod(np.sign(self.weights)) * self.s > 0)

    @property
    def in_logs(self) -> bool:
        """Whether the smallest number keeps its sign: it grows, or others of its size become zero with it."""
        return self.grows or bool(np.sum(np.abs(self.weights) == np.abs(self.weights).min()) > 1)

    def solve(self, until: float, method: str = "LSODA", rtol: float = 1e-11) -> Solution:
        """The smallest number of the chain up to a time: its log where it keeps its sign, else itself."""
        first = self.weights[self._order][0]
        sign, logs = np.sign(first), self.in_logs

        def rate(_: float, y: np.ndarray) -> np.ndarray:
            w = self._layers(sign * np.exp(y) if logs else y)[0]
            rest = float(np.prod(w[1:]))
            slope = (self.s - w[0] * rest) * rest
            return np.array([slope / w[0] if logs else slope])

        start = np.array([np.log(abs(first))]) if logs else np.array([first])
        atol = rtol if logs else 1e-3 * rtol * abs(first)
        return solved(rate, start, until, atol=atol, method=method, rtol=rtol)

    def product(self, solution: Solution, times: np.ndarray) -> np.ndarray:
        """w_1 .. w_L at times (N,), shape (N,)."""
        y = solution(times)[:, 0]
        smallest = np.sign(self.weights[self._order][0]) * np.exp(y) if self.in_logs else y
        return np.prod(self._layers(smallest), axis=1)
