"""The kind of figure most experiments need: measured points or lines, and dashed predictions beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from saddlescope.plot.parts.canvas import PREDICTED, SIZE, colour, log_time, new_axes, pair_of_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHED: Any = (0, (5, 2.5))
MARKERS = "osD^vP"


def measured(ax: Axes, x: Any, y: Any, number: int, name: str, *, points: bool = True) -> None:
    """Draw what was measured: solid, with points where there are few, in the colour of that number."""
    marker = MARKERS[number % len(MARKERS)] if points else ""
    ax.plot(x, y, color=colour(number), marker=marker, markersize=7, linewidth=2.0, label=name, zorder=3)


def predicted(ax: Axes, x: Any, y: Any, name: str | None = "predicted") -> None:
    """Draw a prediction: dashed. Several of a figure share one name in the legend."""
    labels = ax.get_legend_handles_labels()[1]
    label = "_" if name is None or name in labels else name
    ax.plot(x, y, color=PREDICTED, linewidth=1.8, linestyle=DASHED, label=label, zorder=4)


def finished(
    ax: Axes,
    xlabel: str,
    ylabel: str,
    *,
    log: Literal["", "x", "y", "xy"] = "",
    columns: int = 4,
) -> Axes:
    """Label the axes and put the legend above them, where it covers no data."""
    from matplotlib.artist import getp

    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.set_xlabel(xlabel, fontsize=13)
    ax.set_ylabel(ylabel, fontsize=13)
    for axis, sides in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        if axis.get_scale() == "log":
            # from a hundred on, matplotlib's own powers of ten are best
            short = sides[1] < (100 if axis is ax.xaxis else 20) * sides[0]
            if short:
                log_time(axis, *sides)
    entries = list(zip(*ax.get_legend_handles_labels(), strict=True))
    if entries:
        # measured things first, predictions last
        entries.sort(key=lambda entry: getp(entry[0], "color") == PREDICTED)
        ax.legend(
            *zip(*entries, strict=True),
            loc="lower left",
            bbox_to_anchor=(0.0, 1.02),
            ncols=columns,
            frameon=False,
            fontsize=12,
            borderaxespad=0,
            columnspacing=1.4,
            handlelength=2.2,
        )
    return ax


def axes() -> Axes:
    """Return one pair of axes."""
    return new_axes()


def two_axes() -> tuple[Axes, Axes]:
    """Return two axes side by side, on one wide figure."""
    return pair_of_axes((1.3 * SIZE[0], SIZE[1]))
