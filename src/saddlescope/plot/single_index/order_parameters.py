"""Order parameters: overlaps of all neurons with all teachers, from the symmetric plateau to specialisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, clear_above, colour, log_time, new_axes, tint
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 4  # teachers with a colour of their own
_MARKS = 26  # of a run drawn beside
_DASHES = (0, (3, 1.5))
_ONE = "with the teacher"


def order_parameters(trajectory: Trajectory, beside: Trajectory | None = None, ax: Axes | None = None) -> Axes:
    """Draw the overlap of every neuron with every teacher over log time, above them the risk; return the former's axes.

    Colours are those of teachers. The overlap of a neuron with the teacher it ends nearest to is a strong line, those
    with the other teachers are faint: on the symmetric plateau they lie together, at specialisation they part. Where
    inputs are a mixture, overlaps with the centre of a cloud are dashed.

    Args:
        trajectory: holds overlap (state_time, neuron[, direction]) and risk (time,); of several runs, the first is
            drawn.
        beside: another run of as many neurons, as dots, such as SGD beside its flow.
        ax: where to draw; by default new axes, on a figure of their own. The risk has axes of its own above.

    Raises:
        ArgumentError: if a trajectory has no overlaps, or those beside are of another shape.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.MultiIndex(link="erf", activation="erf", directions=2)
        >>> flow = ss.NetworkFlow(problem, epsilon=1.0, neurons=2, dimension=50, second_layer="rademacher")
        >>> ax = order_parameters(ss.solve(flow, until=10.0))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['with teacher 1', 'with teacher 2']
    """
    for run in (trajectory, beside):
        if run is not None and "overlap" not in run.observables:
            raise ArgumentError("trajectory", "hold overlap, as those of networks do", run.kind)
    time, overlap = _first_run(trajectory)
    own, ax = ax is None, new_axes() if ax is None else ax
    end = float(trajectory.time[-1])
    begin = _begin(time, overlap, end)
    fine = np.geomspace(begin, end, 800)
    neurons, teachers = overlap.shape[1:]
    curves = between(fine, time, overlap.reshape(len(time), -1)).reshape(len(fine), neurons, teachers)
    nearest = np.argmax(np.abs(overlap[-1]), axis=1)
    for strong in (False, True):
        for i in range(neurons):
            for r in range(teachers):
                if (nearest[i] == r) == strong:
                    _line(ax, fine, curves[:, i, r], r, strong)
    centred = "overlap_with_centre" in trajectory.observables
    if centred:
        _centre(ax, fine, between(fine, time, trajectory["overlap_with_centre"]))
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    log_time(ax.xaxis, begin, end)
    above = ax.inset_axes((0.0, 1.06, 1.0, 0.34), sharex=ax)
    _risk(above, trajectory, fine)
    _plateau(ax, above, trajectory, begin)
    if beside is not None:
        _dots(ax, above, beside, overlap.shape, nearest, begin)
    ax.axhline(0.0, color=INK, linewidth=0.6, zorder=0)
    ax.set_xlabel("time $t$", fontsize=13)
    metric = "\\Sigma " if "eigenvalues" in trajectory.parameters.get("inputs", {}) else ""
    ax.set_ylabel(f"overlap $s = \\langle u, {metric}v\\rangle$", fontsize=13)
    if teachers > 1 or centred:
        _legend(ax, teachers, beside is not None, centred)
    if own:
        clear_above(ax)
    return ax


def _first_run(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Saved times, and overlaps of the first run, shape (state_time, neuron, direction)."""
    overlap = trajectory["overlap"]
    if "run" in trajectory.dims["overlap"]:
        overlap = overlap[:, 0]
    if "direction" not in trajectory.dims["overlap"]:
        overlap = overlap[..., None]
    return trajectory["state_time"], overlap


def _begin(time: np.ndarray, overlap: np.ndarray, end: float) -> float:
    """Before the first overlap has moved by a twentieth; the wait before is nothing to look at."""
    moved = np.abs(overlap - overlap[0]).reshape(len(time), -1).max(axis=1)
    return max(float(time[np.argmax(moved > 0.05 * moved.max())]) / 5, 1e-6 * end, float(time[1]))


def _line(ax: Axes, fine: np.ndarray, curve: np.ndarray, teacher: int, strong: bool) -> None:
    shade = colour(teacher if teacher < _NAMED else None)
    faint = tint(teacher if teacher < _NAMED else None, 0.6)
    ax.plot(fine, curve, color=shade if strong else faint, linewidth=2.6 if strong else 1.5, zorder=3 if strong else 2)


def _centre(ax: Axes, fine: np.ndarray, curves: np.ndarray) -> None:
    ax.plot(fine, curves, color=INK, linewidth=1.5, linestyle=_DASHES, zorder=2.5)


def _risk(above: Axes, trajectory: Trajectory, fine: np.ndarray) -> None:
    risk = trajectory["risk"].reshape(len(trajectory.time), -1)[:, :1]
    above.plot(fine, between(fine, trajectory.time, risk)[:, 0], color=INK, linewidth=2.2)
    above.set_yscale("log")
    above.set_ylabel("excess\nrisk", fontsize=13)
    above.tick_params(labelsize=12)
    above.tick_params(axis="x", which="both", labelbottom=False)
    above.spines[["top", "right"]].set_visible(False)
    low, high = float(np.min(risk)), float(np.max(risk))
    above.set_ylim(max(0.5 * low, 1e-5 * high), 2 * high)


def _plateau(ax: Axes, above: Axes, trajectory: Trajectory, begin: float) -> None:
    """Shade the flat stretch of the risk on which neurons have no teacher of their own."""
    for plateau in plateaus(trajectory) if trajectory["risk"].ndim == 1 else ():
        middle = float(np.sqrt(max(plateau.start, begin) * plateau.end))
        at = int(np.argmin(np.abs(trajectory["state_time"] - middle)))
        if not plateau.over or plateau.start < begin or specialised(trajectory)[at]:
            continue
        for axes in (ax, above):
            axes.axvspan(plateau.start, plateau.end, color="#EFEFEF", linewidth=0, zorder=0)
        above.text(
            middle,
            0.93,
            "symmetric plateau",
            transform=above.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=12,
            color=INK,
        )


def specialised(trajectory: Trajectory) -> np.ndarray:
    """Return for every saved state whether neurons have parted, shape (state_time,).

    They have when the median neuron, of all runs, has twice the overlap with one teacher that it has with any other.
    With one teacher they never do.
    """
    overlap = trajectory["overlap"]
    if "direction" not in trajectory.dims["overlap"]:
        return np.zeros(len(overlap), dtype=bool)
    size = np.sort(np.abs(overlap), axis=-1)
    contrast = size[..., -1] - 2 * size[..., -2]
    return np.median(contrast.reshape(len(contrast), -1), axis=1) > 0


def _dots(ax: Axes, above: Axes, beside: Trajectory, shape: tuple[int, ...], nearest: np.ndarray, begin: float) -> None:
    time, overlap = _first_run(beside)
    if overlap.shape[1:] != shape[1:]:
        raise ArgumentError("beside", f"hold overlaps of shape {shape[1:]}", overlap.shape[1:])
    kept = np.flatnonzero(time > begin)
    kept = kept[np.unique(np.linspace(0, len(kept) - 1, _MARKS).astype(int))] if len(kept) else kept
    for i in range(shape[1]):
        for r in range(shape[2]):
            strong = nearest[i] == r
            named = r if r < _NAMED else None
            ax.plot(
                time[kept],
                overlap[kept, i, r],
                linestyle="",
                marker="o",
                markersize=5.5 if strong else 3.5,
                markerfacecolor="white",
                markeredgecolor=colour(named) if strong else tint(named, 0.6),
                zorder=4 if strong else 2.5,
            )
    risk = beside["risk"].reshape(len(beside.time), -1)[:, 0]
    above.plot(
        time[kept],
        np.interp(time[kept], beside.time, risk),
        linestyle="",
        marker="o",
        markersize=4.5,
        markerfacecolor="white",
        markeredgecolor=INK,
    )


def _legend(ax: Axes, teachers: int, dots: bool, centred: bool) -> None:
    from matplotlib.lines import Line2D

    shown = [
        Line2D([], [], color=colour(r), linewidth=2.6, label=f"with teacher {r + 1}" if teachers > 1 else _ONE)
        for r in range(min(teachers, _NAMED))
    ]
    if teachers > _NAMED:
        shown.append(Line2D([], [], color=colour(None), linewidth=2.6, label="with other teachers"))
    if centred:
        shown.append(Line2D([], [], color=INK, linewidth=1.5, linestyle=_DASHES, label="with the centre of a cloud"))
    if dots:
        shown.append(
            Line2D([], [], linestyle="", marker="o", markerfacecolor="white", markeredgecolor=INK, label="SGD")
        )
    ax.legend(handles=shown, loc="upper left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=12)
