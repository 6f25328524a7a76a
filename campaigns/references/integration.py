"""Solutions of initial value problems from two integrators, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp


class ReferenceFailedError(Exception):
    """No integrator of SciPy came to the end."""


@dataclass(frozen=True)
class Solution:
    """y(t): `times` (N,) of the steps, `states` (N, n) there, and in between by interpolation."""

    times: np.ndarray
    states: np.ndarray
    dense: Any

    @property
    def end(self) -> float:
        """The last time."""
        return float(self.times[-1])

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """States at times t (N,), shape (N, n)."""
        order = np.argsort(t, kind="stable")
        result = np.empty((len(t), self.states.shape[1]))
        result[order] = self.dense(np.clip(t[order], 0.0, self.end)).T
        return result

    def grid(self, between: int = 8) -> np.ndarray:
        """The times of the steps and some in between."""
        share = np.arange(between) / between
        return np.append((self.times[:-1, None] + np.diff(self.times)[:, None] * share).ravel(), self.times[-1])


def solved(
    rate: Callable[[float, np.ndarray], np.ndarray],
    start: np.ndarray,
    until: float,
    *,
    atol: Any,
    method: str,
    rtol: float = 1e-11,
    jacobian: Callable[[float, np.ndarray], np.ndarray] | None = None,
    most: int = 60_000,
) -> Solution:
    """Integrate y' = rate(t, y) from `start` to `until`.

    Raises:
        ReferenceFailedError: if the integrator gives up, or asks for the rate more than `most` times.
    """
    calls = 0

    def counted(t: float, y: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls > most:
            raise ReferenceFailedError(f"{method} asked for the rate {most} times")
        return rate(t, y)

    keys: dict[str, Any] = {} if jacobian is None or method not in ("LSODA", "Radau", "BDF") else {"jac": jacobian}
    with np.errstate(all="ignore"):
        result = solve_ivp(counted, (0.0, until), start, method=method, rtol=rtol, atol=atol, dense_output=True, **keys)
    if not result.success or not np.all(np.isfinite(result.y)):
        raise ReferenceFailedError(f"{method}: {result.message}")
    return Solution(result.t, result.y.T, result.sol)
