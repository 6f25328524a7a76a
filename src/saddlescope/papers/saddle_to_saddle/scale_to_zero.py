"""Jump times as the scale of the start goes to zero."""

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
    scaled = []
    for scale in scales:
        until = 1.3 * float(limit.times(float(scale))[-1])
        run = solve(DeepLinearFlow(cost, 4, 100, 2.0, float(scale), seed=100), until, rtol=1e-7)
        # a jump is where the cost is half-way from saddle to saddle
        half = 0.5 * (limit.costs[1:] + limit.costs[:-1])
        scaled.append(np.interp(-half, -run["cost"], run.time) * scale**2)
    scaled = np.array(scaled)
    seen = {f"jump-{k + 1}": float(scaled[-1, k]) for k in range(3)}
    gaps = np.abs(scaled / limit.jump_times - 1)
    power = float(np.log(scaled[-1, 0] / scaled[-2, 0]) / np.log(scales[-1] / scales[-2])) - 2
    return Result(
        seen | {"falls": bool(np.all(gaps[-1] < gaps[0])), "power": power, "control-depth": power},
        {f"jump-{k + 1}": float(limit.jump_times[k]) for k in range(3)},
        (scales, scaled, limit.jump_times),
    )


def _draw(result: Result) -> Axes:
    scales, scaled, expected = result.curves
    left, right = two_axes()
    for k in range(3):
        measured(left, scales, scaled[:, k], k, f"jump {k + 1}")
        predicted(left, scales, np.full(len(scales), expected[k]), "limit")
        measured(right, scales, np.abs(scaled[:, k] / expected[k] - 1), k, f"jump {k + 1}")
    left.set_ylim(0, 1.15 * max(scaled.max(), expected.max()))
    finished(left, r"scale $\alpha$ of the start", r"$\alpha^{2} \times$ jump time", log="x")
    finished(right, r"scale $\alpha$ of the start", "relative distance to the limit", log="xy")
    return left


EXPERIMENT = Experiment(
    title="Jump times as the start shrinks",
    claim="At depth L the waiting time at every saddle grows like scale^-(L-2), with limits that depend on the start "
    "only through its direction.",
    source="Jacot et al. (2021), escape times",
    criteria=(
        *(
            Criterion(
                f"jump-{k}",
                f"scale^2 times jump time {k} at the smallest scale, beside its limit",
                "relative",
                0.02,
                "what a jump itself takes, a time of order 1, is scale^2 on this clock; the product is off by powers "
                "of the scale",
                finite_size="scale 1/16 (full: 1/64), scale^2 = 4e-3 (2e-4), compression to 1e-4",
                power="a waiting time of the aligned start alone, which forgets the time of turning",
            )
            for k in (1, 2, 3)
        ),
        Criterion(
            "falls",
            "the distance to the limit falls with the scale",
            "equal",
            0.0,
            "a limit",
            claimed=True,
            power="limits that are near by luck at one scale",
        ),
        Criterion(
            "power",
            "power of the scale in the first jump time, between the two smallest scales",
            "absolute",
            0.02,
            "corrections of order scale^2, 0.016 at 1/8, over a factor of 2",
            claimed=-2.0,
            finite_size="scales 1/8 and 1/16 (full: 1/32 and 1/64)",
            power="the power of another depth, -1 or -3",
        ),
        Criterion(
            "control-depth",
            "that power, beside that of depth 3",
            "absolute",
            0.02,
            "the bound of the true row",
            claimed=-1.0,
            control=True,
        ),
    ),
    quick={"scales": [0.5, 0.25, 0.125, 0.0625]},
    full={"scales": [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]},
    run=_run,
    draw=_draw,
)
