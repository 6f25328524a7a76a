"""Problems whose order is not canonical, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.gaussian import Normal, Rademacher
from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import first_time, plain_flow, problem
from saddlescope.single_index import MeanFieldFlow, SingleIndex, canonical_order, check_canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALL = [1.0, 1.0, 1.0, 1.0]
_CUT = 0.191  # blow-up time that nodes of a Normal give: where they end, not what happens


def _run(parameters: Mapping[str, Any]) -> Result:
    epsilons = parameters["epsilons"]
    follows = check_canonical_order(problem(_ALL), levels=3, epsilons=epsilons, workers=1)
    two = check_canonical_order(problem(_ALL), Rademacher(), levels=3, epsilons=epsilons, workers=1)
    # two neurons are all of a two-valued law: the paper's equations, integrated plainly
    smallest = float(epsilons[-1])
    time, residual = plain_flow(_ALL, smallest, np.array([-1.0, 1.0]), np.array([0.5, 0.5]), 3.0)
    alone = solve(MeanFieldFlow(problem(_ALL), smallest, Rademacher()), until=3.0)
    # without an edge ever fewer, ever faster neurons lead
    normal = SingleIndex([1.0, -1.0, 1.0], [1.0, 1.0, 0.5])
    order = canonical_order(normal, Normal(), levels=2)
    pair = np.array(parameters["unbounded"])
    runs = [solve(MeanFieldFlow(normal, float(e), Normal()), until=2 * float(order.times(float(e))[2])) for e in pair]
    times = np.array([learning_times(run) for run in runs])
    scaled = (times[:, 2] - times[:, 1]) / pair**0.25
    return Result(
        {
            "follows": follows.rows[3].local,
            "follows-predicted": not follows.order.levels[3].canonical,
            "two-values-exponent": two.rows[2].local,
            "two-values-time": float(two.rows[2].measured[-1]),
            "two-values-late": float(learning_times(alone)[3]),
            "two-values-risk": float(alone["risk"][-1]),
            "two-values-predicted": two.order.canonical_up_to,
            "unbounded-time": float(np.abs(times[:, 2] / [order.times(float(e))[2] for e in pair] - 1).max()),
            "unbounded-falls": float(scaled[1] / scaled[0]),
            "unbounded-predicted": order.levels[2].verdict,
            "control-cut": float(scaled[0]),
            "control-constant": float(scaled[1] / scaled[0]),
        },
        {
            "follows": follows.rows[2].local,
            "two-values-time": first_time(time, residual[:, 2], 1.0),
            "two-values-late": first_time(time, residual[:, 3], 1.0),
            "two-values-risk": 0.5 * float(np.sum(residual[-1] ** 2)),
        },
        (follows, two, (time, residual), alone),
    )


def _draw(result: Result) -> Axes:
    follows, two, (time, residual), alone = result.curves
    left, right = two_axes()
    measured(left, follows.epsilons, follows.rows[2].measured, 2, "uniform: $T_2$")
    measured(left, follows.epsilons, follows.rows[3].measured, 3, "uniform: $T_3$ follows at once")
    measured(left, two.epsilons, two.rows[2].measured, 4, r"weights ±1: $T_2$ does not fall")
    finished(left, r"$\varepsilon$", "learning time", log="xy", columns=1)
    late = alone.time > 1e-3
    measured(right, alone.time[late], alone["risk"][late], 4, "weights ±1", points=False)
    late = time > 1e-3
    predicted(right, time[late], 0.5 * (residual[late] ** 2).sum(axis=1), "two neurons, plainly")
    finished(right, "time $t$", "excess risk", log="x")
    return left


_RUN = "epsilon down to 1e-10 (full: 1e-14)"

EXPERIMENT = Experiment(
    title="Orders that are not canonical, and why",
    claim="The order is a property of link, activation and law, not a law of nature: degree 3 may follow degree 2 at "
    "once, two-valued weights cannot learn degree 2 on its scale, and a law without an edge has no constant c_2.",
    source="Berthier, Montanari, Zhou (2023), remarks on non-canonical examples; laws without an edge by us",
    criteria=(
        Criterion(
            "follows",
            "uniform weights, link (1, 1, 1, 1): local exponent of T_3, beside that of T_2",
            "absolute",
            0.01,
            "a degree that follows at once has the other's exponent, 1/4, far from its own 1/6",
            finite_size=_RUN,
            power="a degree 3 on its own scale",
        ),
        Criterion(
            "follows-predicted",
            "and theory says so",
            "equal",
            0.0,
            "the verdict on level 3",
            claimed=True,
            power="a verdict that only counts degrees",
        ),
        Criterion(
            "two-values-exponent",
            "weights ±1: local exponent of T_2",
            "absolute",
            0.003,
            "T_2 lacks epsilon^(1/2) log(1/epsilon) = 2e-4 to its limit at the smallest epsilon: three times its slope",
            claimed=0.0,
            finite_size=_RUN,
            power="a blow-up of level 2 where two groups of neurons satisfy its constraints rigidly",
        ),
        *(
            Criterion(
                f"two-values-{name}",
                f"weights ±1: {words}, beside LSODA on the equations of two neurons",
                "relative",
                within,
                "steps at 1e-6 and at 1e-8, values read between steps",
                power="a mistake in how atoms of a law are carried",
            )
            for name, words, within in (
                ("time", "T_2", 3e-4),
                ("late", "T_3", 3e-4),
                ("risk", "risk at t = 3", 1e-3),
            )
        ),
        Criterion(
            "two-values-predicted",
            "last canonical level that theory finds",
            "equal",
            0.0,
            "no blow-up",
            claimed=1,
            power="a verdict that looks at the number of degrees only",
        ),
        Criterion(
            "unbounded-time",
            "Normal weights: largest |T_2 / prediction - 1|",
            "absolute",
            1e-3,
            "nodes in the tail of the law are placed to 3e-4",
            claimed=0.0,
            power="a prediction from nodes that end before the neurons that lead",
        ),
        Criterion(
            "unbounded-falls",
            "Normal weights: (T_2 - t_1) / epsilon^(1/4), at 1e-16 over 1e-12",
            "at most",
            0.0,
            "like (log 1/epsilon)^(-1/2) or faster",
            claimed=(12 / 16) ** 0.5,
            power="a constant c_2 for a law without an edge",
        ),
        Criterion(
            "unbounded-predicted",
            "and theory says so",
            "equal",
            0.0,
            "no edge, no constant",
            claimed="separated",
            power="a verdict from the cut-off of a quadrature",
        ),
        Criterion(
            "control-cut",
            "Normal weights, 1e-12: (T_2 - t_1) / epsilon^(1/4), beside the blow-up time of Gauss nodes",
            "relative",
            0.1,
            "far wider than the true rows",
            claimed=_CUT,
            control=True,
        ),
        Criterion(
            "control-constant",
            "Normal weights: the ratio of 1e-16 to 1e-12, beside that of a constant",
            "absolute",
            0.05,
            "far wider than the true rows",
            claimed=1.0,
            control=True,
        ),
    ),
    quick={"epsilons": [1e-6, 1e-8, 1e-10], "unbounded": [1e-12, 1e-16]},
    full={"epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14], "unbounded": [1e-12, 1e-16]},
    run=_run,
    draw=_draw,
)
