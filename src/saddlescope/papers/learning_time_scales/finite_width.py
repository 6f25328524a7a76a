"""Finite width: sampled neurons scatter the time of degree 1 by an amount that has no free parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import exponent, learning_times
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt, epsilon = problem([1.0, -1.0]), parameters["epsilon"]
    widths = np.array(parameters["widths"])
    scatter = []
    for m in widths:
        times = [
            learning_times(solve(MeanFieldFlow(learnt, epsilon, neurons=int(m), seed=seed), until=40 * epsilon**0.5))[1]
            for seed in range(parameters["seeds"])
        ]
        scatter.append(float(np.std(times, ddof=1)))
    # t_1 holds -log(v) epsilon^(1/2) / 2; a sample variance of m uniform numbers has a relative variance of 0.8 / m
    expected = 0.5 * epsilon**0.5 * np.sqrt(0.8 / widths)
    ratio = np.array(scatter) / expected
    return Result(
        {"size": float(np.exp(np.log(ratio).mean())), "exponent": exponent(widths, scatter).value},
        curves=(widths, np.array(scatter), expected),
    )


def _draw(result: Result) -> Axes:
    widths, scatter, expected = result.curves
    ax = axes()
    measured(ax, widths, scatter, 1, "scatter of $T_1$ over samples of neurons")
    predicted(ax, widths, expected, r"$\varepsilon^{1/2} (0.8/m)^{1/2} / 2|\sigma_1\varphi_1|$")
    return finished(ax, "neurons $m$", "standard deviation of $T_1$", log="xy", columns=2)


EXPERIMENT = Experiment(
    title="Finite width",
    claim="With m sampled neurons the law of weights fluctuates, and with it the time at which degree 1 is learnt, "
    "through the variance in its logarithm: by epsilon^(1/2) (0.8 / m)^(1/2) / (2 |sigma_1 phi_1|) for uniform "
    "weights.",
    source="Berthier, Montanari, Zhou (2023), finite m with the formula for t_1; consequence drawn by us",
    criteria=(
        Criterion(
            "size",
            "measured over predicted scatter, geometric mean over m",
            "relative",
            0.15,
            "a standard deviation over n samples is known to (2n)^(-1/2), 0.08 each at n = 80, over three widths 0.05: "
            "three of these",
            claimed=1.0,
            finite_size="m from 50, samples of 80 (full: 400)",
        ),
        Criterion(
            "exponent",
            "power of m",
            "absolute",
            0.15,
            "three errors of 0.08 over a factor of 16 in m",
            claimed=-0.5,
            finite_size="as above",
        ),
    ),
    quick={"epsilon": 1e-6, "widths": [50, 200, 800], "seeds": 80},
    full={"epsilon": 1e-8, "widths": [50, 200, 800, 3200], "seeds": 400},
    run=_run,
    draw=_draw,
)
