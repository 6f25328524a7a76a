"""Symmetries of the flow: rotations of hidden layers, inclusion of narrow networks, conserved quantities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, gaussian_start
from saddlescope.deep_linear.network.layers import conserved, include, rotate
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    cost, until = LeastSquares(reference_target()), parameters["until"]
    start = gaussian_start((3, 4), 3, 5, 1.5, seed=1)
    random = np.random.default_rng(2)
    turns = [np.linalg.qr(random.standard_normal((5, 5)))[0] for _ in range(2)]
    starts = {"plain": start, "rotated": rotate(start, turns), "wider": include(start, parameters["width"])}
    runs, ends = {}, {}
    for name, weights in starts.items():
        flow = DeepLinearFlow(cost, initial=weights, compress=False)
        runs[name] = solve(flow, until, rtol=parameters["rtol"])
        ends[name] = [jnp.asarray(W) for W in flow.lift(runs[name]["weights"][-1])]
    at = np.linspace(0, until, 200)
    curves = {name: np.interp(at, run.time, run["cost"]) for name, run in runs.items()}

    def gap(a: list[Any], b: list[Any]) -> float:
        return max(float(np.abs(np.asarray(x) - np.asarray(y)).max()) for x, y in zip(a, b, strict=True))

    before, after = conserved(start), conserved(ends["plain"])
    return Result(
        {
            "rotation": gap(rotate(ends["plain"], turns), ends["rotated"]),
            "inclusion": gap(include(ends["plain"], parameters["width"]), ends["wider"]),
            "conserved": gap(before, after),
        },
        curves=(at, curves),
    )


def _draw(result: Result) -> Axes:
    at, curves = result.curves
    ax = axes()
    measured(ax, at, curves["plain"], 0, "width 5", points=False)
    predicted(ax, at, curves["rotated"], "rotated hidden layers")
    ax.plot(at, curves["wider"], color="#1A1A1A", linestyle=(0, (1, 2)), linewidth=2.0, label="included in a wider one")
    return finished(ax, "time $t$", "cost", columns=3)


_REASON = "an identity of the flow: what is left is the step control at 1e-7 relative, over a run of some hundred steps"

EXPERIMENT = Experiment(
    title="Symmetry and inclusion",
    claim="The flow commutes with rotations of the hidden layers and with the inclusion of a narrow network in a wider "
    "one, and conserves W_(l+1)^T W_(l+1) - W_l W_l^T.",
    source="Jacot et al. (2021), symmetries and invariance; Arora, Cohen, Hazan (2018)",
    criteria=(
        Criterion(
            "rotation",
            "largest difference of weights: rotated at the end, or at the start",
            "absolute",
            1e-5,
            _REASON,
            claimed=0.0,
        ),
        Criterion(
            "inclusion",
            "largest difference of weights: included at the end, or at the start",
            "absolute",
            1e-5,
            _REASON,
            claimed=0.0,
        ),
        Criterion("conserved", "largest change of a conserved entry", "absolute", 1e-5, _REASON, claimed=0.0),
    ),
    quick={"until": 8.0, "width": 9, "rtol": 1e-7},
    full={"until": 30.0, "width": 20, "rtol": 1e-8},
    run=_run,
    draw=_draw,
)
