"""Finite width: a neuron of a network acts on itself, and degree 1 comes later than in infinite width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.single_index import MeanFieldFlow, NetworkFlow, SingleIndex
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EDGE = 3**0.5
_OWN = 1.34  # U(1) - U(0) = 1 + 1/4 + 9/100


def _expected(epsilon: float, neurons: float) -> float:
    """T_1(m) for |sigma_1| = |phi_1| = v = 1."""
    root = epsilon**0.5
    g = _OWN / (2 * neurons * root)
    k = np.hypot(1.0, g)
    return root / (2 * (k - g)) * np.log(4 * k**2 / ((k - g) * root))


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt = SingleIndex([0.0, -1.0], [0.0, 1.0, 0.5, 0.3])
    seen: dict[str, Any] = {}
    points = []
    for epsilon, m in parameters["sizes"]:
        # evenly spread weights and orthogonal neurons: no luck of a draw in it
        a = _EDGE * (2 * np.arange(m) + 1 - m) / m
        start = np.hstack([np.zeros((m, 1)), np.eye(m)])
        expected = _expected(epsilon, m)
        time = float(learning_times(solve(NetworkFlow(learnt, epsilon, initial=(a, start)), 2 * expected))[1])
        points.append((epsilon, m, time / _expected(epsilon, np.inf), expected / _expected(epsilon, np.inf)))
        seen[f"time-{epsilon:.0e}-{m}".replace("e-0", "e-")] = time / expected
    seen["control-limit"] = points[-1][2]
    epsilon, m = parameters["sizes"][-1]
    a = _EDGE * (2 * np.arange(m) + 1 - m) / m
    particles = solve(MeanFieldFlow(learnt, epsilon, initial=(a, np.zeros(m))), 2 * _expected(epsilon, np.inf))
    seen["control-particles"] = float(learning_times(particles)[1]) / _expected(epsilon, m)
    return Result(seen, curves=points)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, epsilon in enumerate(sorted({point[0] for point in result.curves})):
        mine = sorted((m, ratio) for e, m, ratio, _ in result.curves if e == epsilon)
        measured(ax, [m for m, _ in mine], [ratio for _, ratio in mine], number, rf"$\varepsilon$ = {epsilon:g}")
        fine = np.geomspace(20, 1000, 100)
        predicted(ax, fine, [_expected(epsilon, m) / _expected(epsilon, np.inf) for m in fine])
    return finished(ax, "neurons $m$", "$T_1(m) / t_1$", log="xy", columns=3)


_SIZES = [(1e-3, 25), (1e-3, 50), (1e-3, 200), (1e-4, 200), (1e-4, 50)]


def _criterion(epsilon: float, m: int) -> Criterion:
    g = _OWN / (2 * m * epsilon**0.5)
    return Criterion(
        f"time-{epsilon:.0e}-{m}".replace("e-0", "e-"),
        f"epsilon = {epsilon:g}, {m} neurons: T_1 of the network over the prediction",
        "relative",
        0.05,
        "level 0 and level 1 part by epsilon^(1/2), 0.03 and 0.01, times a logarithm over 2",
        claimed=1.0,
        finite_size=f"epsilon = {epsilon:g}; self-action g = {g:.2g}",
        power=f"the time of infinite width, {_expected(epsilon, m) / _expected(epsilon, np.inf):.2g} times too early",
    )


EXPERIMENT = Experiment(
    title="Finite width",
    claim="A neuron of a network of m overlaps fully with itself, which pulls its weight to the mean and delays "
    "degree 1: "
    "with g = (U(1) - U(0)) / (2 |sigma_1 phi_1| m epsilon^(1/2)) and k = (1 + g^2)^(1/2), T_1 is epsilon^(1/2) "
    "log(4 k^2 |phi_1| / ((k - g) v |sigma_1| epsilon^(1/2))) / (2 |sigma_1 phi_1| (k - g)). Infinite width needs m "
    "far "
    "above epsilon^(-1/2).",
    source="derived by us from the network's equations of Berthier, Montanari, Zhou (2023)",
    criteria=(
        *(_criterion(*size) for size in _SIZES),
        Criterion(
            "control-limit",
            f"epsilon = {_SIZES[-1][0]:g}, {_SIZES[-1][1]} neurons: T_1 of the network over t_1 of infinite width",
            "relative",
            0.05,
            "the bound of the true rows",
            claimed=1.0,
            control=True,
        ),
        Criterion(
            "control-particles",
            "the same of as many mean-field particles, which are no network, over the prediction for the network",
            "relative",
            0.05,
            "the bound of the true rows",
            claimed=1.0,
            control=True,
        ),
    ),
    quick={"sizes": [list(size) for size in _SIZES]},
    full={"sizes": [*([1e-4, 400], [1e-3, 400]), *(list(size) for size in _SIZES)]},
    run=_run,
    draw=_draw,
)
