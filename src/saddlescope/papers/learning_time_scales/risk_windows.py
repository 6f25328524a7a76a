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
    curves = np.zeros(len(epsilons))
    for i, epsilon in enumerate(epsilons):
        times = order.times(float(epsilon))
        run = solve(MeanFieldFlow(learnt, float(epsilon)), until=2.0)
        # far beyond epsilon, as the first window asks for
        begins = [epsilon**0.75, (1 + margin) * times[1], (1 + margin) * times[2]]
        ends = [(1 - margin) * t for t in times[1:4]]
        for k in _LEVELS:
            at = np.geomspace(begins[k], ends[k], 200)
            risk = np.interp(at, run.time, run["risk"])
            away[i, k] = np.abs(risk - order.heights[k + 1]).max()
        late = run.time > epsilon**0.75
        # a predicted time may be off by as much as the prediction says, which moves what is steep
        moved = 1 + np.nanmax(order.errors(float(epsilon))) * np.linspace(-1, 1, 41)
        predicted = order.risk(np.outer(run.time[late], moved).ravel(), float(epsilon)).reshape(-1, moved.size)
        curves[i] = np.abs(predicted - run["risk"][late, None]).min(axis=1).max()
    ratios = away[-1] / away[0]
    return Result(
        {f"window-{k}": float(away[-1, k]) for k in _LEVELS[:2]}
        | {f"falls-{k}": float(ratios[k]) for k in _LEVELS}
        | {"curve": float(curves[-1]), "control-next": float(away[-1, 0])},
        {"control-next": float(order.heights[1] - order.heights[2])},
        (epsilons, away, curves),
    )


def _draw(result: Result) -> Axes:
    epsilons, away, curves = result.curves
    ax = axes()
    for k in _LEVELS:
        measured(ax, epsilons, away[:, k], k, f"window after degree {k}, to its height")
    measured(ax, epsilons, curves, 4, "to the curve, times within their error")
    return finished(ax, r"$\varepsilon$", "largest distance of the risk", log="xy", columns=2)


def _falls(level: int, claimed: float, reason: str) -> Criterion:
    return Criterion(
        f"falls-{level}",
        f"window after degree {level}: that distance at the smallest epsilon over the one at the largest",
        "at most",
        0.0,
        reason,
        claimed=claimed,
        finite_size="epsilon from 1e-6 to 1e-12 (full: 1e-14)",
        power="a plateau that is not approached: the risk of a degree that comes with its neighbour",
    )


EXPERIMENT = Experiment(
    title="Risk windows of the canonical order",
    claim="Between (1 + D) times the learning time of a degree and (1 - D) times that of the next, the risk tends to "
    "half the sum of the squares of what is not learnt, uniformly, as epsilon tends to 0.",
    source="Berthier, Montanari, Zhou (2023); here D = 0.3",
    criteria=(
        *(
            Criterion(
                f"window-{k}",
                f"largest |risk - height| over the window after degree {k}, at the smallest epsilon",
                "absolute",
                within,
                reason,
                claimed=0.0,
                finite_size="epsilon = 1e-12",
                power="a height with another degree in it: these are half a unit apart",
            )
            for k, within, reason in (
                (
                    0,
                    0.03,
                    "at 0.7 t_1 the logistic curve has moved by (4 epsilon^(-1/2))^(-0.3) = 0.01: three times that",
                ),
                (
                    1,
                    0.01,
                    "at 1.3 t_1 that squared is left, and degree 2 begins with epsilon^(1/4) = 1e-3 to some power",
                ),
            )
        ),
        _falls(0, 0.2, "epsilon^(0.15), 0.126 over six decades"),
        _falls(1, 0.2, "at least as fast as for the first"),
        _falls(2, 0.6, "degrees 2 and 3 part only as epsilon^(1/12), 0.32 over six decades"),
        Criterion(
            "curve",
            "largest distance of the risk to the predicted curve after epsilon^(3/4); predicted times may be "
            "off by what they say themselves",
            "absolute",
            0.01,
            "half a percent of the height 2 for what the composite of two levels leaves between them",
            claimed=0.0,
            finite_size="epsilon = 1e-12",
            power="a jump in the form of a step, or of another width",
        ),
        Criterion(
            "control-next",
            "the distance in the window after degree 0, beside what the height after degree 1 would give",
            "absolute",
            0.03,
            "the bound of the true row",
            control=True,
        ),
    ),
    quick={"epsilons": [1e-6, 1e-9, 1e-12], "margin": 0.3},
    full={"epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14], "margin": 0.3},
    run=_run,
    draw=_draw,
)
