"""Level 3: after the blow-up of degree 2 the next rescaled flow blows up in turn, on its own scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import check_canonical_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    check = check_canonical_order(problem([1.0, -1.0, 1.0, 1.0]), levels=3, epsilons=parameters["epsilons"], until=2.0)
    row = check.rows[3]
    return Result(
        {"canonical": row.verdict, "exponent": row.local, "time": float(row.measured[-1])},
        {"time": float(row.predicted[-1])},
        (check.epsilons, row.measured, row.predicted),
        check.doubts,
    )


def _draw(result: Result) -> Axes:
    epsilons, times, expected = result.curves
    ax = axes()
    measured(ax, epsilons, times / epsilons ** (1 / 6), 3, "measured")
    predicted(ax, epsilons, expected / epsilons ** (1 / 6), "blow-up of the rescaled flow")
    ax.set_ylim(0, 1.3 * float(np.max(np.append(times, expected) / np.tile(epsilons, 2) ** (1 / 6))))
    return finished(ax, r"$\varepsilon$", r"$T_3 / \varepsilon^{1/6}$", log="x")


EXPERIMENT = Experiment(
    title="Level 3: its own scale",
    claim="For uniform weights and link (1, -1, 1, 1) the order goes on: degree 3 is learnt by itself at a time of "
    "order epsilon^(1/6).",
    source="Berthier, Montanari, Zhou (2023), conjecture on higher levels",
    criteria=(
        Criterion("canonical", "verdict on level 3", "equal", 0.0, "the exponents decide", claimed="canonical"),
        Criterion(
            "exponent",
            "local exponent of T_3 at the smallest epsilon",
            "absolute",
            0.03,
            "half-way to the scale 1/4 of degree 2 would be 0.042 away",
            claimed=1 / 6,
            finite_size="epsilon = 1e-12 (full: 1e-14), where degree 2 is learnt only epsilon^(1/12) = 0.1 before",
        ),
        Criterion(
            "time",
            "T_3 at the smallest epsilon beside the blow-up of the rescaled flow",
            "relative",
            0.15,
            "the scales of degrees 2 and 3 part as epsilon^(1/12)",
            finite_size="epsilon = 1e-12 (full: 1e-14), epsilon^(1/12) = 0.1 (0.07)",
        ),
    ),
    quick={"epsilons": [1e-8, 1e-10, 1e-12]},
    full={"epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14]},
    run=_run,
    draw=_draw,
)
