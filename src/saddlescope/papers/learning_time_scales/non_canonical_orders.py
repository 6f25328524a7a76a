"""Problems whose order is not canonical, each for a reason of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescope.gaussian import Rademacher
from saddlescope.papers.framework.drawing import finished, measured, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, canonical_order, check_canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    epsilons = parameters["epsilons"]
    follows = check_canonical_order(problem([1.0, 1.0, 1.0, 1.0]), levels=3, epsilons=epsilons)
    two = check_canonical_order(problem([1.0, 1.0, 1.0, 1.0]), Rademacher(), levels=3, epsilons=epsilons)
    hidden = problem([1.0, 0.0, 1.0, 1.0])
    still = solve(MeanFieldFlow(hidden, epsilons[-1]), until=3.0)
    return Result(
        {
            "follows": follows.rows[3].local,
            "follows-predicted": not follows.order.levels[3].canonical,
            "two-values-exponent": two.rows[2].local,
            "two-values-time": float(two.rows[2].measured[-1]),
            "two-values-risk": float(two.final_risk[-1]),
            "two-values-predicted": two.order.canonical_up_to,
            "hidden-risk": float(still["risk"][-1]),
            "hidden-predicted": canonical_order(hidden, levels=3).canonical_up_to,
        },
        {"follows": follows.rows[2].local},
        (follows, two, still),
    )


def _draw(result: Result) -> Axes:
    follows, two, still = result.curves
    left, right = two_axes()
    measured(left, follows.epsilons, follows.rows[2].measured, 2, "uniform: $T_2$")
    measured(left, follows.epsilons, follows.rows[3].measured, 3, "uniform: $T_3$ follows at once")
    measured(left, two.epsilons, two.rows[2].measured, 4, r"weights ±1: $T_2$ does not fall")
    left.set_xlabel(r"$\varepsilon$")
    finished(left, r"$\varepsilon$", "learning time", log="xy", columns=1)
    late = still.time > 0
    measured(right, still.time[late], still["risk"][late], 0, "link without degree 1", points=False)
    right.set_ylim(0, 1.1 * still["risk"][0])
    finished(right, "time $t$", "excess risk", log="x")
    return left


_RUN = "epsilon down to 1e-10 (full: 1e-14)"

EXPERIMENT = Experiment(
    title="Orders that are not canonical, and why",
    claim="The order is a property of link, activation and law, not a law of nature: degree 3 may follow degree 2 at "
    "once, two-valued weights cannot learn degree 2 on its scale, and without degree 1 nothing moves.",
    source="Berthier, Montanari, Zhou (2023), remarks on non-canonical examples; numbers from direct integration",
    criteria=(
        Criterion(
            "follows",
            "uniform weights, link (1, 1, 1, 1): local exponent of T_3, beside that of T_2",
            "absolute",
            0.01,
            "a degree that follows at once has the other's exponent, 1/4, far from its own 1/6",
            finite_size=_RUN,
        ),
        Criterion("follows-predicted", "and theory says so", "equal", 0.0, "the verdict on level 3", claimed=True),
        Criterion(
            "two-values-exponent",
            "weights ±1: local exponent of T_2",
            "absolute",
            0.01,
            "two groups of neurons satisfy the constraints of degrees 0 and 1 rigidly: no blow-up",
            claimed=0.0,
            finite_size=_RUN,
        ),
        Criterion(
            "two-values-time",
            "weights ±1: limit of T_2",
            "relative",
            0.01,
            "from an independent integration",
            claimed=0.42116,
            finite_size=_RUN,
        ),
        Criterion(
            "two-values-risk",
            "weights ±1: risk that is left",
            "absolute",
            0.01,
            "from an independent integration, given with two digits",
            claimed=0.13,
        ),
        Criterion(
            "two-values-predicted", "last canonical level that theory finds", "equal", 0.0, "no blow-up", claimed=1
        ),
        Criterion(
            "hidden-risk",
            "link without degree 1: risk that is left, half of 1 + 1",
            "relative",
            1e-6,
            "at infinite dimension all overlaps stay at 0",
            claimed=1.0,
        ),
        Criterion(
            "hidden-predicted", "last canonical level that theory finds there", "equal", 0.0, "as above", claimed=0
        ),
    ),
    quick={"epsilons": [1e-6, 1e-8, 1e-10]},
    full={"epsilons": [1e-6, 1e-8, 1e-10, 1e-12, 1e-14]},
    run=_run,
    draw=_draw,
)
