"""The stages of a training curve: raw and binned values, its plateaus as bars, the changes between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import Stages, plateaus
from saddlescope.measure.partition import bin_curve
from saddlescope.plot.parts.canvas import DEGREES, INK, log_time, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = [DEGREES[k] for k in (4, 1, 2, 3, 0, 5)]
_BINS = 220  # of the clear line
_MOST_RAW = 20_000  # points of the faint one: more would only make the file larger
_SMALL, _LATE = 0.14, 0.82  # of the axes: steps that hold no text, and places right of which there is no room
_MARK = "saddlescope.stages"  # tells how many curves the axes already hold


def stages(curve: Any, stages: Stages | None = None, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Draw a curve with its plateaus on the axes on which they were judged, and return the axes.

    Raw values are faint, medians over bins of time clear; each plateau is a bar with its height, each change a dotted
    line with its size.

    Args:
        curve: has `.time` and `.value` of shape (T,); its `.name` and `.time_label` are the labels of the axes.
        stages: its plateaus; by default those that `plateaus(curve)` finds.
        ax: where to draw; by default new axes, on a figure of their own. Further curves take further colours.
        label: of the curve, for a legend.

    Raises:
        ArgumentError: for a curve without times and values, or what `plateaus` refuses.

    Example:
        >>> from types import SimpleNamespace
        >>> t = np.arange(1.0, 2000.0)
        >>> ax = stages(SimpleNamespace(time=t, value=1 + 1 / (1 + (t / 60) ** 8), name="loss"))
        >>> ax.get_xscale(), [text.get_text() for text in ax.texts]
        ('log', ['2', 'drop by 1 (× 2)', '1'])
    """
    if not hasattr(curve, "time") or not hasattr(curve, "value"):
        raise ArgumentError("curve", "have times and values", type(curve).__name__)
    judged = plateaus(curve) if stages is None else stages
    time, value = np.asarray(curve.time, dtype=float), np.asarray(curve.value, dtype=float)
    kept = np.isfinite(time) & np.isfinite(value)
    if judged.time_axis == "log":
        kept &= time > 0
    if judged.scale == "log":
        kept &= value > 0
    time, value = time[kept], value[kept]
    fresh = ax is None
    ax = new_axes() if ax is None else ax
    before = sum(line.get_gid() == _MARK for line in ax.lines)
    colour = _COLOURS[before % len(_COLOURS)]
    if before == 0:
        _axes(ax, judged, time, value, curve)
    _lines(ax, judged, time, value, colour, label)
    limits = ax.get_ylim()
    for number, plateau in enumerate(judged):
        ax.plot([plateau.start, plateau.end], [plateau.height] * 2, color=colour, linewidth=7, alpha=0.45, zorder=3)
        _height(ax, judged, number)
        _change(ax, judged, number, colour)
    ax.set_ylim(limits)
    if label is not None:
        ax.legend(frameon=False, fontsize=12)
    elif fresh:
        ax.set_title(_title(judged), loc="left", fontsize=13, pad=12)
    return ax


def _title(judged: Stages) -> str:
    count = len(judged)
    return f"{count} plateau{'' if count == 1 else 's'}" if count else "no plateau"


def _axes(ax: Axes, judged: Stages, time: np.ndarray, value: np.ndarray, curve: Any) -> None:
    ax.set_xscale(judged.time_axis)
    ax.set_xlim(time[0], time[-1])
    if judged.time_axis == "log":
        log_time(ax.xaxis, float(time[0]), float(time[-1]))
    if judged.scale == "log":
        ax.set_yscale("log")
        low, high = value.min(), value.max()
        room = max(high / low, 1.5) ** 0.08
        ax.set_ylim(low / room, high * room**1.5)
    else:
        if judged.scale == "log above the noise":
            ax.set_yscale("symlog", linthresh=float(np.quantile(np.abs(value), 0.1)) or 1e-12)
        low, high = float(value.min()), float(value.max())
        room = 0.06 * (high - low) or 1.0
        ax.set_ylim(low - room, high + 1.6 * room)
    clock = getattr(curve, "time_label", None) or getattr(curve, "x", None)
    ax.set_xlabel(_plain(clock) if isinstance(clock, str) else "time", fontsize=13)
    ax.set_ylabel(_plain(getattr(curve, "name", "") or "value"), fontsize=13)


def _plain(text: str) -> str:
    """A name as it is: matplotlib would read dollars as formulas."""
    return str(text).replace("$", r"\$")


def _lines(ax: Axes, judged: Stages, time: np.ndarray, value: np.ndarray, colour: str, label: str | None) -> None:
    every = max(time.size // _MOST_RAW, 1)
    ax.plot(time[::every], value[::every], color=colour, linewidth=0.7, alpha=0.28, zorder=1, rasterized=True)
    x = np.log10(time) if judged.time_axis == "log" else time
    shown, medians = time, value
    if time.size > _BINS and x[-1] > x[0]:
        bins = bin_curve(x, value, _BINS)
        shown, medians = 10**bins.x if judged.time_axis == "log" else bins.x, bins.y
    name = None if label is None else _plain(label)
    (line,) = ax.plot(shown, medians, color=colour, linewidth=2.0, zorder=2, label=name, solid_joinstyle="round")
    line.set_gid(_MARK)


def _height(ax: Axes, judged: Stages, number: int) -> None:
    plateau = judged[number]
    log = judged.time_axis == "log"
    middle = np.sqrt(plateau.start * plateau.end) if log else (plateau.start + plateau.end) / 2
    ax.annotate(
        f"{plateau.height:.3g}",
        (float(middle), plateau.height),
        (0, 9),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=12,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0},
        zorder=5,
    )


def _change(ax: Axes, judged: Stages, number: int, colour: str) -> None:
    plateau, text = judged[number], judged.change_of(number)
    if text is None or not np.isfinite(plateau.drop_time):
        return
    after = plateau.height + plateau.change
    ends = [plateau.height, after]
    ax.plot([plateau.drop_time] * 2, ends, color=colour, linestyle=":", linewidth=1.6, zorder=2.5)
    to_axes = (ax.transData + ax.transAxes.inverted()).transform
    (place, first), (_, second) = (to_axes((plateau.drop_time, end)) for end in ends)
    small, late = abs(second - first) < _SMALL, place > _LATE
    # beside the middle of the step; a small one has no room there, and its upper end is free
    at = (first + second) / 2 if not small else max(first, second)
    ax.annotate(
        text,
        (place, at),
        (-7 if late else 7, 9 if small else 0),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right" if late and not small else "center" if small else "left",
        va="bottom" if small else "center",
        fontsize=11,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0},
        zorder=5,
    )
