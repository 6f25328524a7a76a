"""Finite dimension: how the limit is approached, and what happens where the limit learns nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.gaussian import Uniform
from saddlescope.measure import exponent, learning_times
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import ACTIVATION, EDGE, problem
from saddlescope.single_index import MeanFieldFlow, NetworkFlow
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


def _hidden_times(parameters: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    """T_2 of a link without degree 1 by log10 of the dimension, and the growth rate of the leading mode."""
    link, m = [1.0, 0.0, 1.0], parameters["hidden_neurons"]
    a = np.array(Uniform(-EDGE, EDGE).sample(m, 0))
    s = np.random.default_rng(0).standard_normal(m)
    times = []
    for power in parameters["hidden_powers"]:
        start = a, s * 10 ** (-power / 2)
        run = solve(MeanFieldFlow(problem(link), parameters["hidden_epsilon"], initial=start), until=40.0)
        times.append(learning_times(run)[2])
    # level 0 shifts all weights to the mean phi_0 / sigma_0; then s' = a (2 sigma_2 phi_2 s - sigma_1^2 <a s>)
    shifted = a - a.mean() + link[0] / ACTIVATION[0]
    growth = np.diag(2 * ACTIVATION[2] * link[2] * shifted) - ACTIVATION[1] ** 2 * np.outer(shifted, shifted) / m
    return np.array(times), float(np.linalg.eigvals(growth).real.max())


def _run(parameters: Mapping[str, Any]) -> Result:
    gaps = _gaps(parameters)
    times, rate = _hidden_times(parameters)
    powers = np.array(parameters["hidden_powers"], dtype=float)
    slope = float(np.polyfit(np.log(10) * powers, times, 1)[0])
    return Result(
        {"approach": exponent(parameters["dimensions"], gaps).value, "hidden": slope},
        {"hidden": 1 / (2 * rate)},
        (np.array(parameters["dimensions"]), gaps, 10.0**powers, times, rate),
    )


def _draw(result: Result) -> Axes:
    dimensions, gaps, hidden, times, rate = result.curves
    left, right = two_axes()
    measured(left, dimensions, gaps, 0, "largest gap in risk")
    predicted(left, dimensions, gaps[-1] * (dimensions[-1] / dimensions) ** 0.5, "power −1/2")
    finished(left, "dimension $d$", "gap to infinite dimension", log="xy", columns=2)
    measured(right, hidden, times, 4, "link without degree 1")
    middle = times.mean() + (np.log(hidden) - np.log(hidden).mean()) / (2 * rate)
    predicted(right, hidden, middle, "slope $1 / 2\\lambda$")
    finished(right, "dimension $d$", "time $T_2$ at which degree 2 is learnt", log="x", columns=2)
    return left


EXPERIMENT = Experiment(
    title="Finite dimension",
    claim="In dimension d neurons start with overlaps of order d^(-1/2): the flow approaches that of infinite "
    "dimension "
    "at this rate; where degree 1 is missing and the limit learns nothing, degree 2 is learnt after a time log d.",
    source="Berthier, Montanari, Zhou (2023); Ben Arous, Gheissari, Jagannath (2021) on the logarithm",
    criteria=(
        Criterion(
            "approach",
            "power of d in the largest gap in risk",
            "absolute",
            0.15,
            "overlaps of relative size d^(-1/2); a root mean square over few starts scatters by a tenth",
            claimed=-0.5,
            finite_size="d from 100 to 10^4 or 10^5, one or two starts in ten decide",
        ),
        Criterion(
            "hidden",
            "slope of T_2 in log d, beside 1 / (2 growth rate) of the leading mode",
            "relative",
            0.05,
            "the same start is scaled, so that only the escape from it depends on d; the leading neuron alone then "
            "learns degree 2 within a time m epsilon, which must be short against 1 / rate",
            finite_size="d from 10^8 to 10^16, epsilon = 1e-3, m = 10 (full: 20); with m epsilon = 20 others join in, "
            "and it is 15 % off",
        ),
    ),
    quick={
        "dimensions": [100, 1000, 10000],
        "seeds": 4,
        "neurons": 20,
        "hidden_powers": [8, 10, 12, 14, 16],
        "hidden_neurons": 10,
        "hidden_epsilon": 1e-3,
    },
    full={
        "dimensions": [100, 300, 1000, 3000, 10000, 100000],
        "seeds": 10,
        "neurons": 40,
        "hidden_powers": [8, 9, 10, 11, 12, 13, 14, 15, 16],
        "hidden_neurons": 20,
        "hidden_epsilon": 1e-3,
    },
    run=_run,
    draw=_draw,
)
