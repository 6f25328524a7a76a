"""Networks of finite width against the mean-field flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from saddlescope.measure import exponent
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import EDGE, problem
from saddlescope.single_index import MeanFieldFlow, NetworkFlow
from saddlescope.solve import solve
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _risk(run: Trajectory, at: np.ndarray) -> np.ndarray:
    # steps are long: a straight line between them would be off by more than wide networks are
    return CubicHermiteSpline(run.time, run["risk"], run["risk_rate"])(at)


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt, epsilon, until = problem(parameters["link"]), parameters["epsilon"], parameters["until"]
    at = np.linspace(0.0, until, 400)
    widths = np.array(parameters["widths"])
    gaps, curves = [], []
    for m in widths:
        # evenly spread weights and orthogonal neurons: what is left is the network's own finite width
        a = EDGE * (2 * np.arange(m) + 1 - m) / m
        directions = np.hstack([np.zeros((m, 1)), np.eye(m)])
        network = solve(NetworkFlow(learnt, epsilon, initial=(a, directions)), until)
        limit = solve(MeanFieldFlow(learnt, epsilon, initial=(a, np.zeros(m))), until)
        runs = [_risk(run, at) for run in (network, limit)]
        gaps.append(float(np.abs(runs[0] - runs[1]).max()))
        curves.append(runs[0])
    limit = _risk(solve(MeanFieldFlow(learnt, epsilon), until), at)
    return Result(
        measured={
            "exponent": exponent(widths, gaps).value,
            "half": gaps[-1] / gaps[-2],
            "control-root": gaps[-1] / gaps[-2],
        },
        curves=(at, widths, curves, limit, np.array(gaps)),
    )


def _draw(result: Result) -> Axes:
    at, widths, curves, limit, gaps = result.curves
    left, right = two_axes()
    for number, (m, curve) in enumerate(zip(widths, curves, strict=True)):
        measured(left, at, curve, number, f"m = {m}", points=False)
    predicted(left, at, limit, "mean field")
    finished(left, "time $t$", "excess risk", columns=3)
    measured(right, widths, gaps, 4, "largest gap in risk")
    predicted(right, widths, gaps[-1] * widths[-1] / widths, "power −1 of $m$")
    finished(right, "neurons $m$", "largest gap in risk", log="xy", columns=2)
    return left


EXPERIMENT = Experiment(
    title="Network flow to mean-field flow",
    claim="In infinite dimension the flow of a network of m neurons tends to the mean-field flow as m grows.",
    source="Berthier, Montanari, Zhou (2023), reduction to the mean-field equations",
    criteria=(
        Criterion(
            "exponent",
            "power of m with which the largest gap in risk falls",
            "absolute",
            0.1,
            "with evenly spread weights the networks differ from their limit by the overlaps r_ii = 1, a share 1/m",
            claimed=-1.0,
            finite_size="m up to 64 (full: 320), next correction of relative order 1/m per doubling",
            power="fluctuations of order m^(-1/2)",
        ),
        Criterion(
            "half",
            "gap at the largest m over that at half of it",
            "relative",
            0.1,
            "next correction of relative order 1/m, 0.03, three times",
            claimed=0.5,
            finite_size="m = 32 and 64 (full: 160 and 320)",
            power="fluctuations of order m^(-1/2), ratio 0.71: evenly spread weights have none",
        ),
        Criterion(
            "control-root",
            "that ratio, beside the one of fluctuations of order m^(-1/2)",
            "relative",
            0.1,
            "the bound of the true row",
            claimed=0.5**0.5,
            control=True,
        ),
    ),
    quick={"epsilon": 0.1, "link": [1.0, -1.0, 1.0], "until": 1.5, "widths": [16, 32, 64]},
    full={"epsilon": 0.1, "link": [1.0, -1.0, 1.0], "until": 1.5, "widths": [20, 40, 80, 160, 320]},
    run=_run,
    draw=_draw,
)
