"""The rescaled flow in which one degree is learnt while all lower degrees stay learnt.

On the time-scale of level l write t = delta^(3 - l) tau after level 1, a = alpha / delta and s = delta beta,
delta = epsilon^(1/4). To leading order the degrees k with 2 k - 1 < l that the activation has are constraints
<alpha beta^k> = const, held by multipliers lambda_k; degree l drives with its full strength sigma_l phi_l; and a degree
with 2 k - 1 = l is a pull of order one, -sigma_k^2 <alpha beta^k>:

    alpha' = q(beta),  beta' = alpha q'(beta),  q(beta) = sum_k lambda_k beta^k + c_k beta^k + sigma_l phi_l beta^l.

That <alpha beta^l> diverges at a finite time is what it means that degree l is learnt on that scale. For l = 2 the time
is the c_2 of T_2 ~ c_2 epsilon^(1/4); if degrees 2 .. l - 1 have nothing to learn, T_l = C_l epsilon^((3 - l) / 4).

Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055, for l = 2; Gerbelot, Mourrat (2026), arXiv 2607.10869, prove
the first two scales and describe the stage of degree 2 under constraint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

_RTOL = 1e-7
_DIVERGED = 1e9  # growth of <alpha beta^l> that counts as a blow-up
_FITTED = 1e-4  # of it: where the approach to the singularity is read
_HORIZON = 100.0  # how long to wait for one, in units of the drive's own time
_MOST_EVALUATIONS = 60_000


class LevelRun(NamedTuple):
    """What the flow of a level did.

    Attributes:
        time: tau at which <alpha beta^l> diverges; nan if it does not.
        power: p of its growth (time - tau)^-p.
        state: (alpha, beta) at the end, shape (2, m).
    """

    time: float
    power: float
    state: np.ndarray


def run_level(
    state: np.ndarray, w: np.ndarray, level: int, drive: float, held: list[int], pulls: dict[int, float] | None = None
) -> LevelRun:
    """Run the flow of a level to its blow-up.

    Args:
        state: (alpha, beta), shape (2, m).
        w: weights of the particles, shape (m,).
        level: l.
        drive: sigma_l phi_l, not zero.
        held: degrees below l that are constraints.
        pulls: degree -> sigma_k^2, of those that pull with -sigma_k^2 <alpha beta^k>.
    """
    m = len(w)
    field = _field(w, level, drive, np.array(held, dtype=int), pulls or {})
    size = float(np.sqrt(w @ np.square(state).sum(axis=0)))
    unit = 1 / (abs(drive) * size ** (level - 1))

    def moment(y: np.ndarray) -> float:
        return abs(float(w @ (y[:m] * y[m:] ** level)))

    start = state.ravel()
    stop = _DIVERGED * max(size ** (level + 1), moment(start))
    evaluations = 0

    def bounded(tau: float, y: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        return field(y) if evaluations < _MOST_EVALUATIONS else np.full_like(y, np.nan)

    def diverged(_: float, y: np.ndarray) -> float:
        return moment(y) - stop

    diverged.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    with np.errstate(all="ignore"):  # steps across the singularity overflow and are refused
        run = solve_ivp(
            bounded,
            (0.0, _HORIZON * unit),
            start,
            method="DOP853",
            rtol=_RTOL,
            atol=_RTOL * size,
            first_step=1e-2 * unit,
            events=diverged,
        )
    end = run.y[:, -1].reshape(2, m)
    if run.status != 1:
        return LevelRun(np.nan, np.nan, end)
    time, moments = run.t, np.array([moment(y) for y in run.y.T])
    last = moments > _FITTED * moments[-1]
    t, size_there = time[last], moments[last]
    # moment ~ (c - tau)^-p: 1 / (d log moment / d tau) = (c - tau) / p falls linearly to zero at c
    gap = np.diff(t)
    falling, left = np.polyfit(t[:-1] + 0.5 * gap - t[-1], gap / np.diff(np.log(size_there)), 1)
    return LevelRun(max(float(t[-1] - left / falling), float(t[-1])), float(-1 / falling), end)


def _field(
    w: np.ndarray, level: int, drive: float, held: np.ndarray, pulls: dict[int, float]
) -> Callable[[np.ndarray], np.ndarray]:
    m, degrees = len(w), np.arange(1, level + 1)
    acting = [*pulls, level]

    def field(y: np.ndarray) -> np.ndarray:
        alpha, beta = y[:m], y[m:]
        rows = np.empty((2 * level + 1, m))
        rows[0] = 1.0
        for k in range(1, len(rows)):
            np.multiply(rows[k - 1], beta, out=rows[k])
        mean, square = rows @ w, rows @ (w * alpha * alpha)
        q = np.zeros(level + 1)
        q[level] = drive
        for k, strength in pulls.items():
            q[k] = -strength * float((w * alpha) @ rows[k])
        if len(held):
            # d<alpha beta^k>/dtau = sum_j q_j (<beta^(k+j)> + k j <alpha^2 beta^(k+j-2)>) = 0 for the constraints

            def gram(j: np.ndarray) -> np.ndarray:
                k = held[:, None]
                return mean[k + j] + k * j * square[np.maximum(k + j - 2, 0)]

            matrix = gram(held[None, :])
            # the entries span many orders of magnitude; with a unit diagonal the system is well posed
            scale = 1 / np.sqrt(np.diagonal(matrix))
            forced = gram(np.array(acting)[None, :]) @ q[acting]
            q[held] = -scale * np.linalg.solve(matrix * scale[:, None] * scale, scale * forced)
        return np.concatenate([q @ rows[: level + 1], alpha * ((q[1:] * degrees) @ rows[:level])])

    return field
