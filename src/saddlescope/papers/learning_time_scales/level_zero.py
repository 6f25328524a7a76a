"""Level 0: the mean output weight relaxes, all weights shift together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    curves, worst, shift = {}, 0.0, 0.0
    for epsilon in parameters["epsilons"]:
        flow = MeanFieldFlow(problem([1.0, -1.0, 1.0, 1.0]), epsilon, particles=64)
        run = solve(flow, until=8 * epsilon, rtol=1e-9)
        tau = run.time / epsilon
        curves[epsilon] = tau, run["residual"][:, 0]
        a = run["second_layer"]
        moved = a - a[0]
        if epsilon == min(parameters["epsilons"]):
            worst = float(np.abs(run["residual"][:, 0] - np.exp(-tau)).max())
            shift = float(np.ptp(moved, axis=1).max())
    return Result({"curve": worst, "shift": shift}, curves=curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (epsilon, (tau, residual)) in enumerate(result.curves.items()):
        measured(ax, tau, residual, number, rf"$\varepsilon$ = {epsilon:g}")
    fine = np.linspace(0, 8, 200)
    predicted(ax, fine, np.exp(-fine), r"$e^{-\sigma_0^2 t/\varepsilon}$")
    ax.set_ylim(1e-4, 1.5)
    return finished(ax, r"time $t$ in units of $\varepsilon$", r"residual $\varphi_0 - \sigma_0 M_0$", log="y")


EXPERIMENT = Experiment(
    title="Level 0: the constant",
    claim="At times of order epsilon the network learns the link's mean, by a common shift of all output weights: the "
    "residual of degree 0 falls as exp(-sigma_0^2 t / epsilon).",
    source="Berthier, Montanari, Zhou (2023), first time-scale",
    criteria=(
        Criterion(
            "curve",
            "largest distance of the residual to the exponential, over eight units of epsilon",
            "absolute",
            1e-4,
            "overlaps have grown to order epsilon by then, and act back at the order epsilon = 1e-6 of their product",
            claimed=0.0,
            finite_size="epsilon = 1e-6, correction of order 10 epsilon",
        ),
        Criterion(
            "shift",
            "largest difference of the shifts of two output weights",
            "absolute",
            1e-3,
            "the shifts differ by t s / epsilon, where s is of order epsilon, times 8^2 units of time",
            claimed=0.0,
            finite_size="epsilon = 1e-6, correction of order 100 epsilon",
        ),
    ),
    quick={"epsilons": [0.1, 0.01, 1e-6]},
    full={"epsilons": [0.1, 0.01, 1e-3, 1e-6]},
    run=_run,
    draw=_draw,
)
