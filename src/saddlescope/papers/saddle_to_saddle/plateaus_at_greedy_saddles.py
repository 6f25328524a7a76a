"""The plateaus of a run beside the saddles of the greedy algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, saddle_to_saddle_limit
from saddlescope.deep_linear.problem.reference_problems import reference_completion
from saddlescope.measure import effective_rank
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    cost = reference_completion()
    limit = saddle_to_saddle_limit(cost, 4, 100, 2.0, seed=100)
    until = 1.15 * float(limit.times(parameters["scale"])[-1])
    run = solve(DeepLinearFlow(cost, 4, 100, 2.0, parameters["scale"], seed=100), until)
    seen: dict[str, Any] = {"saddles": len(limit.costs)}
    claimed: dict[str, Any] = {}
    for k in (1, 2):
        # a plateau is where the log cost falls slowest between two jumps
        between = (run["cost"] < 0.8 * limit.costs[k - 1] + 0.2 * limit.costs[k]) & (
            run["cost"] > 0.8 * limit.costs[k + 1] + 0.2 * limit.costs[k]
        )
        slowest = np.flatnonzero(between)[np.argmin(-(run["cost_rate"] / run["cost"])[between])]
        seen[f"cost-{k}"], claimed[f"cost-{k}"] = float(run["cost"][slowest]), float(limit.costs[k])
        seen[f"rank-{k}"] = float(effective_rank(run["singular_values"][slowest], kind="participation"))
        true = np.linalg.svd(limit.products[k], compute_uv=False)
        claimed[f"rank-{k}"] = float(effective_rank(true, kind="participation"))
    seen["end"] = float(run["test_error"][-1])
    return Result(seen, claimed, (run, limit), run.doubts)


def _draw(result: Result) -> Axes:
    from saddlescope.plot import descent

    return descent(*result.curves)


_SIZE = "width 100, gamma 2, scale 0.25 (full: 0.0625)"

EXPERIMENT = Experiment(
    title="Plateaus at the saddles of the greedy algorithm",
    claim="From a small start the cost rests at the costs of the saddles that the greedy low-rank algorithm visits: "
    "minima among matrices of rank 0, 1, 2, each left towards the next by one more neuron.",
    source="Jacot et al. (2021)",
    criteria=(
        Criterion("saddles", "points that the greedy algorithm visits", "equal", 0.0, "rank 3 target", claimed=4),
        *(
            Criterion(
                f"cost-{k}",
                f"cost of the run where it is slowest after jump {k}, beside that of saddle {k}",
                "relative",
                1e-3,
                "a start of scale alpha passes a saddle at a distance of a positive power of alpha (product entries "
                "of order alpha^4 w^-2 at least)",
                finite_size=_SIZE,
            )
            for k in (1, 2)
        ),
        *(
            Criterion(
                f"rank-{k}",
                f"participation ratio of the singular values there, beside that of saddle {k}",
                "relative",
                0.01,
                "as for the cost, with modes that grow already",
                finite_size=_SIZE,
            )
            for k in (1, 2)
        ),
        Criterion(
            "end",
            "relative error on entries not observed at the end of the run",
            "at most",
            0.0,
            "the last saddle of the greedy algorithm is the matrix itself",
            claimed=0.05,
            finite_size=_SIZE,
        ),
    ),
    quick={"scale": 0.25},
    full={"scale": 0.0625},
    run=_run,
    draw=_draw,
)
