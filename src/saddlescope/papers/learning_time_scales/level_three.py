"""Level 3 after level 2: its own scale, at the epsilon that can be run, and a drift that no one has derived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _slope(epsilons: np.ndarray, times: np.ndarray) -> float:
    return float(np.polyfit(np.log(epsilons[-2:]), np.log(times[-2:]), 1)[0])


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt = problem([1.0, -1.0, 1.0, 1.0])
    order = canonical_order(learnt, levels=3)
    epsilons = np.array(parameters["epsilons"])
    expected = np.array([order.times(float(e)) for e in epsilons])
    runs = [
        solve(MeanFieldFlow(learnt, float(e)), until=3 * float(times[3]))
        for e, times in zip(epsilons, expected, strict=True)
    ]
    times = np.array([learning_times(run) for run in runs])
    after = _slope(epsilons, times[:, 3] - times[:, 2])
    third = _slope(epsilons, times[:, 3])
    return Result(
        {
            "time": float(np.abs(times[:, 3] / expected[:, 3] - 1).max()),
            "separate": float(times[-1, 3] / times[-1, 2]),
            "after": after,
            "slope": third,
            "control-quarter": third,
            "control-sixth": after,
        },
        curves=(epsilons, times, expected),
        doubts=tuple(dict.fromkeys(doubt for run in runs for doubt in run.doubts)),
    )


def _draw(result: Result) -> Axes:
    epsilons, times, expected = result.curves
    left, right = two_axes()
    for k in (2, 3):
        measured(left, epsilons, times[:, k], k, f"degree {k}")
        predicted(left, epsilons, expected[:, k])
    finished(left, r"$\varepsilon$", "learning time", log="xy", columns=3)
    gap = times[:, 3] - times[:, 2]
    measured(right, epsilons, gap, 4, "$T_3 - T_2$")
    predicted(right, epsilons, gap[-1] * (epsilons / epsilons[-1]) ** 0.1763, "power 0.1763")
    finished(right, r"$\varepsilon$", "$T_3 - T_2$", log="xy", columns=2)
    return left


EXPERIMENT = Experiment(
    title="Level 3: its own scale, with a drift",
    claim="For uniform weights and link (1, -1, 1, 1) degree 3 is learnt by itself after degree 2, when the flow says "
    "so; the conjectured power epsilon^(1/6) is not what weights with a density show: T_3 - T_2 falls with the power "
    "0.176.",
    source="Berthier, Montanari, Zhou (2023), conjecture on higher levels; the drift measured by us",
    criteria=(
        Criterion(
            "time",
            "largest |T_3 / prediction - 1| over the runs",
            "absolute",
            1e-3,
            "nodes beyond degree 2 are good to 3e-4",
            claimed=0.0,
            finite_size="epsilon from 1e-8 down",
            power="a degree 3 that starts anew after degree 2, without what its leaders carry",
        ),
        Criterion(
            "separate",
            "T_3 over T_2 at the smallest epsilon, at least",
            "at least",
            0.0,
            "twice as late",
            claimed=2.0,
            power="a degree 3 that follows degree 2 at once",
        ),
        Criterion(
            "after",
            "local power of epsilon in T_3 - T_2, beside that at 1e-14 to 1e-20 of an earlier direct run",
            "absolute",
            0.004,
            "it has settled to 4e-4 from 1e-14 on; no theory gives it",
            claimed=0.1763,
            finite_size="epsilon from 1e-12 to 1e-14",
            power="the power 1/6 of the conjecture",
        ),
        Criterion(
            "slope",
            "local power of epsilon in T_3 itself, below that of T_2",
            "at most",
            0.0,
            "two fifths of the way to 1/6 at least",
            claimed=0.217,
            power="a degree 3 on the scale of degree 2",
        ),
        Criterion(
            "control-quarter",
            "local power of epsilon in T_3, beside 1/4",
            "absolute",
            0.03,
            "far wider than the true rows",
            claimed=0.25,
            control=True,
        ),
        Criterion(
            "control-sixth",
            "local power of epsilon in T_3 - T_2, beside 1/6",
            "absolute",
            0.004,
            "the bound of the true row",
            claimed=1 / 6,
            control=True,
        ),
    ),
    quick={"epsilons": [1e-12, 1e-14]},
    full={"epsilons": [1e-8, 1e-10, 1e-12, 1e-14, 1e-16]},
    run=_run,
    draw=_draw,
)
