"""Training a deep linear network until there is nothing left to learn, without saying how long that takes."""

from __future__ import annotations

import math

import numpy as np

from saddlescope.arguments import ArgumentError, fraction, positive
from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
from saddlescope.deep_linear.network.layers import products_from_input
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.solve import Outcome, solve
from saddlescope.trajectory import Trajectory

SETTLED = 1e-8  # share of the initial cost at which training is over
_FIRST, _LONGER, _LONGEST = 30, 30, 2  # times the estimate; factor of each extension; how many runs
_STEPS = 200_000


def train(flow: DeepLinearFlow, share: float = 0.01, *, until: float | None = None, rtol: float = 1e-6) -> Trajectory:
    """Train a deep linear network until the cost is a hundred-millionth of its start.

    The time range is thirty times an estimate of the training time, that of the constant kernel or of the escape from
    the origin; if the cost has not fallen to its share by then, there is one more run, thirty times longer.

    Args:
        flow: a gradient flow.
        share: of the initial cost, in (0, 1): a run that does not come to it is made longer.
        until: end of the time range instead, of one run.
        rtol: relative tolerance of a step, in (0, 1).

    Raises:
        ArgumentError: if an argument is refused, or the flow starts with a cost of zero, with no slope at A = 0,
            or with layers of zeros.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.DeepLinearFlow(ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=8, gamma=2.0)
        >>> trajectory = train(flow)
        >>> trajectory.outcome, bool(trajectory["cost"][-1] <= 1e-8 * trajectory["cost"][0])
        ('REACHED_TARGET', True)
    """
    share, rtol = fraction("share", share), fraction("rtol", rtol)
    begun, size = initial_cost(flow), _layer_size(flow)
    if flow.depth > 1 and not size > 0:
        raise ArgumentError("flow", "start with layers that are not zero", size)
    end = _FIRST * _estimate(flow, size) if until is None else positive("until", until)
    runs = _LONGEST if until is None else 1
    while True:
        trajectory = solve(flow, end, rtol=rtol, risk_below=SETTLED * begun, max_steps=_STEPS)
        runs -= 1
        too_short = trajectory.outcome == Outcome.REACHED_END.name and trajectory["cost"][-1] > share * begun
        if not (too_short and runs):
            return trajectory
        end *= _LONGER


def initial_cost(flow: DeepLinearFlow) -> float:
    """Return the cost that a gradient flow starts with.

    Raises:
        ArgumentError: if the flow is another dynamics, or that cost is not positive.
    """
    # descent is at its steps' mercy, and with momentum on another clock: neither its times nor its rates are the flow's
    if not isinstance(flow, DeepLinearFlow):
        raise ArgumentError("flow", "be a gradient flow, a DeepLinearFlow", type(flow).__name__)
    if flow.weight_decay > 0:
        raise ArgumentError("flow", "be without weight decay, which keeps the cost from its minimum", flow.weight_decay)
    begun = float(flow.cost.value(products_from_input(flow.initial)[-1]))  # pyright: ignore[reportArgumentType]
    if not begun > 0:
        raise ArgumentError("cost", "be positive at the start", begun)
    return begun


def _layer_size(flow: DeepLinearFlow) -> float:
    """kappa = w sigma^2, the square of a layer acting on a unit vector: expected of a Gaussian start, or measured."""
    if flow.gamma is None or flow.depth == 1:
        return float(np.sum(flow.initial[0] ** 2)) / flow.initial[0].shape[1]
    return flow.scale_factor**2 * flow.width ** (1 - flow.gamma)


def _estimate(flow: DeepLinearFlow, kappa: float) -> float:
    """A guess of the training time: that of the constant kernel, or of the escape from the origin if it is sooner."""
    depth, numpy_cost = flow.depth, NumpyCost(flow.cost)
    G = numpy_cost.value_and_gradient(np.zeros(flow.cost.shape))[1]
    strength = float(np.linalg.norm(G, 2))
    if not strength > 0:
        raise ArgumentError("cost", "have a slope at A = 0, or there is nothing to learn", strength)
    curvature = float(np.linalg.norm(G)) / numpy_cost.length
    lazy = math.log(1 / SETTLED) / (2 * depth * kappa ** (depth - 1) * curvature)
    if depth == 1:
        return lazy
    if depth == 2:
        escape = math.log1p(numpy_cost.length / kappa) / strength
    else:
        escape = kappa ** (-(depth - 2) / 2) / ((depth - 2) * strength)
    learnt = math.log(1 / SETTLED) / (2 * depth * curvature * numpy_cost.length ** (2 - 2 / depth))
    return min(lazy, escape + learnt)
