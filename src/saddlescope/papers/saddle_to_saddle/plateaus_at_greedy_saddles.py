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
    seen: dict[str, Any] = {}
    claimed: dict[str, Any] = {}
    seen_entries, values = np.asarray(cost.observed), np.asarray(cost.values)
    U, s, Vt = np.linalg.svd(values + np.asarray(cost.truth), full_matrices=False)
    for k in (1, 2):
        # a plateau is where the log cost falls slowest between two jumps
        between = (run["cost"] < 0.8 * limit.costs[k - 1] + 0.2 * limit.costs[k]) & (
            run["cost"] > 0.8 * limit.costs[k + 1] + 0.2 * limit.costs[k]
        )
        slowest = np.flatnonzero(between)[np.argmin(-(run["cost_rate"] / run["cost"])[between])]
        seen[f"cost-{k}"], claimed[f"cost-{k}"] = float(run["cost"][slowest]), float(limit.costs[k])
        if k == 2:
            seen["rank-2"] = float(effective_rank(run["singular_values"][slowest], kind="participation"))
            true = np.linalg.svd(limit.products[k], compute_uv=False)
            claimed["rank-2"] = float(effective_rank(true, kind="participation"))
        best = 0.5 * float(np.sum(((U[:, :k] * s[:k]) @ Vt[:k] - values)[seen_entries] ** 2))
        seen[f"control-svd-{k}"], claimed[f"control-svd-{k}"] = seen[f"cost-{k}"], best
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
        *(
            Criterion(
                f"cost-{k}",
                f"cost of the run where it is slowest after jump {k}, beside that of saddle {k}",
                "relative",
                1e-3,
                "a start of scale alpha passes a saddle at a distance of a positive power of alpha (product entries "
                "of order alpha^4 w^-2 at least)",
                finite_size=_SIZE,
                power="plateaus at other points of that rank: the best approximations of the matrix itself",
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
                power="a plateau where the third mode has begun",
            )
            for k in (2,)
        ),
        *(
            Criterion(
                f"control-svd-{k}",
                f"that cost, beside that of the best approximation of rank {k} of the matrix itself",
                "relative",
                1e-3,
                "the bound of the true row",
                control=True,
            )
            for k in (1, 2)
        ),
    ),
    quick={"scale": 0.25},
    full={"scale": 0.0625},
    run=_run,
    draw=_draw,
)
