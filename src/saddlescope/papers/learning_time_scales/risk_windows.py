"""The definition of the canonical order: in windows of time the risk tends to half the sum of what is not learnt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.papers.framework.drawing import axes, finished, measured
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = (0, 1, 2)


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt, margin = problem([1.0, -1.0, 1.0, 1.0]), parameters["margin"]
    order = canonical_order(learnt, levels=3)
    epsilons = np.array(parameters["epsilons"])
    away = np.zeros((len(epsilons), len(_LEVELS)))
    for i, epsilon in enumerate(epsilons):
        run = solve(MeanFieldFlow(learnt, float(epsilon), tolerance=1e-3), until=2.0)
        times = order.times(float(epsilon))
        # far beyond epsilon, as the first window asks for
        begins = [epsilon**0.75, (1 + margin) * times[1], (1 + margin) * times[2]]
        ends = [(1 - margin) * t for t in times[1:4]]
        for k in _LEVELS:
            at = np.geomspace(begins[k], ends[k], 200)
            risk = np.interp(at, run.time, run["risk"])
            away[i, k] = np.abs(risk - order.heights[k + 1]).max()
    return Result(
        {f"window-{k}": float(away[-1, k]) for k in _LEVELS} | {"falls": float((away[-1] / away[0]).max())},
        curves=(epsilons, away),
    )


def _draw(result: Result) -> Axes:
    epsilons, away = result.curves
    ax = axes()
    for k in _LEVELS:
        measured(ax, epsilons, away[:, k], k, f"after degree {k}")
    return finished(ax, r"$\varepsilon$", "largest distance of the risk\nto its predicted height", log="xy")


def _criterion(level: int, within: float, size: str) -> Criterion:
    return Criterion(
        f"window-{level}",
        f"largest |risk - height| over the window after degree {level}, at the smallest epsilon",
        "absolute",
        within,
        "the definition asks for the limit 0",
        claimed=0.0,
        finite_size=size,
    )


EXPERIMENT = Experiment(
    title="Risk windows of the canonical order",
    claim="Between (1 + D) times the learning time of a degree and (1 - D) times that of the next, the risk tends to "
    "half the sum of the squares of what is not learnt, uniformly, as epsilon tends to 0.",
    source="Berthier, Montanari, Zhou (2023); here D = 0.3",
    criteria=(
        _criterion(0, 0.05, "epsilon = 1e-12; at 0.7 t_1 the logistic curve has moved by epsilon^0.15 = 0.016"),
        _criterion(1, 0.1, "epsilon = 1e-12; at 1.3 t_1 the logistic has epsilon^0.15 = 0.016 left, degree 2 begins"),
        _criterion(
            2, 0.2, "epsilon = 1e-12; degree 3 has begun, its window is open by epsilon^(-1/12) = 10 before margins"
        ),
        Criterion(
            "falls",
            "that distance at the smallest epsilon over the one at the largest, worst window",
            "at most",
            0.0,
            "what tends to 0 falls: by a fifth at least over six decades",
            claimed=0.8,
        ),
    ),
    quick={"epsilons": [1e-6, 1e-9, 1e-12], "margin": 0.3},
    full={"epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14], "margin": 0.3},
    run=_run,
    draw=_draw,
)
