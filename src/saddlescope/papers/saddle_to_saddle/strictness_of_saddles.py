"""Minima of narrow networks are saddles of wide ones; at depth 2 strict, deeper not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import LeastSquares, balanced_start, hessian_extremes
from saddlescope.deep_linear.network.layers import include
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MODES = (3.0, 2.0, 1.0)


def _run(parameters: Mapping[str, Any]) -> Result:
    S = reference_target()
    cost = LeastSquares(S)
    U, s, Vt = np.linalg.svd(S)
    lowest = {}
    for depth in parameters["depths"]:
        for rank in (1, 2):
            A = (U[:, :rank] * s[:rank]) @ Vt[:rank]
            alone = balanced_start(A, depth, rank)
            wide = include(alone, parameters["width"])
            lowest[depth, rank] = float(hessian_extremes(cost, wide)[0][0])
    # a mode learnt in place of a stronger one: strict at any depth
    wrong = {}
    for depth in parameters["depths"]:
        A = s[1] * np.outer(U[:, 1], Vt[1])
        wrong[depth] = float(hessian_extremes(cost, include(balanced_start(A, depth, 1), parameters["width"]))[0][0])
    deep = [value for (depth, _), value in lowest.items() if depth > 2]
    return Result(
        {
            "strict-1": lowest[2, 1],
            "strict-2": lowest[2, 2],
            "deep": min(deep),
            "wrong": wrong[3],
            "control-deep": min(deep),
        },
        curves=(parameters["depths"], lowest, wrong),
    )


def _draw(result: Result) -> Axes:
    depths, lowest, wrong = result.curves
    ax = axes()
    for number, rank in enumerate((1, 2)):
        measured(ax, depths, [lowest[depth, rank] for depth in depths], number, f"strongest {rank} learnt")
        predicted(ax, depths, [-_MODES[rank] if depth == 2 else 0.0 for depth in depths])
    measured(ax, depths, [wrong[depth] for depth in depths], 3, "second mode learnt first")
    claims = [min(-(_MODES[1] ** ((depth - 2) / depth)), -3.0 if depth == 2 else 0.0) for depth in depths]
    predicted(ax, depths, claims)
    ax.set_xticks(depths)
    return finished(ax, "depth $L$", "lowest eigenvalue of the Hessian")


_EXACT = "closed form, computed in float64"

EXPERIMENT = Experiment(
    title="Strictness of the saddles",
    claim="A minimum of a narrow network is a saddle of a wider one. At depth 2 it is strict, with lowest eigenvalue "
    "-s_j of the next mode; at greater depth the saddles on the path have no negative curvature at all.",
    source="Jacot et al. (2021), saddles and their strictness; eigenvalues in closed form",
    criteria=(
        Criterion(
            "strict-1",
            "depth 2, rank 1: lowest eigenvalue",
            "relative",
            1e-8,
            _EXACT,
            claimed=-2.0,
            power="half or twice the curvature",
        ),
        Criterion(
            "strict-2",
            "depth 2, rank 2: lowest eigenvalue",
            "relative",
            1e-8,
            _EXACT,
            claimed=-1.0,
            power="the mode learnt before",
        ),
        Criterion(
            "deep",
            "depths 3 and up: lowest eigenvalue",
            "absolute",
            1e-9,
            _EXACT,
            claimed=0.0,
            power="strict saddles at any depth",
        ),
        Criterion(
            "wrong",
            "depth 3, second mode learnt without the first: lowest eigenvalue",
            "relative",
            1e-8,
            "-s_i^((L-2)/L) (s_j - s_i) = -2^(1/3)",
            claimed=-(2 ** (1 / 3)),
            power="an eigenvalue without the factor of the layers that are learnt already, -1",
        ),
        Criterion(
            "control-deep",
            "depths 3 and up: lowest eigenvalue, beside -1 of strict saddles",
            "absolute",
            1e-9,
            "the bound of the true row",
            claimed=-1.0,
            control=True,
        ),
    ),
    quick={"depths": [2, 3, 4], "width": 4},
    full={"depths": [2, 3, 4, 5], "width": 10},
    run=_run,
    draw=_draw,
)
