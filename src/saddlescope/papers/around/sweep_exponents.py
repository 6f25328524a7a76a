"""The shipped sweep `exponents`: when every degree is learnt, over decades of epsilon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import exponent
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.sweep import logspace, sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    low, high, points = parameters["epsilons"]
    swept = sweep("exponents", {"dynamics.epsilon": logspace(low, high, points)}, engine="serial", progress=False)
    epsilon = swept.epsilon.values
    times = swept.measured_time.values
    ratio = swept.measured_over_predicted.values
    small = epsilon <= 1e-6
    # t_1 is epsilon^(1/2) / 4 ln(16 / epsilon) where |sigma_1| = |phi_1| = v = 1
    slope = exponent(epsilon, times[:, 1] / np.log(16 / epsilon)).value
    return Result(
        {
            "predicted": float(np.abs(ratio[small] - 1).max()),
            "slope-0": exponent(epsilon, times[:, 0]).value,
            "slope-1": slope,
            "slope-2": exponent(epsilon[:3], times[:3, 2]).value,
            "control-slope-1": slope,
            "control-slope-2": exponent(epsilon[-3:], times[-3:, 2]).value,
        },
        curves=swept,
        doubts=tuple(dict.fromkeys(text for text in swept.doubts.values.ravel() if text)),
    )


def _draw(result: Result) -> Axes:
    from saddlescope import plot

    return plot.sweep(result.curves, "measured_time")


EXPERIMENT = Experiment(
    title="Sweep: learning times of all degrees over epsilon",
    claim="Degree 0 is learnt at epsilon log 2, degree 1 at epsilon^(1/2) / 4 log(16 / epsilon), degree 2 at a time "
    "that becomes proportional to epsilon^(1/4).",
    source="Berthier, Montanari, Zhou (2023), by the shipped sweep `exponents`",
    criteria=(
        Criterion(
            "predicted",
            "largest |measured / predicted - 1| over all degrees, epsilon <= 1e-6",
            "absolute",
            2e-3,
            "what the prediction leaves out is of order epsilon^(1/2) log(1/epsilon), with factors of a tenth",
            claimed=0.0,
            finite_size="epsilon <= 1e-6",
            power="exponents alone, which are 5 to 80 % off at these epsilon",
        ),
        Criterion(
            "slope-0",
            "slope of T_0",
            "absolute",
            1e-3,
            "level 0 is exact up to epsilon",
            claimed=1.0,
            power="a degree 0 that waits for the first layer",
        ),
        Criterion(
            "slope-1",
            "slope of T_1 / log(16 / epsilon)",
            "absolute",
            2e-3,
            "corrections of order epsilon^(1/2), 1e-2 at the upper end, over nine logarithms",
            claimed=0.5,
            finite_size="epsilon up to 1e-4",
            power="a T_1 without its logarithm: the slope is 0.45 then",
        ),
        Criterion(
            "slope-2",
            "slope of T_2 at the lower end",
            "absolute",
            0.02,
            "corrections of order epsilon^(1/4) log(1/epsilon), 0.02 there",
            claimed=0.25,
            finite_size="epsilon = 1e-12 to 1e-10",
            power="1/3 and 1/2",
        ),
        Criterion(
            "control-slope-1",
            "slope of T_1 / log(16 / epsilon), for that of degree 2",
            "absolute",
            2e-3,
            "the bound of the true row",
            claimed=0.25,
            control=True,
        ),
        Criterion(
            "control-slope-2",
            "slope of T_2 at the upper end, where people run",
            "absolute",
            0.02,
            "the bound of the true row",
            claimed=0.25,
            control=True,
        ),
    ),
    quick={"epsilons": [1e-12, 1e-4, 9]},
    full={"epsilons": [1e-12, 1e-4, 17]},
    run=_run,
    draw=_draw,
)
