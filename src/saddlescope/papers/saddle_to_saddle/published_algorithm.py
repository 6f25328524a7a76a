"""The greedy algorithm as it was published, with steps of gradient descent, and how many of them it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import greedy_low_rank
from saddlescope.deep_linear.problem.reference_problems import reference_completion
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# costs of the saddles of the reference problem, from a direct run of the flow at a scale of 1/16
_COSTS = (23.5349539035, 6.1812766576, 1.2389269774)


def _run(parameters: Mapping[str, Any]) -> Result:
    cost = reference_completion()
    paths = {
        name: greedy_low_rank(cost, 4, epsilon=size, steps=steps, step_size=eta, tolerance=1e-8)
        for name, (size, steps, eta) in parameters["runs"].items()
    }
    seen: dict[str, Any] = {}
    for name, path in paths.items():
        off = max(
            abs(float(path.costs[k]) / _COSTS[k] - 1) if k < len(path.costs) else 1.0 for k in range(1, len(_COSTS))
        )
        seen[f"costs-{name}" if name != "too-few" else "control-too-few"] = off
        if name != "too-few":
            seen[f"rank-{name}"] = int(path.ranks[-1])
    return Result(seen, curves=[(name, path.ranks, path.costs) for name, path in paths.items()])


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (name, ranks, costs) in enumerate(result.curves):
        measured(ax, ranks, np.maximum(costs, 1e-9), number, name.replace("-", " "))
    predicted(ax, range(3), _COSTS, "saddles of the flow")
    ax.set_xticks(range(4))
    return finished(ax, "neurons", "cost", log="y", columns=4)


EXPERIMENT = Experiment(
    title="The greedy algorithm with steps",
    claim="The algorithm A_(epsilon, T, eta), T steps of size eta of gradient descent after each new neuron of weight "
    "epsilon, visits the saddles of the flow if T is large enough for its epsilon, and not if it is too small.",
    source="Jacot et al. (2021), algorithm A_(epsilon, T, eta)",
    criteria=(
        *(
            Criterion(
                f"costs-{name}",
                f"{words}: largest relative distance of the first two costs to those of the flow",
                "absolute",
                1e-3,
                "T eta is many times the slowest time of each saddle",
                claimed=0.0,
                power="saddles that are another algorithm's: those of truncated singular values are a third higher",
            )
            for name, words in (("large", "epsilon = 0.3, eta = 0.01"), ("middle", "epsilon = 0.1, eta = 0.02"))
        ),
        *(
            Criterion(f"rank-{name}", f"{words}: rank at the end", "equal", 0.0, "the matrix has rank 3", claimed=3)
            for name, words in (("large", "epsilon = 0.3"), ("middle", "epsilon = 0.1"))
        ),
        Criterion(
            "control-too-few",
            "epsilon = 0.1, eta = 0.02 and T = 500: the same distance",
            "absolute",
            1e-3,
            "the bound of the true rows",
            claimed=0.0,
            control=True,
        ),
    ),
    quick={
        "runs": {"large": [0.3, 20000, 0.01], "middle": [0.1, 20000, 0.02], "too-few": [0.1, 500, 0.02]},
    },
    full={
        "runs": {"large": [0.3, 40000, 0.01], "middle": [0.1, 40000, 0.02], "too-few": [0.1, 500, 0.02]},
    },
    run=_run,
    draw=_draw,
)
