"""The rescaled flow in which one degree is learnt while all lower degrees stay learnt.

On the time-scale epsilon^(1/(2l)) write t = epsilon^(1/(2l)) tau, s = epsilon^(1/(2l)) beta and
a = epsilon^(1/(2l) - 1/2) alpha. To leading order degrees k < l are constraints <alpha beta^k> = const, held by
multipliers lambda_k, and degree l drives with its full strength g_l = sigma_l phi_l:

    alpha' = q(beta),  beta' = alpha q'(beta),  q(beta) = sum_{k<l} lambda_k beta^k + g_l beta^l.

That <alpha beta^l> diverges at a finite time c_l is what it means that degree l is learnt at t = c_l epsilon^(1/(2l)).

Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.single_index.mean_field.overlap_features import powers, slope
from saddlescope.solve import BlockLowRank, Outcome, Rodas5P, System, integrate

_RTOL = 1e-9
_DIVERGED = 1e12  # growth of <alpha beta^l> that counts as a blow-up
_HORIZON = 300.0  # how long to wait for one, in units of the drive's own time


class LevelSystem(System):
    """The constrained flow of level l; the state is (alpha, beta), shape (2, m)."""

    stop_on: ClassVar[str] = "missing"

    weights: jax.Array
    drive: jax.Array  # g_l
    goal: jax.Array  # value of |<alpha beta^l>| at which to stop
    level: int = eqx.field(static=True)
    active: tuple[bool, ...] = eqx.field(static=True)  # degrees below l that act, those with sigma_k != 0

    def solver(self):
        return Rodas5P(linearise=lambda y, system: system.linearise(y), factor=BlockLowRank.factor)

    def _multipliers(self, y):
        """The rows beta^k and their slopes, q's coefficients, and the inverse of the constraints' Gram matrix.

        d<alpha beta^k>/dtau = sum_j lambda_j (<beta^(k+j)> + k j <alpha^2 beta^(k+j-2)>) = 0 for active k < l.
        """
        alpha, beta = y
        level = self.level
        rows = powers(beta, 2 * level)
        mean, square = rows @ self.weights, rows @ (self.weights * alpha**2)
        k, j = np.arange(level)[:, None], np.arange(level + 1)[None, :]
        gram = mean[k + j] + k * j * square[np.maximum(k + j - 2, 0)]
        on = np.array(self.active)
        square_gram = jnp.where(on[:, None] & on[None, :], gram[:, :level], jnp.eye(level))
        # the entries span many orders of magnitude; with a unit diagonal the system is well posed
        size = 1 / jnp.sqrt(jnp.diagonal(square_gram))
        decomposed = jax.scipy.linalg.lu_factor(square_gram * size[:, None] * size)
        mask = jnp.asarray(on, jnp.float64) * size

        def inverse(b):
            """Gram^-1 b, for b of shape (l, n)."""
            return mask[:, None] * jax.scipy.linalg.lu_solve(decomposed, mask[:, None] * b)

        multipliers = -inverse(gram[:, level:] * self.drive)[:, 0]
        return rows[: level + 1], jnp.concatenate([multipliers, self.drive[None]]), inverse

    def vector_field(self, y):
        rows, q, _ = self._multipliers(y)
        return jnp.stack([q @ rows, y[0] * (q @ slope(rows))])

    def linearise(self, y: jax.Array) -> BlockLowRank:
        """The Jacobian: each particle's own 2x2 block, and its pull on the multipliers."""
        alpha, _ = y
        level, w = self.level, self.weights
        rows, q, inverse = self._multipliers(y)
        first = slope(rows)
        second = jnp.concatenate([jnp.zeros_like(rows[:1]), jnp.arange(1.0, level + 1)[:, None] * first[:-1]])
        p, dp, ddp = q @ rows, q @ first, q @ second
        blocks = jnp.stack([jnp.stack([jnp.zeros_like(p), dp]), jnp.stack([dp, alpha * ddp])])
        left = jnp.stack([rows[:level], alpha * first[:level]], axis=1)
        rows, first, second = rows[:level], first[:level], second[:level]
        by_alpha = 2 * w * alpha * first * dp
        by_beta = w * (first * p + rows * dp + alpha**2 * (second * dp + first * ddp))
        # the matrix itself, since a triangular solve with a right-hand side per particle costs as much as ten fields
        minus_inverse = -inverse(jnp.eye(level))
        return BlockLowRank(blocks, left, jnp.stack([minus_inverse @ by_alpha, minus_inverse @ by_beta], axis=1))

    def observables(self, y, rate):
        alpha, beta = y
        moment = powers(beta, self.level) @ (self.weights * alpha)
        del rate
        return {"moment": moment, "missing": self.goal - jnp.abs(moment[-1])}

    def error_norm(self, scaled_error):
        return jnp.sqrt(0.5 * jnp.sum(self.weights * scaled_error**2))


class LevelRun(NamedTuple):
    """What the flow of one level did.

    Attributes:
        time: tau at which <alpha beta^l> reached its goal, or diverged (extrapolated); nan if it never does.
        state: (alpha, beta) there, shape (2, m).
        states: states on the way, shape (times, 2, m).
        outcome: how the integration ended.
    """

    time: float
    state: np.ndarray
    states: np.ndarray
    outcome: Outcome


def run_level(
    state: np.ndarray,
    weights: np.ndarray,
    active: tuple[bool, ...],
    drive: float,
    goal: float | None = None,
    rtol: float = _RTOL,
) -> LevelRun:
    """Run the flow of level len(active) from a state until <alpha beta^l> reaches `goal` or diverges.

    Args:
        state: (alpha, beta), shape (2, m).
        weights: of the particles, shape (m,).
        active: which degrees below l act as constraints.
        drive: g_l = sigma_l phi_l, not zero.
        goal: |<alpha beta^l>| at which to stop; None for the blow-up.
        rtol: tolerance of a step.
    """
    level = len(active)
    size = float(np.sqrt(weights @ np.square(state).sum(axis=0)))
    unit = 1 / (abs(drive) * size ** (level - 1))
    stop = goal if goal is not None else _DIVERGED * size ** (level + 1)
    padded, padding = _padded(state, weights)
    system = LevelSystem(
        weights=jnp.asarray(padding),
        drive=jnp.asarray(drive, jnp.float64),
        goal=jnp.asarray(stop, jnp.float64),
        level=level,
        active=active,
    )
    record = integrate(
        system,
        jnp.asarray(padded),
        np.geomspace(1e-3 * unit, _HORIZON * unit, 200),
        first_step=1e-3 * unit,
        rtol=rtol,
        atol=rtol * size,
        max_steps=20_000,
        stop_below=0.0,
    )
    states = record.states[:, :, : len(weights)]
    moment = np.abs(record.observables["moment"][:, -1])
    diverged = moment[-1] > 1e4 * max(size ** (level + 1), moment[0])
    if goal is not None:
        reached = record.outcome is Outcome.REACHED_TARGET
        time = float(record.times[-1]) if reached else np.nan
    elif diverged and record.outcome in (Outcome.REACHED_TARGET, Outcome.STEP_UNDERFLOW):
        time = _singularity(record.times, moment)
    else:
        time = np.nan
    return LevelRun(time, states[-1], states, record.outcome)


def _singularity(times: np.ndarray, moment: np.ndarray) -> float:
    """Extrapolate moment ~ (c - tau)^-p: 1 / (d log moment / d tau) = (c - tau) / p falls linearly to zero at c."""
    # the last decades of growth, short of the end where times crowd together in rounding
    last = np.flatnonzero((moment > 1e-6 * moment[-1]) & (moment < 1e-1 * moment[-1]))
    if len(last) < 4:
        return float(times[-1])
    t, m = times[last], moment[last]
    gap = np.diff(t)
    middle, inverse_rate = t[:-1] + 0.5 * gap, gap / np.diff(np.log(m))
    falling, start = np.polyfit(middle - t[-1], inverse_rate, 1)
    root = t[-1] - start / falling
    # the fit cannot place the singularity before the last time that was reached
    return float(root) if root >= times[-1] else float(times[-1])


def _padded(state: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weightless copies up to a power of four, so that refined nodes rarely compile a new program."""
    size = 64
    while size < len(weights):
        size *= 4
    spare = size - len(weights)
    return (
        np.concatenate([state, np.repeat(state[:, :1], spare, axis=1)], axis=1),
        np.concatenate([weights, np.zeros(spare)]),
    )
