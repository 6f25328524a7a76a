"""Two layers from a lambda-balanced start: the matrix Riccati solution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, lambda_balanced_flow, lambda_balanced_start
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    S = reference_target()
    product = 0.1 * np.random.default_rng(0).standard_normal(S.shape)
    seen, curves = {}, []
    for number, imbalance in enumerate(parameters["imbalances"]):
        start = lambda_balanced_start(product, 3, imbalance, seed=1)
        flow = DeepLinearFlow(LeastSquares(S), initial=start)
        run = solve(flow, parameters["until"], rtol=parameters["rtol"])
        exact = lambda_balanced_flow(S, start, run.time)
        seen[f"imbalance-{number}"] = float(np.abs(run["product"] - exact).max())
        if number == len(parameters["imbalances"]) - 1:
            balanced = lambda_balanced_flow(S, lambda_balanced_start(product, 3, 0.0, seed=1), run.time)
            seen["control-balanced"] = float(np.abs(run["product"] - balanced).max())
        costs = 0.5 * np.sum((exact - S) ** 2, axis=(1, 2))
        curves.append((imbalance, run.time, run["cost"], costs))
    return Result(seen, curves=curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (imbalance, time, cost, exact) in enumerate(result.curves):
        measured(ax, time, cost, number, rf"$\lambda$ = {imbalance:g}", points=False)
        predicted(ax, time, exact, "exact solution")
    ax.set_ylim(1e-8, 20)
    return finished(ax, "time $t$", "cost", log="y")


EXPERIMENT = Experiment(
    title="Two layers, exactly",
    claim="With W_2^T W_2 - W_1 W_1^T = lambda I at the start, the flow of two layers solves a matrix Riccati equation "
    "in closed form, from rich (lambda = 0) to lazy (large lambda).",
    source="Fukumizu (1998); Braun et al. (2022); Dominé et al. (2024)",
    criteria=(
        *(
            Criterion(
                f"imbalance-{number}",
                f"lambda = {value:g}: largest distance of an entry of the product to the exact solution",
                "absolute",
                1e-4,
                "integrated at 1e-8; the exact solution itself is good to 1e-11",
                claimed=0.0,
                power="the balanced solution for all starts",
            )
            for number, value in enumerate((0.0, 1.0, 5.0))
        ),
        Criterion(
            "control-balanced",
            "lambda = 5: the same distance to the exact solution for lambda = 0",
            "absolute",
            1e-4,
            "the bound of the true rows",
            claimed=0.0,
            control=True,
        ),
    ),
    quick={"imbalances": [0.0, 1.0, 5.0], "until": 6.0, "rtol": 1e-8},
    full={"imbalances": [0.0, 1.0, 5.0], "until": 12.0, "rtol": 1e-9},
    run=_run,
    draw=_draw,
)
