"""Diagonal networks: the flow from a small start beside the exact sequence of jumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, linprog

from saddlescope.diagonal_linear import DiagonalFlow, jump_sequence
from saddlescope.diagonal_linear.problem.regression import reference_regression
from saddlescope.measure import exponent
from saddlescope.measure.jumps import first_below
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _losses(
    X: np.ndarray, y: np.ndarray, log_scale: float, until: float, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Time, loss, times of the heights and last regressor of the flow in its dual variable; scale e^-log_scale."""
    n = len(y)

    def regressor(s: np.ndarray) -> np.ndarray:
        return 0.5 * (
            np.exp(np.minimum(2 * log_scale * (s - 1), 40)) - np.exp(np.minimum(-2 * log_scale * (s + 1), 40))
        )

    def velocity(_: float, s: np.ndarray) -> np.ndarray:
        return -X.T @ (X @ regressor(s) - y) / n

    def jacobian(_: float, s: np.ndarray) -> np.ndarray:
        up, down = (np.exp(np.minimum(2 * log_scale * (sign * s - 1), 40)) for sign in (1, -1))
        return -(X.T @ X / n) * (log_scale * (up + down))

    result = solve_ivp(
        velocity,
        (0.0, until),
        np.zeros(X.shape[1]),
        method="Radau",
        jac=jacobian,
        rtol=1e-8,
        atol=1e-10,
        dense_output=True,
    )

    def loss_at(t: float) -> float:
        return float(np.sum((X @ regressor(result.sol(t)) - y) ** 2) / (2 * n))

    loss = np.array([loss_at(t) for t in result.t])
    after = [int(np.argmax(loss < height)) for height in heights]
    crossed = [
        brentq(lambda t, h=h: loss_at(t) - h, result.t[i - 1], result.t[i]) for i, h in zip(after, heights, strict=True)
    ]
    return result.t, loss, np.array(crossed), regressor(result.y[:, -1])


def _deep_gaps(X: np.ndarray, y: np.ndarray, depth: int, log_scales: np.ndarray) -> np.ndarray:
    """Largest relative distance of a jump of a network of this depth to its limit, for each scale."""
    path = jump_sequence(X, y)
    gaps = []
    for scale in log_scales:
        flow = DiagonalFlow(X, y, log_scale=float(scale), depth=depth)
        run = solve(flow, 1.3 * path.jump_times[-1], rtol=1e-8, error_estimate=False)
        times = [first_below(run.time, run["cost"], run["cost_rate"], h) for h in _halves(path)]
        gaps.append(np.abs(np.array(times) / path.jump_times - 1).max())
    return np.array(gaps)


def _halves(path: Any) -> np.ndarray:
    return 0.5 * (path.losses[1:] + path.losses[:-1])


def _run(parameters: Mapping[str, Any]) -> Result:
    X, y = reference_regression()
    path = jump_sequence(X, y)
    half = _halves(path)
    deep = np.array(parameters["deep_log_scales"])
    deep_gaps = _deep_gaps(X, y, 3, deep)
    power = float(np.polyfit(deep, np.log(deep_gaps), 1)[0])
    scales = np.array(parameters["log_scales"])
    runs = [_losses(X, y, scale, 1.3 * path.jump_times[-1], half) for scale in scales]
    times = np.array([crossed for _, _, crossed, _ in runs])
    gaps = np.abs(times / path.jump_times - 1).max(axis=1)
    # the least l1 norm among all that fit: a linear program of its own
    least = linprog(np.ones(14), A_eq=np.hstack([X, -X]), b_eq=y).fun
    return Result(
        {
            "times": float(gaps[-1]),
            "rate": exponent(scales, gaps).value,
            "deep-times": float(deep_gaps[-1]),
            "deep-power": power,
            "control-deep": power,
            "least": float(np.abs(runs[-1][3]).sum()),
            "control-euclid": float(np.abs(runs[-1][3]).sum()),
        },
        {"least": float(least), "control-euclid": float(np.abs(np.linalg.pinv(X) @ y).sum())},
        (path, scales, [run[:2] for run in runs]),
    )


def _draw(result: Result) -> Axes:
    path, scales, runs = result.curves
    ax = axes()
    for number, (scale, (time, loss)) in enumerate(zip(scales, runs, strict=True)):
        measured(ax, time, loss, number, rf"$\alpha = e^{{-{scale:g}}}$", points=False)
    steps = np.concatenate([[0.0], path.jump_times, [1.3 * path.jump_times[-1]]])
    predicted(ax, np.repeat(steps, 2)[1:-1], np.repeat(path.losses, 2), "jumps")
    return finished(ax, r"time, in units of $\ln(1/\alpha)$", "loss", columns=5)


EXPERIMENT = Experiment(
    title="Jumps of diagonal networks",
    claim="A diagonal linear network with a start of scale alpha jumps from saddle to saddle at times t_k ln(1/alpha), "
    "given by a homotopy of least-squares problems with signs, and ends at the least l1 norm. Deeper networks make the "
    "same jumps on a clock of their own.",
    source="Pesme, Flammarion (2023)",
    criteria=(
        Criterion(
            "times",
            "largest relative distance of a jump time to its limit, at the smallest scale",
            "absolute",
            1e-3,
            "half of a jump lies within its width, of order 1 / ln(1/alpha) on this clock",
            claimed=0.0,
            finite_size="alpha = e^-1000",
            power="jumps one coordinate at a time without coordinates that leave again",
        ),
        Criterion(
            "rate",
            "power of ln(1/alpha) in that distance",
            "absolute",
            0.02,
            "corrections of first order in 1 / ln(1/alpha), those of second order a tenth of them at the largest scale",
            claimed=-1.0,
            finite_size="alpha from e^-30 to e^-1000 (full: e^-3000)",
            power="corrections of another order",
        ),
        Criterion(
            "deep-times",
            "depth 3: largest relative distance of a jump time to its limit, at the smallest scale",
            "absolute",
            4e-4,
            "three times alpha",
            claimed=0.0,
            finite_size="alpha = e^-9",
            power="other jumps, or another clock, for deeper networks",
        ),
        Criterion(
            "deep-power",
            "depth 3: power of alpha in that distance, with a minus",
            "absolute",
            0.1,
            "alpha^(L - 2) from what the start adds to the passage time of a coordinate",
            claimed=-1.0,
            finite_size="alpha from e^-4 to e^-9",
            power="logarithmic corrections, as at depth 2",
        ),
        Criterion(
            "control-deep",
            "that power, beside the one of depth 4",
            "absolute",
            0.1,
            "the bound of the true row",
            claimed=-2.0,
            control=True,
        ),
        Criterion(
            "least",
            "l1 norm of the flow at the end, beside a linear program",
            "relative",
            3e-3,
            "of order 1 / ln(1/alpha)",
            finite_size="alpha = e^-1000",
            power="another norm that is least, as from large starts",
        ),
        Criterion(
            "control-euclid",
            "that norm, beside the one of the solution of least l2 norm",
            "relative",
            3e-3,
            "the bound of the true row",
            control=True,
        ),
    ),
    quick={"log_scales": [30.0, 100.0, 300.0, 1000.0], "deep_log_scales": [4.0, 6.0, 9.0]},
    full={"log_scales": [30.0, 100.0, 300.0, 1000.0, 3000.0], "deep_log_scales": [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]},
    run=_run,
    draw=_draw,
)
