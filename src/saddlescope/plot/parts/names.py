"""Names written beside what they name: predicted times above their lines, curves at their right ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from saddlescope.plot.parts.canvas import PREDICTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def name_time(ax: Axes, time: float, number: int, side: str = "center") -> None:
    """Write t_number above the axes at this time.

    Args:
        ax: whose upper edge it stands on.
        time: where.
        number: of the jump or degree.
        side: on which side of the name the time lies, as in matplotlib's `ha`.
    """
    ax.annotate(
        f"$t_{{{number}}}$",
        (time, 1.0),
        (0, 3),
        xycoords=ax.get_xaxis_transform(),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=13,
        color=PREDICTED,
    )


def name_end(ax: Axes, name: str, place: float, color: str, size: float = 13) -> None:
    """Write a name right of the axes.

    Args:
        ax: whose right edge it stands at.
        name: as matplotlib writes it.
        place: its height, as a share of that of the axes.
        color: of the curve it names.
        size: of the letters, in points.
    """
    ax.annotate(
        name,
        (1.0, place),
        (6, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=size,
        color=color,
        annotation_clip=False,
    )
