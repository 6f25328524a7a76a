"""The phase diagram: how far a start is from the minima and from the saddles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import LeastSquares, distance_grid
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TARGET = (2.0, 1.5, 1.0, 0.5)


def _run(parameters: Mapping[str, Any]) -> Result:
    cost, seeds = LeastSquares(np.diag(_TARGET)), range(parameters["samples"])
    seen: dict[str, Any] = {}
    at = {"widths": parameters["widths"], "seeds": seeds, "workers": 1}  # experiments run beside each other
    shown = distance_grid(cost, 2, gammas=parameters["gammas"], **at)
    grids = [shown]
    for depth in (2, 3, 4):
        grid = distance_grid(cost, depth, gammas=[1 - 1 / depth, 1.5], **at)
        grids.append(grid)
        (near, _), (lazy, rich) = grid.slopes
        seen |= {
            f"lazy-minimum-{depth}": float(near),
            f"lazy-saddle-{depth}": float(lazy),
            f"rich-saddle-{depth}": float(rich),
            # d_m tends to a constant from below: what is missing falls
            f"rich-minimum-{depth}": float(grid.shortfall_slopes[1]),
        }
    seen["control-gamma"] = seen["rich-saddle-2"]
    doubts = dict.fromkeys(doubt for grid in grids for doubt in grid.doubts)  # each once
    return Result(seen, curves=shown, doubts=tuple(doubts))


def _draw(result: Result) -> Axes:
    from saddlescope.plot import phase_diagram

    return phase_diagram(result.curves)[0]


_SIZE = (
    "widths 32 to 512 (full: 64 to 1024), corrections of relative order width^(-1/2), and 12 starts (8), a scatter "
    "of 0.03 in a slope; slopes from width 16 on are off by up to 0.12"
)


def _criteria(depth: int) -> tuple[Criterion, ...]:
    gamma = 1 - 1 / depth
    wordings = (
        ("lazy-minimum", f"gamma = {gamma:.3g}: power of the width in d_m", -(1 - gamma) * (depth - 1) / 2),
        ("lazy-saddle", f"gamma = {gamma:.3g}: power of the width in d_s", (1 - gamma) / 2),
        ("rich-saddle", "gamma = 1.5: power of the width in d_s", -0.25),
        ("rich-minimum", "gamma = 1.5: power of the width in what d_m lacks to its limit", -0.25),
    )
    return tuple(
        Criterion(
            f"{name}-{depth}",
            f"depth {depth}, {words}",
            "absolute",
            0.03 if name.startswith("lazy-saddle") else 0.06,
            "a relative correction of width^(-1/2) moves a fitted slope over a factor of 16 in width by up to 0.06; "
            "to a "
            "saddle the two outer layers alone count, and it is 0.02",
            claimed=value,
            finite_size=_SIZE,
            power="the power of another depth or gamma: neighbours are 0.04 to 0.12 apart"
            + ("; the distance is an upper bound for L > 2" if name == "lazy-saddle" and depth > 2 else ""),
        )
        for name, words, value in wordings
    )


EXPERIMENT = Experiment(
    title="Distances at the start",
    claim="Entries N(0, w^-gamma): for gamma < 1 a start is nearer to a minimum, at w^(-(1-gamma)(L-1)/2), than to a "
    "saddle, at w^((1-gamma)/2); for gamma > 1 nearer to a saddle, at w^(-(gamma-1)/2), than to a minimum, at order 1.",
    source="Jacot et al. (2021), phase diagram",
    criteria=(
        *(criterion for depth in (2, 3, 4) for criterion in _criteria(depth)),
        Criterion(
            "control-gamma",
            "depth 2, gamma = 1.5: power of the width in d_s, beside that of gamma = 1.75",
            "absolute",
            0.06,
            "the bound of the true row",
            claimed=-0.375,
            control=True,
        ),
    ),
    quick={"gammas": [0.5, 0.75, 1.0, 1.25, 1.5], "widths": [32, 128, 512], "samples": 12},
    full={
        "gammas": [0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5],
        "widths": [64, 128, 256, 512, 1024],
        "samples": 8,
    },
    run=_run,
    draw=_draw,
)
