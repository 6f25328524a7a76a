"""How much the tangent kernel changes, over the width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import regime
from saddlescope.measure import exponent
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.saddle_to_saddle._completion import small_completion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLAIMS = {"lazy": (2 / 3, -1.0), "mean-field": (1.0, 0.0), "rich": (1.5, 1.0)}


def _run(parameters: Mapping[str, Any]) -> Result:
    cost, widths = small_completion(), np.array(parameters["widths"])
    changes = {
        name: np.array([regime(cost, 3, int(w), gamma, seed=0).kernel_change for w in widths])
        for name, (gamma, _) in _CLAIMS.items()
    }
    powers = {name: exponent(widths, change).value for name, change in changes.items()}
    return Result(
        powers | {"control-depth": powers["rich"]},
        curves=(widths, changes),
    )


def _draw(result: Result) -> Axes:
    widths, changes = result.curves
    ax = axes()
    for number, (name, change) in enumerate(changes.items()):
        gamma, power = _CLAIMS[name]
        measured(ax, widths, change, number, rf"$\gamma$ = {gamma:.3g}")
        predicted(ax, widths, change[-1] * (widths / widths[-1]) ** power, "predicted power")
    return finished(ax, "width $w$", "relative change of the tangent kernel", log="xy")


EXPERIMENT = Experiment(
    title="Change of the tangent kernel",
    claim="At depth L the tangent kernel changes, relative to itself, by the power -L (1 - gamma) of the width for "
    "gamma < 1, by its own order at gamma = 1, and by the power (L - 1)(gamma - 1) for gamma > 1.",
    source="Jacot et al. (2021), regimes; powers for L = 3 by the scaling of weights and product",
    criteria=(
        *(
            Criterion(
                name,
                f"gamma = {gamma:.3g}: power of the width",
                "absolute",
                0.15,
                "relative corrections of order width^(-1/2) over a factor of 8 in width",
                claimed=power,
                finite_size="depth 3, widths 50 to 400 (full: 1600), one start each",
                power="the powers of depth 2, -2 (1 - gamma) = -0.67 and gamma - 1 = 0.5",
            )
            for name, (gamma, power) in _CLAIMS.items()
        ),
        Criterion(
            "control-depth",
            "gamma = 1.5: power of the width, beside that of depth 2",
            "absolute",
            0.15,
            "the bound of the true row",
            claimed=0.5,
            control=True,
        ),
    ),
    quick={"widths": [50, 100, 200, 400]},
    full={"widths": [50, 100, 200, 400, 800, 1600]},
    run=_run,
    draw=_draw,
)
