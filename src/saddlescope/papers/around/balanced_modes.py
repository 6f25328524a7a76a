"""Balanced, aligned starts: every mode follows a closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, balanced_mode, balanced_start
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMALL = 0.01  # strength of every mode at the start


def _run(parameters: Mapping[str, Any]) -> Result:
    S = reference_target()
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    seen, curves = {}, []
    for depth, until in zip(parameters["depths"], parameters["until"], strict=True):
        start = balanced_start(_SMALL * U @ Vt, depth, 5)
        run = solve(DeepLinearFlow(LeastSquares(S), initial=start), until, rtol=parameters["rtol"])
        exact = balanced_mode(run.time[:, None], s, _SMALL, depth)
        seen[f"depth-{depth}"] = float(np.abs(run["singular_values"] - exact).max())
        if depth == 3:
            wrong = balanced_mode(run.time[:, None], s, _SMALL, 2)
            seen["control-depth"] = float(np.abs(run["singular_values"] - wrong).max())
        curves.append((depth, run.time, run["singular_values"], exact))
    return Result(seen, curves=curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (depth, time, singular_values, exact) in enumerate(result.curves):
        late = time > 0
        for k in range(singular_values.shape[1]):
            name = f"L = {depth}" if k == 0 else "_"
            measured(ax, time[late], singular_values[late, k], number, name, points=False)
            predicted(ax, time[late], exact[late, k], "closed form")
    return finished(ax, "time $t$", "strength of the modes", log="x")


EXPERIMENT = Experiment(
    title="Balanced starts in closed form",
    claim="From a balanced start aligned with the target, every mode is learnt by itself along "
    "da/dt = L a^(2 - 2/L) (s - a), strong ones first.",
    source="Saxe, McClelland, Ganguli (2013)",
    criteria=(
        *(
            Criterion(
                f"depth-{depth}",
                f"depth {depth}: largest distance of a singular value to the closed form",
                "absolute",
                1e-4,
                "integrated at 1e-9, with jump times to 2e-6 of themselves and slopes up to 10",
                claimed=0.0,
                power="a rate without its factor L, or with the power of another depth",
            )
            for depth in (2, 3, 4)
        ),
        Criterion(
            "control-depth",
            "depth 3: the same distance to the closed form of depth 2",
            "absolute",
            1e-4,
            "the bound of the true rows",
            claimed=0.0,
            control=True,
        ),
    ),
    quick={"depths": [2, 3, 4], "until": [6.0, 12.0, 40.0], "rtol": 1e-9},
    full={"depths": [2, 3, 4], "until": [6.0, 12.0, 40.0], "rtol": 1e-10},
    run=_run,
    draw=_draw,
)
