"""Lazy, mean-field and saddle-to-saddle training on one completion problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescope.deep_linear import DeepLinearFlow, regime_card, train
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.saddle_to_saddle._completion import small_completion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {"lazy": 2 / 3, "mean field": 1.0, "saddle-to-saddle": 2.0}


def _run(parameters: Mapping[str, Any]) -> Result:
    cost, width = small_completion(), parameters["width"]
    flows = {name: DeepLinearFlow(cost, 3, width, gamma) for name, gamma in _NAMES.items()}
    runs = {name: train(flow) for name, flow in flows.items()}
    cards = {name: regime_card(flow, runs[name]) for name, flow in flows.items()}
    seen: dict[str, Any] = {f"regime-{name.replace(' ', '-')}": card.measured or "none" for name, card in cards.items()}
    lazy, middle, rich = cards.values()
    return Result(
        seen
        | {
            "test-lazy": lazy.test_error,
            "test-rich": rich.test_error,
            "test-order": lazy.test_error > middle.test_error > rich.test_error,
            "rank": rich.beyond_rank,
            "nuclear": rich.nuclear_norm,
            "control-nuclear": middle.nuclear_norm,
        },
        curves={f"{name}, γ = {_NAMES[name]:.3g}": run for name, run in runs.items()},
        doubts=tuple(doubt for card in cards.values() for doubt in card.doubts),
    )


def _draw(result: Result) -> Axes:
    from saddlescope.plot import regimes

    return regimes(result.curves)[0]


_SIZE = "width 100 (full: 200), gamma = 2: weights start at width^-1, and what is left of them scales with it"

EXPERIMENT = Experiment(
    title="Three regimes on one problem",
    claim="On a matrix completion problem of rank 2 the size of the start decides: lazy training fits the observed "
    "entries without a plateau and learns nothing else; saddle-to-saddle training waits at plateaus and finds "
    "the matrix.",
    source="Jacot et al. (2021)",
    criteria=(
        *(
            Criterion(
                f"regime-{name.replace(' ', '-')}",
                f"regime at gamma = {gamma:.3g}, from the change of the tangent kernel",
                "equal",
                0.0,
                "under 0.3 of itself lazy, over 10 saddle-to-saddle",
                claimed=name,
                finite_size="width 100 (full: 200)",
            )
            for name, gamma in _NAMES.items()
        ),
        Criterion(
            "test-lazy",
            "lazy: relative error on entries not observed, at least",
            "at least",
            0.0,
            "a kernel that does not move knows nothing of these entries; predicting 0 has error 1",
            claimed=1.0,
        ),
        Criterion(
            "test-rich",
            "saddle-to-saddle: relative error on entries not observed",
            "at most",
            0.0,
            "recovered to a few percent",
            claimed=0.05,
            finite_size=_SIZE,
        ),
        Criterion(
            "test-order", "the test error falls from regime to regime", "equal", 0.0, "ordered by gamma", claimed=True
        ),
        Criterion(
            "rank",
            "saddle-to-saddle: third singular value, beside 3 and 2",
            "at most",
            0.0,
            "one percent of the second",
            claimed=0.02,
            finite_size=_SIZE,
            power="a bias towards small norms of the weights only: mean-field training leaves 0.6",
        ),
        Criterion(
            "nuclear",
            "saddle-to-saddle: nuclear norm, beside the 5 of the matrix",
            "relative",
            0.01,
            "recovered to a percent",
            claimed=5.0,
            finite_size=_SIZE,
            power="a bias towards other norms: mean-field training ends at 6.3",
        ),
        Criterion(
            "control-nuclear",
            "mean field: nuclear norm, beside the 5 of the matrix",
            "relative",
            0.01,
            "the bound of the true row",
            claimed=5.0,
            control=True,
        ),
    ),
    quick={"width": 100},
    full={"width": 200},
    run=_run,
    draw=_draw,
)
