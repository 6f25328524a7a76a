"""Level 2 written down from the equations alone, with places to put errors in: what negative controls are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from saddlescope.papers.learning_time_scales._reference import ACTIVATION, EDGE, uniform_nodes

LN_2 = float(np.log(2))
_FAR = 1e5  # size of the leading neuron at which the rest of the blow-up is its closed form


def blow_up_time(link: Sequence[float], *, nodes: int = 8, constrained: bool = True) -> float:
    """Return c_2, the blow-up time of the rescaled flow of level 2 for the uniform law.

    Args:
        link: phi_0, phi_1, phi_2.
        nodes: in each panel of the law.
        constrained: hold degrees 0 and 1; without it the flow is another, and so is its time.
    """
    a, weight = uniform_nodes(30, nodes)
    # the neurons at the edges lead: they have no weight, and no node of a Gauss rule lies there
    a, weight = np.concatenate([[-EDGE], a, [EDGE]]), np.concatenate([[0.0], weight, [0.0]])
    g = ACTIVATION[2] * link[2]
    size = np.sqrt(abs(link[1]) / ACTIVATION[1])

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        alpha, beta = np.split(y, 2)
        one = zero = 0.0
        if constrained:
            mean, square = weight @ beta, weight @ beta**2
            spread = square - mean**2 + weight @ alpha**2
            one = -g * (weight @ beta**3 - square * mean + 2 * (weight @ (alpha**2 * beta))) / spread
            zero = -one * mean - g * square
        return np.concatenate([zero + one * beta + g * beta**2, alpha * (one + 2 * g * beta)])

    def far(_: float, y: np.ndarray) -> float:
        return float(np.abs(y[len(a) :]).max()) - _FAR

    far.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    start = np.concatenate([size * a, np.sign(link[1]) * size * a])
    run = solve_ivp(velocity, (0.0, 10.0), start, method="DOP853", rtol=1e-10, atol=1e-10, events=far)
    # near the end beta' = 2 g alpha beta and alpha' = g beta^2, so that alpha = beta / sqrt 2
    return float(run.t[-1] + 1 / (np.sqrt(2) * abs(g) * _FAR))


def matched_time(
    link: Sequence[float],
    epsilon: float,
    *,
    size: float = 1.0,
    clock: float = LN_2,
    state: float = LN_2,
    rigid: bool = False,
) -> float:
    """Return T_2 at one half, from the layer of level 1 at its centre and the flow of level 2 with degree 1 relaxing.

    alpha = kappa_1 a~ + delta [A + (g/G) kappa_1^2 (ln 2 + 1/2) (a~^2 - v)],
    +-beta = kappa_1 a~ + delta [A ln(2 kappa_1 / delta) + (g/G) kappa_1^2 (2 ln 2 - 1/2) (a~^2 - v)],

    delta = epsilon^(1/4), on the uniform law of variance 1, from t_1 on.

    Args:
        link: phi_0 .. phi_3.
        epsilon: learning-rate ratio.
        size: a factor on kappa_1, wrong unless 1.
        clock: ln 2 in t_1.
        state: ln 2 in the start.
        rigid: hold degree 1 at its end instead of letting it relax.
    """
    phi, sigma, delta = np.array(link, float), np.array(ACTIVATION), epsilon**0.25
    a, w = uniform_nodes(9, 8)
    m, G, g, sign = len(a), abs(sigma[1] * phi[1]), sigma[2] * phi[2], np.sign(sigma[1] * phi[1])
    kappa, A = size * np.sqrt(abs(phi[1] / sigma[1])), phi[0] / sigma[0]
    square = a**2 - 1
    alpha = kappa * a + delta * (A + g / G * kappa**2 * (state + 0.5) * square)
    beta = kappa * a + delta * (A * np.log(2 * kappa / delta) + g / G * kappa**2 * (2 * state - 0.5) * square)
    begin = epsilon**0.5 / G * (clock + np.log(kappa / delta))
    k = np.arange(4)

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        alpha, beta = y[:m], y[m:]
        moments = delta ** (k - 1.0) * (beta ** k[:, None] @ (w * alpha))
        c = sigma * (phi - sigma * moments) * delta ** (k - 2.0)
        rest = c[2] * beta**2 + c[3] * beta**3
        slope = 2 * c[2] * beta + 3 * c[3] * beta**2
        if rigid:
            spread = w @ beta**2 - (w @ beta) ** 2 + w @ alpha**2
            c[1] = -(w @ (rest * beta) - (w @ rest) * (w @ beta) + w @ (alpha**2 * slope)) / spread
        push = c[1] * beta + rest
        return np.concatenate([push - w @ push, alpha * (1 - delta**2 * beta**2) * (c[1] + slope)])

    def learnt(_: float, y: np.ndarray) -> float:
        return float(abs(delta * (w @ (y[:m] * y[m:] ** 2))) - 0.5 * abs(phi[2] / sigma[2]))

    learnt.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    start = np.concatenate([alpha, sign * beta])
    run = solve_ivp(velocity, (0.0, 5.0), start, method="LSODA", rtol=1e-8, atol=1e-8, events=learnt)
    return float(begin + delta * run.t[-1]) if run.status == 1 else float("nan")
