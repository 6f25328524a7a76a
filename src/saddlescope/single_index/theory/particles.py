"""The mean-field flow on weighted particles, in NumPy: what theory integrates where it has no closed form.

epsilon a_i' = sum_k c_k s_i^k,  s_i' = a_i (1 - s_i^2) sum_k k c_k s_i^(k-1),  c_k = sigma_k (phi_k - sigma_k <a s^k>).

A theory that needs a few hundred steps must not wait for a compiler, so this is plain NumPy: Rodas5P with the
Jacobian's structure, one 2x2 block a particle plus one direction a degree (Steinebach 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import get_lapack_funcs

from saddlescope.solve.methods.rodas_coefficients import GAMMA, A, C

_MOST_STEPS = 20_000
_ASTRAY = 0.05  # error of a single particle, relative to its own size, that no step may make
# without the checks of scipy.linalg.lu_factor, which take longer than a small matrix
_FACTOR, _SUBSTITUTE = get_lapack_funcs(("getrf", "getrs"), dtype=np.float64)


class Path(NamedTuple):
    """Steps of a run.

    Attributes:
        time: shape (T,), the start included.
        state: (a, s) there, shape (T, 2, m).
        rate: their time derivatives, shape (T, 2, m).
    """

    time: np.ndarray
    state: np.ndarray
    rate: np.ndarray


class Particles:
    """Particles of weights `w` on a problem with coefficients `phi` and `sigma`, shape (K + 1,) each."""

    def __init__(self, phi: np.ndarray, sigma: np.ndarray, epsilon: float, w: np.ndarray):
        self.phi, self.sigma, self.epsilon, self.w = phi, sigma, epsilon, w
        self.degrees = np.arange(1.0, len(phi))[:, None]

    def powers(self, s: np.ndarray) -> np.ndarray:
        """s^0 .. s^K, shape (K + 1, m)."""
        rows = np.empty((len(self.phi), len(s)))
        rows[0] = 1.0
        for k in range(1, len(rows)):
            np.multiply(rows[k - 1], s, out=rows[k])
        return rows

    def slopes(self, powers: np.ndarray) -> np.ndarray:
        """Derivatives of such rows by s."""
        rows = np.zeros_like(powers)
        np.multiply(self.degrees, powers[:-1], out=rows[1:])
        return rows

    def residual(self, state: np.ndarray) -> np.ndarray:
        """phi_k - sigma_k <a s^k>, shape (K + 1,)."""
        return self.phi - self.sigma * (self.powers(state[1]) @ (self.w * state[0]))

    def residual_rate(self, state: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """Time derivative of the residual, shape (K + 1,)."""
        rows = self.powers(state[1])
        return -self.sigma * (rows @ (self.w * rate[0]) + self.slopes(rows) @ (self.w * state[0] * rate[1]))

    def field(self, state: np.ndarray) -> np.ndarray:
        """(a', s'), shape (2, m)."""
        a, s = state
        rows = self.powers(s)
        c = self.sigma * (self.phi - self.sigma * (rows @ (self.w * a)))
        out = np.empty_like(state)
        np.divide(c @ rows, self.epsilon, out=out[0])
        np.multiply(a * (1 - s * s), (self.degrees[:, 0] * c[1:]) @ rows[:-1], out=out[1])
        return out

    def factor(self, state: np.ndarray, shift: float) -> Callable[[np.ndarray], np.ndarray]:
        """Return what applies (I - shift J)^-1, with J the Jacobian at `state`: the Woodbury identity."""
        a, s = state
        rows = self.powers(s)
        first = self.slopes(rows)
        c = self.sigma * (self.phi - self.sigma * (rows @ (self.w * a)))
        slope, curvature, free = c @ first, c @ self.slopes(first), 1 - s * s
        # one block a particle: [[1, -q], [-r, t]]
        q, r, t = shift / self.epsilon * slope, shift * free * slope, 1 - shift * a * (free * curvature - 2 * s * slope)
        determinant = t - q * r
        left_a, left_b = rows / self.epsilon, a * free * first
        left_a, left_b = (t * left_a + q * left_b) / determinant, (r * left_a + left_b) / determinant
        strength = -(self.sigma**2)[:, None] * self.w
        right_a, right_b = strength * rows, strength * a * first
        coupling = np.eye(len(rows)) - shift * (right_a @ left_a.T + right_b @ left_b.T)
        lu, pivots, _ = _FACTOR(coupling)
        left = shift * np.concatenate([left_a, left_b], axis=1)

        def solve(y: np.ndarray) -> np.ndarray:
            out = np.empty_like(y)
            out[0] = (t * y[0] + q * y[1]) / determinant
            out[1] = (r * y[0] + y[1]) / determinant
            z, _ = _SUBSTITUTE(lu, pivots, right_a @ out[0] + right_b @ out[1])
            out += (z @ left).reshape(y.shape)
            return out

        return solve


def integrate(
    particles: Particles,
    time: float,
    state: np.ndarray,
    until: float,
    done: Callable[[np.ndarray], bool],
    rtol: float,
    first_step: float,
) -> Path:
    """Integrate from (time, state) until `done(residual)` or the time `until`.

    Args:
        particles: what moves.
        time: at the start.
        state: (a, s), shape (2, m).
        until: last time.
        done: of the residual, shape (K + 1,): whether to stop.
        rtol: tolerance of a step; errors are measured against each particle and the law's root mean square.
        first_step: to try first.
    """
    w, h, rate = particles.w, first_step, particles.field(state)
    times, states, rates = [time], [state], [rate]
    stages = np.empty((8, *state.shape))
    flat = stages.reshape(8, -1)
    for _ in range(_MOST_STEPS):
        h = min(h, until - time)
        solve = particles.factor(state, GAMMA * h)
        y = state
        with np.errstate(all="ignore"):  # a step that is too long may overflow; it is refused below
            for i in range(8):
                slope = rate
                if i:
                    y = state + (A[i, :i] @ flat[:i]).reshape(state.shape)
                    slope = particles.field(y)
                right = h * slope
                if i:
                    right += (C[i, :i] @ flat[:i]).reshape(state.shape)
                stages[i] = solve(GAMMA * right)
            new, error = y + stages[7], stages[7]
            size = np.maximum(np.abs(state), np.abs(new)) + np.sqrt(np.square(state) @ w)[:, None]
            relative = error / size
            wrong = float(np.sqrt(0.5 * (np.square(relative) @ w).sum())) / rtol
            # particles of next to no weight have no say in the mean, but must not go astray either
            wrong = max(wrong, float(np.abs(relative).max()) / _ASTRAY)
        if not np.isfinite(wrong):
            h *= 0.1
        else:
            if wrong <= 1:
                time, state = time + h, new
                rate = particles.field(state)
                times.append(time)
                states.append(state)
                rates.append(rate)
                if done(particles.residual(state)) or time >= until:
                    break
            h *= min(5.0, max(0.15, 0.9 * wrong**-0.2 if wrong > 0 else 5.0))
        if time + h == time:
            break
    return Path(np.array(times), np.array(states), np.array(rates))
