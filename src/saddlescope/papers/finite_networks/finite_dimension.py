"""Finite dimension: how the limit is approached, and what happens where the limit learns nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import exponent, learning_times
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import EDGE, problem
from saddlescope.single_index import NetworkFlow, SingleIndex
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _gaps(parameters: Mapping[str, Any]) -> np.ndarray:
    """Largest gap in risk to infinite dimension, root mean square over starts, by dimension."""
    learnt, until, at = problem([1.0, -1.0, 1.0]), 1.5, np.linspace(0, 1.5, 300)
    results = []
    for dimension in parameters["dimensions"]:
        gaps = []
        for seed in range(parameters["seeds"]):
            runs = [
                solve(NetworkFlow(learnt, 0.1, parameters["neurons"], d, seed=seed), until)
                for d in (dimension, float("inf"))
            ]
            near, limit = (np.interp(at, run.time, run["risk"]) for run in runs)
            gaps.append(np.abs(near - limit).max())
        results.append(np.sqrt(np.mean(np.square(gaps))))
    return np.array(results)


def _hidden_times(parameters: Mapping[str, Any]) -> np.ndarray:
    """T_2 of a link without degree 1, by log10 of the dimension: networks that differ in the size of overlaps only."""
    learnt, m = SingleIndex([1.0, 0.0, 1.0], [1.0, 1.0, 0.5]), parameters["hidden_neurons"]
    random = np.random.default_rng(1)
    a, overlap = random.uniform(-EDGE, EDGE, m), random.normal(size=m)
    times = []
    for power in parameters["hidden_powers"]:
        s = overlap * 10 ** (-power / 2)
        start = np.column_stack([s, np.diag(np.sqrt(1 - s**2))])
        run = solve(NetworkFlow(learnt, parameters["hidden_epsilon"], initial=(a, start)), until=30.0)
        times.append(learning_times(run)[2])
    return np.array(times)


def _run(parameters: Mapping[str, Any]) -> Result:
    gaps = _gaps(parameters)
    times = _hidden_times(parameters)
    powers = np.array(parameters["hidden_powers"], dtype=float)
    slope = float(np.polyfit(np.log(10) * powers, times, 1)[0])
    approach = exponent(parameters["dimensions"], gaps).value
    return Result(
        {"approach": approach, "hidden": slope, "control-particles": slope, "control-approach": approach},
        curves=(np.array(parameters["dimensions"]), gaps, 10.0**powers, times),
    )


def _draw(result: Result) -> Axes:
    dimensions, gaps, hidden, times = result.curves
    left, right = two_axes()
    measured(left, dimensions, gaps, 0, "largest gap in risk")
    predicted(left, dimensions, gaps[-1] * (dimensions[-1] / dimensions) ** 0.5, "power −1/2")
    finished(left, "dimension $d$", "gap to infinite dimension", log="xy", columns=2)
    measured(right, hidden, times, 4, "link without degree 1")
    predicted(right, hidden, times.mean() + 0.5 * (np.log(hidden) - np.log(hidden).mean()), "slope 1/2")
    finished(right, "dimension $d$", "time $T_2$ at which degree 2 is learnt", log="x", columns=2)
    return left


EXPERIMENT = Experiment(
    title="Finite dimension",
    claim="In dimension d neurons start with overlaps of order d^(-1/2): the flow approaches that of infinite "
    "dimension at this rate; where degree 1 is missing and the limit learns nothing, degree 2 is learnt after a time "
    "of "
    "slope sigma_0 / (4 sigma_2 phi_2 phi_0) in log d.",
    source="Berthier, Montanari, Zhou (2023); Ben Arous, Gheissari, Jagannath (2021) on the logarithm; slope by us",
    criteria=(
        Criterion(
            "approach",
            "power of d in the largest gap in risk",
            "absolute",
            0.15,
            "overlaps of relative size d^(-1/2); a root mean square over few starts scatters by a tenth",
            claimed=-0.5,
            finite_size="d from 100 to 10^4 or 10^5, one or two starts in ten decide",
            power="a gap of order 1/d",
        ),
        Criterion(
            "hidden",
            "slope of T_2 in log d",
            "relative",
            0.06,
            "weights meet at their mean only after a time m epsilon = 0.2, and by then have moved by epsilon m of "
            "themselves: 0.02, three times",
            claimed=0.5,
            finite_size="d from 10^6 to 10^12, epsilon = 1e-2, 20 neurons",
            power="neurons that keep their spread of weights, and of which the fastest leads",
        ),
        Criterion(
            "control-particles",
            "that slope, beside the growth rate of the leading mode among mean-field particles",
            "relative",
            0.06,
            "the bound of the true row",
            claimed=0.205,
            control=True,
        ),
        Criterion(
            "control-approach",
            "power of d in the gap, beside -1",
            "absolute",
            0.15,
            "the bound of the true row",
            claimed=-1.0,
            control=True,
        ),
    ),
    quick={
        "dimensions": [100, 1000, 10000],
        "seeds": 4,
        "neurons": 20,
        "hidden_powers": [6, 8, 10, 12],
        "hidden_neurons": 20,
        "hidden_epsilon": 1e-2,
    },
    full={
        "dimensions": [100, 300, 1000, 3000, 10000, 100000],
        "seeds": 10,
        "neurons": 40,
        "hidden_powers": [6, 7, 8, 9, 10, 11, 12],
        "hidden_neurons": 20,
        "hidden_epsilon": 1e-2,
    },
    run=_run,
    draw=_draw,
)
