"""Level 2: the constant of degree 2 is the blow-up time of a rescaled flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import ACTIVATION, EDGE, problem
from saddlescope.single_index import MeanFieldFlow, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HALVINGS = 30
_FAR = 1e5  # size of the leading neuron at which the rest of the blow-up is its closed form


def _blow_up(link: list[float], nodes: int) -> float:
    """Blow-up time of the rescaled flow for the uniform law: a plain integration, independent of the library's.

    Args:
        link: phi_0, phi_1, phi_2.
        nodes: in each panel of the law.

    A neuron at an edge of the law leads. It has no weight, and no node of a Gauss rule lies there: both are added.
    """
    x, w = np.polynomial.legendre.leggauss(nodes)
    # panels that halve towards both edges: the nearer to the edge, the longer a neuron has a part
    ends = 1 - 0.5 ** np.arange(_HALVINGS)
    ends = np.concatenate([-np.append(ends, 1.0)[:0:-1], np.append(ends, 1.0)])
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    x, w = (middle[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()
    a = np.concatenate([[-EDGE], EDGE * x, [EDGE]])
    weight = np.concatenate([[0.0], w / 2, [0.0]])
    g = ACTIVATION[2] * link[2]
    size = np.sqrt(abs(link[1]) / ACTIVATION[1])

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        alpha, beta = np.split(y, 2)

        def mean(values: np.ndarray) -> float:
            return float(weight @ values)

        spread = mean(beta**2) - mean(beta) ** 2 + mean(alpha**2)
        one = -g * (mean(beta**3) - mean(beta**2) * mean(beta) + 2 * mean(alpha**2 * beta)) / spread
        zero = -one * mean(beta) - g * mean(beta**2)
        return np.concatenate([zero + one * beta + g * beta**2, alpha * (one + 2 * g * beta)])

    def far(_: float, y: np.ndarray) -> float:
        return float(np.abs(y[len(a) :]).max()) - _FAR

    far.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    start = np.concatenate([size * a, np.sign(link[1]) * size * a])
    result = solve_ivp(velocity, (0.0, 10.0), start, method="DOP853", rtol=1e-10, atol=1e-10, events=far)
    # near the end beta' = 2 g alpha beta and alpha' = g beta^2, so that alpha = beta / sqrt 2
    return float(result.t[-1] + 1 / (np.sqrt(2) * abs(g) * _FAR))


def _run(parameters: Mapping[str, Any]) -> Result:
    epsilons = np.array(parameters["epsilons"])
    claimed, seen, curves = {}, {}, []
    for name, link in parameters["links"].items():
        learnt = problem(link)
        order = canonical_order(learnt, levels=2)
        claimed[f"constant-{name}"] = order.constants[2]
        seen[f"constant-{name}"] = _blow_up(link, parameters["nodes"])
        scaled = []
        for epsilon in epsilons:
            end = 2.5 * order.constants[2] * epsilon**0.25
            run = solve(MeanFieldFlow(learnt, float(epsilon), tolerance=1e-3), until=end)
            scaled.append(learning_times(run, fraction=0.9)[2] / epsilon**0.25)
        claimed[f"time-{name}"] = order.constants[2]
        seen[f"time-{name}"] = scaled[-1]
        curves.append((f"link {name}", epsilons, np.array(scaled), order.constants[2]))
    return Result(seen, claimed, curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (name, epsilons, scaled, constant) in enumerate(result.curves):
        measured(ax, epsilons, scaled, number, name)
        predicted(ax, epsilons, np.full(len(epsilons), constant), "blow-up of the rescaled flow")
    return finished(ax, r"$\varepsilon$", r"$T_2 / \varepsilon^{1/4}$", log="x")


def _criteria(name: str) -> tuple[Criterion, Criterion]:
    return (
        Criterion(
            f"constant-{name}",
            f"c_2 for link {name}, by a plain integration of the rescaled flow",
            "relative",
            1e-4,
            "both integrate the same equations: what differs is the rule for the law and the last stretch, 1e-5 long",
        ),
        Criterion(
            f"time-{name}",
            f"T_2 / epsilon^(1/4) of the mean-field flow for link {name}, residual at nine tenths",
            "relative",
            0.01,
            "the jump has a width of relative order epsilon^(1/8) or less on this scale",
            finite_size="epsilon = 1e-16, epsilon^(1/8) = 0.01",
        ),
    )


EXPERIMENT = Experiment(
    title="Level 2: the constant",
    claim="Degree 2 is learnt in a jump at c_2 epsilon^(1/4), where c_2 is the blow-up time of the flow rescaled to "
    "that scale.",
    source="Berthier, Montanari, Zhou (2023), third time-scale",
    criteria=(*_criteria("A"), *_criteria("B")),
    quick={
        "links": {"A": [1.0, -1.0, 1.0], "B": [1.0, -1.0, 2 / 3]},
        "epsilons": [1e-8, 1e-12, 1e-16],
        "nodes": 8,
    },
    full={
        "links": {"A": [1.0, -1.0, 1.0], "B": [1.0, -1.0, 2 / 3]},
        "epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 1e-16],
        "nodes": 12,
    },
    run=_run,
    draw=_draw,
)
