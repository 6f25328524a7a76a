"""The descent from saddle to saddle: cost against time, with the greedy costs and the predicted jumps over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.deep_linear.saddle_path import SaddlePath, jump_times
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, PREDICTED, log_time, new_axes
from saddlescope.plot.parts.error_band import error_band
from saddlescope.plot.parts.names import name_time
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEEPEST = 1e-7  # of the cost at the start: where a log axis ends
_BEFORE = 1e-3  # of the first jump (or of the end): where a log axis of time starts
_LETTER = 0.0105  # width of a letter of a name, of the width of the picture
_AFTER = 1.2  # of the last predicted jump, where the run goes on for much longer


def descent(
    trajectory: Trajectory,
    path: SaddlePath | None = None,
    ax: Axes | None = None,
    *,
    time: Literal["auto", "linear", "log"] = "auto",
    scale: Literal["linear", "log"] = "linear",
) -> Axes:
    """Draw the cost over time, beside it the staircase of a predicted path, and return the axes.

    Where jump times are predicted, the dashed line is constant at the costs of the saddles and falls at these times, to
    which thin lines are drawn; else the costs alone are dashed lines.

    Args:
        trajectory: of a deep linear network; holds cost (time,) and cost_rate (time,).
        path: the predicted saddles, such as a `GreedyPath` or a `SaddleToSaddleLimit`.
        ax: where to draw; by default new axes, on a figure of their own.
        time: axis of time. Jumps follow each other at even distances of time and crowd in log time; auto is linear
            where jump times are predicted, else log.
        scale: of the cost.

    Raises:
        ArgumentError: if the trajectory has no cost, or an axis is not known.

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, greedy_low_rank
        >>> cost = LeastSquares([[2.0, 0.0], [0.0, 1.0]])
        >>> run = ss.solve(DeepLinearFlow(cost, depth=2, width=10, gamma=2.5), until=20.0)
        >>> ax = descent(run, greedy_low_rank(cost, depth=2))
        >>> [text.get_text() for text in ax.texts if "rank" in text.get_text()]
        ['rank 0: 2.5', 'rank 1: 0.5', 'rank 2']
    """
    if "cost" not in trajectory.observables:
        raise ArgumentError("trajectory", "hold cost, as those of deep linear networks do", trajectory.kind)
    for name, value, known in (("time", time, ("auto", "linear", "log")), ("scale", scale, ("linear", "log"))):
        if value not in known:
            raise ArgumentError(name, f"be {' or '.join(map(repr, known))}", value)
    ax = new_axes() if ax is None else ax
    alpha = float(trajectory.parameters.get("scale") or 1.0)
    jumps = np.empty(0) if path is None else jump_times(path, alpha)
    known = jumps[np.isfinite(jumps)]
    if time == "auto":
        time = "linear" if known.size else "log"
    begin, end = _range(trajectory, known, time)
    t, cost = _curve(trajectory, begin, end, time)
    top = float(trajectory["cost"][0])
    ax.set_xscale(time)
    # room for the name of the last saddle, at which the run has only just come
    room = end if time == "log" or not known.size else max(end, known[-1] + 0.12 * (end - begin))
    ax.set_xlim(begin, room)
    if time == "log":
        log_time(ax.xaxis, begin, room)
    if scale == "log":
        ax.set_yscale("log")
        ax.set_ylim(_DEEPEST * top, 3 * top)
    else:
        # without steps the lines reach the right end, where the lowest is named from below
        ax.set_ylim((-0.02 if path is None or known.size else -0.08) * top, 1.1 * top)
    ax.plot(t, cost, color=INK, linewidth=2.4, label="measured", solid_joinstyle="round", zorder=3)
    error_band(ax, trajectory, t, cost)
    if path is not None:
        _predict(ax, path, jumps, room)
        _names(ax, path, jumps, room)
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.06),
        ncols=2,
        frameon=False,
        fontsize=12,
        borderaxespad=0,
        handlelength=1.6,
    )
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("cost $C(A)$", fontsize=13)
    return ax


def _range(trajectory: Trajectory, known: np.ndarray, time: str) -> tuple[float, float]:
    end = float(trajectory.time[-1])
    if known.size:
        end = min(end, max(_AFTER * float(known[-1]), _settled(trajectory)))
    if time == "linear":
        return 0.0, end
    return _BEFORE * (float(known[0]) if known.size and known[0] > 0 else end), end


def _settled(trajectory: Trajectory) -> float:
    """Time from which nothing of the cost can be seen to move any more."""
    cost = trajectory["cost"]
    moving = np.flatnonzero(cost > cost[-1] + 5e-3 * cost[0])
    return 1.1 * float(trajectory.time[moving[-1]]) if moving.size else 0.0


def _curve(trajectory: Trajectory, begin: float, end: float, time: str) -> tuple[np.ndarray, np.ndarray]:
    known = trajectory.time
    if time == "log":
        fine = np.geomspace(begin, end, 1500)
    else:
        fine = np.linspace(end * 1e-6, end, 1500)
    fine = np.unique(np.concatenate([fine, known[(known > begin) & (known < end)]]))
    cost = between(fine, known, trajectory["cost"][:, None], trajectory["cost_rate"][:, None])[:, 0]
    return fine, cost


def _predict(ax: Axes, path: SaddlePath, jumps: np.ndarray, end: float) -> None:
    style = {"color": PREDICTED, "linewidth": 1.8, "linestyle": (0, (5, 2.5)), "zorder": 4}
    if jumps.size and np.isfinite(jumps).all():
        visited = np.concatenate([[0.0], jumps, [max(end, jumps[-1])]])
        ax.plot(np.repeat(visited, 2)[1:-1], np.repeat(path.costs, 2), label="predicted", **style)
    else:
        for number, cost in enumerate(path.costs):
            ax.axhline(cost, label=None if number else "predicted", **(style | {"linewidth": 1.2}))
    for number, jump in enumerate(jumps):
        if np.isfinite(jump) and jump < end:
            ax.axvline(jump, color=PREDICTED, linewidth=0.9, alpha=0.7, zorder=1)
            name_time(ax, jump, number + 1)


def _names(ax: Axes, path: SaddlePath, jumps: np.ndarray, end: float) -> None:
    """Name the saddles over their steps, rank and predicted cost, or at the right where there are no steps."""
    steps = np.concatenate([[0.0], jumps, [end]])
    lowest = ax.get_ylim()[0] if ax.get_yscale() == "log" else -np.inf
    left, last = ax.get_xlim()[0], (np.inf, 0.0)
    for number, (rank, cost) in enumerate(zip(path.ranks, path.costs, strict=True)):
        name = f"rank {rank}"
        full = f"{name}: {cost:.4g}" if cost > 1e-6 * path.costs[0] else name
        begin, leave, below = max(steps[number], left), min(steps[number + 1], end), False
        if cost < lowest or begin >= end:
            continue
        if np.isnan(jumps).any():
            # lines that are close get their names side by side
            close = last[0] - cost < 0.08 * path.costs[0] and ax.get_yscale() == "linear"
            below = close and number + 1 == len(path.costs)
            share = last[1] - _LETTER * (len(full) + 2) if close and not below else 0.995
            last = cost, share
            place, side = (share, cost), "right"
        else:
            share = _share(ax, leave) - _share(ax, begin)
            full = next((text for text in (full, name) if share > _LETTER * len(text)), None)
            if full is None:
                continue
            place, side = ((_share(ax, leave) + _share(ax, begin)) / 2, cost), "center"
        ax.annotate(
            full,
            place,
            (0, -5 if below else 5),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            ha=side,
            va="top" if below else "bottom",
            fontsize=12.5,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            zorder=2,
        )


def _share(ax: Axes, t: float) -> float:
    """Where t lies on the axis of time, from 0 to 1."""
    begin, end = ax.get_xlim()
    if ax.get_xscale() == "linear":
        return float((t - begin) / (end - begin))
    return float(np.log(t / begin) / np.log(end / begin))
