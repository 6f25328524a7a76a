"""Escape from the origin: direction, speed and time, at depths 2 to 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, balanced_mode_time, escape, gaussian_start
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_START = 0.1  # distance of the aligned start from the origin


def _run(parameters: Mapping[str, Any]) -> Result:
    cost = LeastSquares(reference_target())
    seen, claimed, curves = {}, {}, []
    for depth in parameters["depths"]:
        path = escape(cost, depth)
        mode = (_START / np.sqrt(depth)) ** depth
        exact = float(balanced_mode_time(path.strength / 2, path.strength, mode, depth))
        flow = DeepLinearFlow(cost, initial=path.weights(_START, 4))
        run = solve(flow, until=1.3 * exact, rtol=1e-9)
        strength = run["singular_values"][:, 0]
        norm = np.sqrt((run["layer_norm"] ** 2).sum(axis=1))
        seen[f"time-{depth}"] = float(np.interp(path.strength / 2, strength, run.time))
        claimed[f"time-{depth}"] = exact
        # the speed, where the norm has doubled
        at = np.searchsorted(norm, 2 * _START)
        rate = np.gradient(norm, run.time)[at]
        seen[f"speed-{depth}"] = float(rate / norm[at] ** (depth - 1))
        claimed[f"speed-{depth}"] = path.speed
        until = path.time_between(_START, 1.0)
        fine = np.linspace(0, until, 200)
        curves.append((depth, run.time / exact, norm, fine / exact, path.rho(fine, _START)))
    # a start in no particular direction turns towards the top pair of singular vectors
    path = escape(cost, 3)
    layers = [parameters["scale"] * W for W in gaussian_start((3, 4), 3, 10, 1.0, seed=0)]
    loose = solve(DeepLinearFlow(cost, initial=layers), until=1e7, risk_below=0.9 * 7.0 + 0.1 * 2.5)
    U, _, Vt = np.linalg.svd(loose["product"][-1])
    seen["direction"] = float(abs(U[:, 0] @ path.left) * abs(Vt[0] @ path.right))
    return Result(seen, claimed, curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (depth, time, norm, fine, distance) in enumerate(result.curves):
        near = norm <= 3
        measured(ax, time[near], norm[near], number, f"L = {depth}", points=False)
        predicted(ax, fine, distance, "escape path")
    return finished(
        ax,
        "time, in units of that at which half of the mode is learnt",
        r"distance $\rho$ from the origin",
        log="y",
        columns=5,
    )


def _criteria(depth: int) -> tuple[Criterion, Criterion]:
    return (
        Criterion(
            f"time-{depth}",
            f"depth {depth}: time to half of the first mode from the aligned start at distance 0.1",
            "relative",
            1e-4,
            "the closed form is exact; what is left is the step control at 1e-9 and reading the curve between steps",
        ),
        Criterion(
            f"speed-{depth}",
            f"depth {depth}: speed d rho/dt / rho^(L-1) where the distance has doubled",
            "relative",
            0.02,
            "the mode has grown to (0.2 / L^(1/2))^L, at most 0.02 of its target 3, which slows it by as much",
            finite_size="distance 0.2",
        ),
    )


EXPERIMENT = Experiment(
    title="Escape from the origin",
    claim="The fastest way out of the origin is of rank one, along the top singular pair of the gradient, all layers "
    "alike, at the speed s* rho^(L-1), s* = s_1 L^(-(L-2)/2); from any small start the flow turns to it.",
    source="Jacot et al. (2021), optimal escape paths",
    criteria=(
        *(criterion for depth in (2, 3, 4, 5) for criterion in _criteria(depth)),
        Criterion(
            "direction",
            "depth 3, random start: cosine of both singular vectors with the predicted ones, when a tenth of the first "
            "drop is done",
            "at least",
            0.0,
            "the path is left behind by the start's scale to the power 1 - s_2/s_1 = 1/3",
            claimed=0.95,
            finite_size="scale 1e-3 of the start, 1e-3^(1/3) = 0.1, squared in the cosine",
        ),
    ),
    quick={"depths": [2, 3, 4, 5], "scale": 1e-3},
    full={"depths": [2, 3, 4, 5], "scale": 1e-4},
    run=_run,
    draw=_draw,
)
