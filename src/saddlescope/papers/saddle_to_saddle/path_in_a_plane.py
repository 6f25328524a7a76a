"""The trajectory beside the greedy path: seen in a plane, and its distance over the scale of the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, saddle_to_saddle_limit
from saddlescope.deep_linear.problem.reference_problems import reference_completion
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    cost = reference_completion()
    limit = saddle_to_saddle_limit(cost, 4, 100, 2.0, seed=100)
    scales = np.array(parameters["scales"])
    away, shown = [], None
    for scale in scales:
        until = 1.3 * float(limit.times(float(scale))[-1])
        run = solve(DeepLinearFlow(cost, 4, 100, 2.0, float(scale), seed=100), until, rtol=1e-7)
        away.append(limit.distances(run["product"]))
        shown = shown or run
    away = np.array(away)
    powers = [float(np.polyfit(np.log(scales[-2:]), np.log(away[-2:, k]), 1)[0]) for k in range(3)]
    return Result(
        {f"segment-{k + 1}": powers[k] for k in range(3)} | {"control-first": powers[0]},
        {f"segment-{k + 1}": float(limit.exponents[k]) for k in range(3)},
        (shown, limit, scales, away),
    )


def _draw(result: Result) -> Axes:
    from saddlescope.plot import plane

    run, limit, scales, away = result.curves
    left, right = two_axes()
    plane(run, limit, left)
    # half a page wide: room for names at the sides, legend in two lines
    begin, end = left.get_xlim()
    left.set_xlim(begin - 0.1 * (end - begin), end + 0.1 * (end - begin))
    left.legend(loc="lower left", bbox_to_anchor=(0.0, 1.02), ncols=2, frameon=False, fontsize=12)
    for k in range(away.shape[1]):
        measured(right, scales, away[:, k], k, f"segment {k + 1}")
        predicted(right, scales, away[-1, k] * (scales / scales[-1]) ** limit.exponents[k], "predicted power")
    finished(right, r"scale $\alpha$ of the start", "largest distance to the path", log="xy", columns=2)
    return left


EXPERIMENT = Experiment(
    title="The trajectory beside the greedy path",
    claim="As the start shrinks, the trajectory tends to the path of the greedy algorithm; its distance falls, segment "
    "by segment, with the power 1 - s_2/s_1 of the scale, of the gradient at the saddle left.",
    source="Jacot et al. (2021); the power from the linearised alignment",
    criteria=(
        *(
            Criterion(
                f"segment-{k}",
                f"power of the scale in the distance to segment {k}",
                "absolute",
                0.1,
                "the other modes' prefactors still move between two scales; at later saddles also by the earlier "
                "distances",
                finite_size="scales 1/4 to 1/16 (full: 1/64), slope between the two smallest",
                power="a distance of first order in the scale; the ratio of the wrong gradient",
            )
            for k in (1, 2, 3)
        ),
        Criterion(
            "control-first",
            "power of the scale in the distance to segment 1, beside 1",
            "absolute",
            0.1,
            "the bound of the true row",
            claimed=1.0,
            control=True,
        ),
    ),
    quick={"scales": [1.0, 0.25, 0.0625]},
    full={"scales": [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]},
    run=_run,
    draw=_draw,
)
