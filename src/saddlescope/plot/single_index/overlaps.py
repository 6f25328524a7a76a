"""Which neurons carry the action: their overlap, or output weight, against the weight they started from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from saddlescope.arguments import ArgumentError, vector
from saddlescope.measure import learning_times
from saddlescope.plot.parts.canvas import INK, colour, new_axes
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW = 40  # neurons up to this many are drawn one by one
_TOGETHER = 1.3  # degrees learnt within this factor of time count as learnt at once
_CARRIED = 0.9


def overlaps(
    trajectory: Trajectory,
    times: Sequence[float] | None = None,
    ax: Axes | None = None,
    *,
    of: Literal["overlap", "second_layer"] = "overlap",
) -> Axes:
    """Draw the overlaps s of all neurons against their initial weights a(0) at a few times; return the axes.

    Where a degree has just been learnt, the legend says which share of the neurons carries 90 % of
    Σ w |a s^k|, the moment that degree is learnt with.

    Args:
        trajectory: of a single-index problem; holds second_layer and overlap (state_time, neuron) and weight
            (neuron,).
        times: when to look, in the time of the trajectory; the nearest saved states are shown. By default
            half way, in log time, from each learning time to the next.
        ax: where to draw; by default new axes, on a figure of their own.
        of: what to draw, overlap or second_layer.

    Raises:
        ArgumentError: if the trajectory holds no neurons, or overlaps with several directions, or a time is not finite.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, 1.0], activation=[1.0, 1.0])
        >>> ax = overlaps(ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-4, particles=64), until=2.0))
        >>> ax.get_xlabel()
        'initial output weight $a(0)$'
    """
    for name in ("second_layer", "overlap", "weight"):
        if name not in trajectory.observables:
            raise ArgumentError("trajectory", f"hold {name}, as those of single-index problems do", trajectory.kind)
    if "direction" in trajectory.dims.get("overlap", ()):
        many = trajectory["overlap"].shape[-1]
        must = f"have overlaps with one direction (`plot.directions` draws those of a JointIndex) and not with {many}"
        raise ArgumentError("trajectory", must, trajectory.kind)
    if of not in ("overlap", "second_layer"):
        raise ArgumentError("of", 'be "overlap" or "second_layer"', of)
    shown = _moments(trajectory) if times is None else [(t, ()) for t in vector("times", times)]
    ax = new_axes() if ax is None else ax
    initial, weight = trajectory["second_layer"][0], trajectory["weight"]
    order = np.argsort(initial, kind="stable")
    marker = "o" if len(initial) <= _FEW else ""
    saved = trajectory["state_time"]
    for number, (time, degrees) in enumerate(shown):
        at = _nearest(saved, time)
        label = f"$t$ = {saved[at]:.2g}"
        if degrees:
            a, s = trajectory["second_layer"][at], trajectory["overlap"][at]
            share = _carriers(np.abs(a * s ** max(degrees)), weight)
            label += f"\ndegree {' and '.join(map(str, degrees))} learnt,"
            label += f"\n90 % of it by {_percent(share)} of the neurons"
        shade = colour(max(degrees)) if degrees else colour(number)
        ax.plot(
            initial[order],
            trajectory[of][at][order],
            color=shade,
            linewidth=1.8,
            marker=marker,
            markersize=6,
            label=label,
        )
    # small overlaps of many and large ones of few are both to be seen
    width = 0.01 if of == "overlap" else 1.0
    ax.set_yscale("asinh", linear_width=width)
    low, high = ax.get_ylim()
    decades = width * 10.0 ** np.arange(np.ceil(np.log10(max(-low, high, width) / width)) + 1)
    ticks = np.concatenate([-decades[::-1], [0.0], decades])
    ax.set_yticks(ticks[(ticks >= low) & (ticks <= high)], minor=False)
    ax.set_yticks([], minor=True)
    ax.axhline(0.0, color=INK, linewidth=0.6, zorder=0)
    ax.set_xlabel("initial output weight $a(0)$", fontsize=13)
    ax.set_ylabel("overlap $s = \\langle u_*, u\\rangle$" if of == "overlap" else "output weight $a$", fontsize=13)
    if shown:
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            frameon=False,
            fontsize=11,
            labelspacing=1.2,
            handlelength=1.2,
            borderaxespad=0,
        )
    return ax


def _nearest(saved: np.ndarray, time: float) -> int:
    with np.errstate(divide="ignore"):
        return int(np.argmin(np.abs(np.log(saved) - np.log(max(time, 0.0))))) if time > 0 else 0


def _carriers(action: np.ndarray, weight: np.ndarray) -> float:
    """Weight of the smallest group of neurons that carries most of the action."""
    order = np.argsort(-action)
    carried = np.cumsum((weight * action)[order])
    return float(weight[order[: int(np.searchsorted(carried, _CARRIED * carried[-1])) + 1]].sum())


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _moments(trajectory: Trajectory) -> list[tuple[float, tuple[int, ...]]]:
    """Times half way between learning times, with the degrees that were learnt just before each."""
    times = learning_times(trajectory)
    times[0] = np.nan  # degree 0 moves no overlap
    end = float(trajectory.time[-1])
    groups: list[list[int]] = []
    for k in np.argsort(times)[: np.count_nonzero(~np.isnan(times))]:
        if groups and times[k] < _TOGETHER * times[groups[-1][-1]]:
            groups[-1].append(int(k))
        else:
            groups.append([int(k)])
    if not groups:
        return [(end, ())]
    edges = [times[group[-1]] for group in groups]
    following = [times[group[0]] for group in groups[1:]] + [end]
    return [
        (float(np.sqrt(edge * after)), tuple(sorted(group)))
        for edge, after, group in zip(edges, following, groups, strict=True)
    ]
