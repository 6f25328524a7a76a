"""A soft committee machine: neurons that stand alike to both teachers, and the logarithmic time until they part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar

from saddlescope.gaussian import kernel
from saddlescope.measure import plateaus
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.single_index import MultiIndex, NetworkFlow
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _height(problem: MultiIndex) -> float:
    """Least risk of two neurons that stand alike to both teachers, u = s (v_1 + v_2) ± w with the best s and a.

    They need not be equal: their overlap is r = 4 s^2 - 1. With y = (sigma(x_1) + sigma(x_2)) / 2 and
    f = a (sigma(<u_1, x>) + sigma(<u_2, x>)) / 2, E y f = a U(s) and E f^2 = a^2 (U(1) + U(r)) / 2.
    """
    U = kernel(problem.activation)

    def risk(s: float) -> float:
        return 0.5 * (0.5 * float(U(1.0)) - float(U(s)) ** 2 / (0.5 * (float(U(1.0)) + float(U(4 * s * s - 1)))))

    best: Any = minimize_scalar(risk, bounds=(0.3, 0.5**0.5), method="bounded", options={"xatol": 1e-9})
    return float(best.fun)


def _run(parameters: Mapping[str, Any]) -> Result:
    problem = MultiIndex(link="erf", activation="erf", directions=2)
    height = _height(problem)
    powers = np.array(parameters["powers"], dtype=float)
    random = np.random.default_rng(3)
    shares = random.standard_normal((2, 2))
    runs, leaves = [], []
    for power in powers:
        size = 10 ** (-power / 2)
        u = np.zeros((2, 4))
        u[:, :2] = size * shares
        u[0, 2] = u[1, 3] = 1.0
        run = solve(
            NetworkFlow(problem, parameters["epsilon"], initial=(np.ones(2), u)), parameters["until"], states=2000
        )
        runs.append(run)
        leaves.append(float(np.interp(-0.5 * height, -run["risk"], run.time, right=np.nan)))
    run = runs[-1]
    s = run["overlap"]
    apart = np.abs(s[:, 0, 0] - s[:, 0, 1] - s[:, 1, 0] + s[:, 1, 1])
    # from the smallest start the neurons part when the plateau has long been reached
    grown = (apart > 1e-3) & (apart < 3e-2)
    rate = float(np.polyfit(run["state_time"][grown], np.log(apart[grown]), 1)[0])
    flat = [p.height for p in plateaus(runs[-1])]
    slope = float(np.polyfit(np.log(10) * powers, leaves, 1)[0])
    return Result(
        {
            "height": float(min(flat, key=lambda h: abs(h - height))),
            "end": float(runs[-1]["risk"][-1] / runs[-1]["risk"][0]),
            "slope": slope,
        },
        {"height": height, "slope": 1 / (2 * rate)},
        (powers, runs, np.array(leaves), rate, height),
    )


def _draw(result: Result) -> Axes:
    powers, runs, leaves, rate, height = result.curves
    left, right = two_axes()
    for number, (power, run) in enumerate(zip(powers, runs, strict=True)):
        measured(left, run.time, run["risk"], number, rf"$d = 10^{{{power:g}}}$", points=False)
    predicted(left, [0.1, runs[-1].time[-1]], [height, height], "alike to both teachers")
    left.set_ylim(1e-5, 0.3)
    left.set_xlim(0.1, 1.5 * leaves[-1])
    finished(left, "time $t$", "excess risk", log="xy", columns=3)
    d = 10.0**powers
    measured(right, d, leaves, 4, "time at which the plateau is left")
    predicted(right, d, leaves.mean() + (np.log(d) - np.log(d).mean()) / (2 * rate), r"slope $1/2\lambda$")
    finished(right, "dimension $d$", "time $t$", log="x", columns=2)
    return left


EXPERIMENT = Experiment(
    title="Plateau of a committee machine",
    claim="Two erf neurons that learn two teachers first both turn to stand alike to both, and rest there; they part "
    "after a time that grows like log(d) / (2 rate), since random starts in dimension d differ by d^(-1/2).",
    source="Saad, Solla (1995), symmetric plateau; Biehl, Riegler, Wöhler (1996) on its length",
    criteria=(
        Criterion(
            "height",
            "height of the plateau, beside the best network of neurons that stand alike to both teachers",
            "relative",
            0.01,
            "such neurons at their optimum: a saddle, passed at a distance of order d^(-1/2)",
            finite_size="d = 10^14",
        ),
        Criterion(
            "slope",
            "slope of the time at which the plateau is left in log d",
            "relative",
            0.05,
            "the same overlaps are scaled; the rate is that at which the neurons part in the run itself",
            finite_size="d from 10^8 to 10^14",
        ),
        Criterion("end", "risk at the end, relative to the start", "at most", 0.0, "realisable: learnt", claimed=1e-3),
    ),
    quick={"powers": [8, 10, 12, 14], "epsilon": 0.1, "until": 1200.0},
    full={"powers": [6, 8, 10, 12, 14, 16], "epsilon": 0.1, "until": 1400.0},
    run=_run,
    draw=_draw,
)
