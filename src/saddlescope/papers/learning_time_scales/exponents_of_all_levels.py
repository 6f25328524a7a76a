"""All levels over epsilon: the exponents 1, 1/2 (with a logarithm), 1/4, 1/6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times, local_exponents
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt = problem([1.0, -1.0, 1.0, 1.0])
    order = canonical_order(learnt, levels=3)
    epsilons = np.array(parameters["epsilons"])
    runs = [solve(MeanFieldFlow(learnt, float(e), tolerance=1e-3), until=2.0) for e in epsilons]
    times = np.array([learning_times(run) for run in runs])
    expected = np.array([order.times(float(e)) for e in epsilons])

    def slope(values: np.ndarray) -> float:
        return float(local_exponents(epsilons, values)[1][0])

    return Result(
        {
            "degree-0": slope(times[:, 0]),
            "degree-1": slope(times[:, 1]),
            "degree-2": slope(times[:, 2]),
            "degree-3": slope(times[:, 3]),
        },
        {"degree-1": slope(expected[:, 1])},
        (epsilons, times, expected),
        tuple(doubt for run in runs for doubt in run.doubts),
    )


def _draw(result: Result) -> Axes:
    epsilons, times, expected = result.curves
    ax = axes()
    for k in range(4):
        measured(ax, epsilons, times[:, k], k, f"degree {k}")
        predicted(ax, epsilons, expected[:, k])
    return finished(ax, r"$\varepsilon$", "learning time $T_k$", log="xy", columns=5)


_SIZE = "epsilon = 1e-14 (full: the same, with more points)"

EXPERIMENT = Experiment(
    title="Exponents of all levels",
    claim="Degree 0 is learnt at a time of order epsilon, degree 1 at epsilon^(1/2) log(1/epsilon), degree l at "
    "epsilon^(1/(2l)).",
    source="Berthier, Montanari, Zhou (2023)",
    criteria=(
        Criterion(
            "degree-0", "local exponent of T_0", "absolute", 0.001, "the corrections are of order epsilon", claimed=1.0
        ),
        Criterion(
            "degree-1",
            "local exponent of T_1, beside that of t_1 with its logarithm",
            "absolute",
            0.005,
            "degrees above 1 act back at the order epsilon^(1/4) of the overlaps",
            finite_size=f"{_SIZE}, epsilon^(1/4) = 3e-4",
        ),
        Criterion(
            "degree-2",
            "local exponent of T_2",
            "absolute",
            0.02,
            "the width of the jump is of relative order epsilon^(1/8)",
            claimed=0.25,
            finite_size=f"{_SIZE}, epsilon^(1/8) = 0.02; at 1e-10 it is 0.275",
        ),
        Criterion(
            "degree-3",
            "local exponent of T_3",
            "absolute",
            0.04,
            "the scales of degrees 2 and 3 part only as epsilon^(1/12)",
            claimed=1 / 6,
            finite_size=f"{_SIZE}, epsilon^(1/12) = 0.07; at 1e-10 it is 0.207",
        ),
    ),
    quick={"epsilons": [1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14]},
    full={"epsilons": [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14]},
    run=_run,
    draw=_draw,
)
