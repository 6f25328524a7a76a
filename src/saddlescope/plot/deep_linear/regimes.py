"""Regimes: cost and test error of several runs, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, SIZE, colour, pair_of_axes
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEEPEST = 1e-6  # of the cost at the start: where the axis ends
_BEFORE = 1e-2  # of the first time at which anything moves: where the axis starts
_STYLES = ("-", (0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


def regimes(runs: Mapping[str, Trajectory], ax: tuple[Axes, Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw the cost, relative to its start, and the test error of several runs over log time; return both axes.

    Args:
        runs: name -> trajectory of a deep linear network.
        ax: two axes to draw in; by default new ones, side by side on a figure of their own.

    Raises:
        ArgumentError: if there is no run, or one without a cost.

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import DeepLinearFlow, LeastSquares
        >>> cost = LeastSquares([[2.0, 0.0], [0.0, 1.0]])
        >>> runs = {f"gamma {g}": ss.solve(DeepLinearFlow(cost, 2, 10, g), until=20.0) for g in (0.5, 2.5)}
        >>> [str(line.get_label()) for line in regimes(runs)[0].get_lines()]
        ['gamma 0.5', 'gamma 2.5']
    """
    if not runs:
        raise ArgumentError("runs", "hold at least one run", dict(runs))
    for run in runs.values():
        if "cost" not in run.observables:
            raise ArgumentError("runs", "hold trajectories with a cost", run.kind)
    left, right = pair_of_axes((1.25 * SIZE[0], SIZE[1])) if ax is None else ax
    begin = min(_first_move(run) for run in runs.values()) * _BEFORE
    end = max(float(run.time[-1]) for run in runs.values())
    tested = False
    for place, (name, run) in enumerate(runs.items()):
        style = {"color": colour(place), "linewidth": 2.4, "linestyle": _STYLES[place % len(_STYLES)]}
        fine = np.geomspace(begin, float(run.time[-1]), 800)
        cost = between(fine, run.time, run["cost"][:, None], run["cost_rate"][:, None])[:, 0]
        left.plot(fine, cost / run["cost"][0], label=name, **style)
        error = run.observables.get("test_error")
        if error is None or not np.isfinite(error).all():
            continue
        tested = True
        shown = between(fine, run.time, error[:, None])[:, 0]
        right.plot(fine, shown, label=name, **style)
        right.plot(fine[-1], shown[-1], marker="o", markersize=6, color=style["color"])
    for axes, label in ((left, "cost, relative to its start"), (right, "test error")):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(begin, 1.6 * end)
        axes.set_xlabel("time $t$", fontsize=13)
        axes.set_title(label, loc="left", fontsize=13, color=INK)
    left.set_ylim(_DEEPEST, 2)
    low, high = right.dataLim.intervaly
    if not low > 0 or high < 10 * low:
        right.set_yscale("linear")
        right.set_ylim(0.0, 1.1 * high if tested else 1.0)
    if not tested:
        right.text(0.5, 0.5, "nothing is held out", transform=right.transAxes, ha="center", color=INK, fontsize=12)
    if len(runs) > 1:
        left.legend(loc="lower left", frameon=False, fontsize=12, handlelength=2.6)
    return left, right


def _first_move(run: Trajectory) -> float:
    """First time at which the cost has lost a tenth of what it will lose."""
    cost = run["cost"]
    return max(float(run.time[np.argmax(cost < cost[0] - 0.1 * (cost[0] - cost[-1]))]), 1e-9 * float(run.time[-1]))
