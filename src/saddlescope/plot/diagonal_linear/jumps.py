"""The jumps of a diagonal network: cost and coefficients against time, with the predicted staircases over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.canvas import DEGREES, INK, PREDICTED, REST, SIZE, spread
from saddlescope.plot.parts.names import name_end, name_time
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.diagonal_linear import DiagonalPath

_DEEPEST = 1e-7  # of the cost at the start: where a log axis ends
_SEEN = 0.03  # of the largest coefficient, from which on a coordinate gets a colour of its own
_GAP = 0.11  # of the height, between names at the right
_CLOSE = 0.025  # of the axis of time: jumps whose names would meet
_DASHES = (0, (5, 2.5))


def jumps(
    trajectory: Trajectory,
    path: DiagonalPath | None = None,
    ax: tuple[Axes, Axes] | None = None,
    *,
    scale: Literal["linear", "log"] = "linear",
) -> tuple[Axes, Axes]:
    """Draw cost and coefficients over time, beside them the predicted staircases, and return both axes.

    Args:
        trajectory: of a diagonal network; holds cost (time,) and regressor (time, coordinate).
        path: the predicted jumps, of `jump_sequence`.
        ax: where to draw the cost and the coefficients; by default one above the other, on a figure of their own.
        scale: axis of the cost.

    Raises:
        ArgumentError: if the trajectory has no cost and coefficients, or an axis is not known.

    Example:
        >>> import saddlescope as ss
        >>> X, y = [[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0]
        >>> run = ss.solve(ss.DiagonalFlow(X, y, log_scale=30.0), until=3.0)
        >>> cost, coefficients = jumps(run, ss.jump_sequence(X, y))
        >>> [text.get_text() for text in cost.texts]
        ['$t_{1}$', '$t_{2}$']
    """
    if not {"cost", "regressor"} <= set(trajectory.observables):
        raise ArgumentError("trajectory", "hold cost and regressor, as those of diagonal networks do", trajectory.kind)
    if scale not in ("linear", "log"):
        raise ArgumentError("scale", "be 'linear' or 'log'", scale)
    above, below = _pair() if ax is None else ax
    end, time, cost, beta = float(trajectory.time[-1]), trajectory.time, trajectory["cost"], trajectory["regressor"]
    above.plot(time, cost, color=INK, linewidth=2.4, label="measured", solid_joinstyle="round", zorder=3)
    top = float(cost[0])
    above.set_yscale(scale)
    above.set_ylim((_DEEPEST * top, 3 * top) if scale == "log" else (-0.05 * top, 1.1 * top))
    _coefficients(below, time, beta)
    if path is not None:
        _predict(above, below, path, end)
    for one in (above, below):
        one.set_xlim(0.0, end)
    above.tick_params(labelbottom=False)
    above.set_ylabel(r"cost $L(\beta)$", fontsize=13)
    below.set_ylabel(r"coefficients $\beta_i$", fontsize=13)
    below.set_xlabel(_clock(trajectory), fontsize=13)
    above.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.08),
        ncols=2,
        frameon=False,
        fontsize=12,
        borderaxespad=0,
        handlelength=1.6,
    )
    return above, below


def _pair() -> tuple[Axes, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for ax in (above, below):
        ax.tick_params(labelsize=12)
        ax.spines[["top", "right"]].set_visible(False)
    return above, below


def _clock(trajectory: Trajectory) -> str:
    """What time is counted in: a unit that goes to infinity with the scale, but for u * v no number of its own."""
    told = trajectory.parameters
    if told.get("depth", 2) == 2 and told.get("parametrization", "product") == "product":
        return r"time, in units of $\ln(1/\alpha)$"
    return f"time, in units of {told['time_unit']:.4g}"


def _coefficients(ax: Axes, time: np.ndarray, beta: np.ndarray) -> None:
    """Draw one line a coordinate, those that are ever large coloured and named at the right, largest first."""
    largest = np.abs(beta).max(axis=0)
    order = [int(i) for i in np.argsort(-largest, kind="stable")]
    seen = [i for i in order if largest[i] > _SEEN * max(largest.max(), np.finfo(float).tiny)]
    for i in reversed(order):
        colour, width = (DEGREES[seen.index(i)], 2.4) if i in seen[: len(DEGREES)] else (REST, 1.0)
        ax.plot(time, beta[:, i], color=colour, linewidth=width, solid_joinstyle="round", zorder=2 + (width > 1))
    ax.margins(y=0.12)
    # in the order in which they end, from the top, each beside its own line
    named = sorted(seen[: len(DEGREES)], key=lambda i: -beta[-1, i])
    low, high = ax.get_ylim()
    places = spread([float((beta[-1, i] - low) / (high - low)) for i in named], _GAP)
    for i, place in zip(named, places, strict=True):
        name_end(ax, rf"$\beta_{{{i}}}$", place, DEGREES[seen.index(i)])


def _predict(above: Axes, below: Axes, path: DiagonalPath, end: float) -> None:
    """Draw the staircases as far as they are known."""
    until = end if path.complete else min(end, float(path.jump_times[-1]))
    reached = path.jump_times[path.jump_times < until]
    steps = np.repeat(np.concatenate([[0.0], reached, [until]]), 2)[1:-1]
    style: dict[str, Any] = {"color": PREDICTED, "linewidth": 1.8, "linestyle": _DASHES, "zorder": 4}
    visited = np.repeat(np.arange(len(reached) + 1), 2)
    above.plot(steps, path.losses[visited], label="predicted", **style)
    for i in np.flatnonzero(np.any(path.regressors != 0, axis=0)):
        below.plot(steps, path.regressors[visited, i], **{**style, "linewidth": 1.4})
    close = np.diff(reached, prepend=-end, append=3 * end) < _CLOSE * end
    for number, jump in enumerate(reached):
        for ax in (above, below):
            ax.axvline(jump, color=PREDICTED, linewidth=0.9, alpha=0.7, zorder=1)
        # names of jumps that are close stand apart
        side = "left" if close[number] else "right" if close[number + 1] else "center"
        name_time(above, jump, number + 1, side)
