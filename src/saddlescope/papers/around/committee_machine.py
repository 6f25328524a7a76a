"""A soft committee machine: neurons that stand alike to both teachers, and the logarithmic time until they part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar

from saddlescope.measure import plateaus
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.single_index import MultiIndex, NetworkFlow
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _risk(a: np.ndarray, u: np.ndarray) -> float:
    """Risk of two erf neurons on two erf teachers along the first axes, by the arcsine kernel alone; |u_i| = 1."""

    def kernel(r: Any) -> Any:
        return 2 / np.pi * np.arcsin(np.clip(r, -1, 1) / 2)

    return float(0.125 * (2 * kernel(1.0) - 2 * np.sum(a[:, None] * kernel(u[:, :2])) + a @ kernel(u @ u.T) @ a))


def _symmetric(s: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Least risk over a of two neurons u = s (v_1 + v_2) +- w, with that a, and the neurons."""
    rest = np.sqrt(max(1 - 2 * s * s, 0.0))
    u = np.array([[s, s, rest, 0.0], [s, s, -rest, 0.0]])
    zero, one, minus = (_risk(a * np.ones(2), u) for a in (0.0, 1.0, -1.0))
    best = -(one - minus) / (2 * (one + minus - 2 * zero))
    return _risk(best * np.ones(2), u), best * np.ones(2), u


def _saddle(epsilon: float) -> tuple[float, float]:
    """Risk of the best two neurons that stand alike to both teachers, and the rate at which they part.

    The rate is the largest eigenvalue of the flow linearised there, by differences: epsilon a_i' = -2 dR/da_i,
    u_i' = -2 (1 - u_i u_i^T) dR/du_i.
    """
    best: Any = minimize_scalar(
        lambda s: _symmetric(s)[0], bounds=(0.3, 0.5**0.5), method="bounded", options={"xatol": 1e-10}
    )
    height, a, u = _symmetric(float(best.x))

    def at(y: np.ndarray) -> float:
        v = y[2:].reshape(2, 4)
        return _risk(y[:2], v / np.linalg.norm(v, axis=1, keepdims=True))

    def velocity(y: np.ndarray) -> np.ndarray:
        # the risk of normalised neurons has no radial slope
        slope = np.array([(at(y + h) - at(y - h)) / 2e-5 for h in 1e-5 * np.eye(10)])
        return np.concatenate([-2 * slope[:2] / epsilon, -2 * slope[2:]])

    y = np.concatenate([a, u.ravel()])
    columns = [(velocity(y + h) - velocity(y - h)) / 2e-3 for h in 1e-3 * np.eye(10)]
    return height, float(np.linalg.eigvals(np.array(columns).T).real.max())


def _run(parameters: Mapping[str, Any]) -> Result:
    problem = MultiIndex(link="erf", activation="erf", directions=2)
    height, rate = _saddle(parameters["epsilon"])
    powers = np.array(parameters["powers"], dtype=float)
    random = np.random.default_rng(3)
    shares = random.standard_normal((2, 2))
    runs, leaves = [], []
    for power in powers:
        size = 10 ** (-power / 2)
        u = np.zeros((2, 4))
        u[:, :2] = size * shares
        u[0, 2] = u[1, 3] = 1.0
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        run = solve(
            NetworkFlow(problem, parameters["epsilon"], initial=(np.ones(2), u)), parameters["until"], states=2000
        )
        runs.append(run)
        leaves.append(float(np.interp(-0.5 * height, -run["risk"], run.time, right=np.nan)))
    flat = [p.height for p in plateaus(runs[-1])]
    slope = float(np.polyfit(np.log(10) * powers, leaves, 1)[0])
    return Result(
        {
            "height": float(min(flat, key=lambda h: abs(h - height))),
            "slope": slope,
            "control-rate": slope,
        },
        {"height": height, "slope": 1 / (2 * rate), "control-rate": 1 / rate},
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
            power="two equal neurons in the place of the best two",
        ),
        Criterion(
            "slope",
            "slope of the time at which the plateau is left in log d",
            "relative",
            0.05,
            "the same overlaps are scaled; 1 / (2 rate), with the rate of the flow linearised at the best network of "
            "such "
            "neurons, from the arcsine kernel alone; parting begins before the plateau is quite reached",
            finite_size="d from 10^8 to 10^14",
            power="overlaps of order 1/d at the start; the rate of another saddle",
        ),
        Criterion(
            "control-rate",
            "that slope, beside 1 / rate, as if starts differed by 1/d",
            "relative",
            0.05,
            "the bound of the true row",
            control=True,
        ),
    ),
    quick={"powers": [8, 10, 12, 14], "epsilon": 0.1, "until": 1200.0},
    full={"powers": [6, 8, 10, 12, 14, 16], "epsilon": 0.1, "until": 1400.0},
    run=_run,
    draw=_draw,
)
