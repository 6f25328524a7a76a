"""One run: plateaus at the predicted heights, on separated time-scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times, plateaus
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt = problem(parameters["link"])
    order = canonical_order(learnt, levels=3)
    epsilon = parameters["epsilon"]
    trajectory = solve(MeanFieldFlow(learnt, epsilon), until=3 * float(order.times(epsilon)[-1]))
    heights = np.array([plateau.height for plateau in plateaus(trajectory)])
    # the last height is zero: all is learnt
    errors = [float(np.abs(heights / h - 1).min()) for h in order.heights[:-1]]
    times = learning_times(trajectory)
    return Result(
        measured={
            "heights": max(errors),
            "separation": float(np.log10(times[1:] / times[:-1]).min()),
            "end": float(trajectory["risk"][-1] / trajectory["risk"][0]),
        },
        curves=(trajectory, order),
        doubts=trajectory.doubts,
    )


def _draw(result: Result) -> Axes:
    from saddlescope.plot import ladder

    return ladder(*result.curves)


EXPERIMENT = Experiment(
    title="Plateaus in one run",
    claim="With a fast second layer the risk comes down a ladder: it rests at half the sum of the squares of the "
    "link's coefficients not learnt yet, and drops from one such height to the next on separated time-scales.",
    source="Berthier, Montanari, Zhou (2023)",
    criteria=(
        Criterion(
            "heights",
            "largest relative distance of a predicted height to the nearest plateau found",
            "absolute",
            0.05,
            "a plateau found is the median of the risk over it",
            claimed=0.0,
            finite_size="epsilon = 1e-16 (full: 1e-18): degrees 2 and 3 part only by epsilon^(1/12) = 0.046 "
            "(0.03); at 1e-12, "
            "where this is 0.1, the last plateau is 7 % too high, at 1e-8 it is not flat enough to be found",
        ),
        Criterion(
            "separation",
            "decades between the learning times of neighbouring degrees, at least",
            "at least",
            0.0,
            "a quarter of a decade is the shortest stretch that counts as a plateau",
            claimed=0.25,
        ),
        Criterion(
            "end", "risk at the end, relative to its start", "at most", 0.0, "all degrees are learnt", claimed=0.01
        ),
    ),
    quick={"epsilon": 1e-16, "link": [1.0, -1.0, 1.0, 1.0]},
    full={"epsilon": 1e-18, "link": [1.0, -1.0, 1.0, 1.0]},
    run=_run,
    draw=_draw,
)
