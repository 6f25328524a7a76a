"""Exit times of many runs beside their law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.plot.parts.canvas import PREDICTED, colour, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.measure import EscapeLaw, ExitTimes

_BEGIN = 0.25  # of the first exit


def exit_times(
    measured: ExitTimes, law: EscapeLaw | None = None, ax: Axes | None = None, *, label: str = "runs", number: int = 0
) -> Axes:
    """Draw the share of runs that are still on the plateau over time, with its band of 95 %, and the law dashed.

    Args:
        measured: from `measure.exit_times`; runs that ended before their exit are ticks.
        law: what theory says.
        ax: axes to draw on; new ones by default.
        label: of the runs.
        number: of the colour.

    Example:
        >>> import numpy as np
        >>> from saddlescope.measure import EscapeLaw, ExitTimes
        >>> ax = exit_times(ExitTimes(np.array([2.0, 2.5, 3.0]), np.array([True, True, False]), 0.5))
        >>> ax.get_ylabel()
        'share of runs on the plateau'
    """
    ax = new_axes() if ax is None else ax
    steps, low, high = measured.band()
    last = float(measured.times.max())
    first = float(steps[0]) if len(steps) else last
    times = np.concatenate([[0.0], steps, [last]])
    share = np.concatenate([[1.0], measured.survival(steps)])
    ax.step(
        times, np.append(share, share[-1]), where="post", color=colour(number), linewidth=2.2, label=label, zorder=3
    )
    if len(steps) > 1:
        ax.fill_between(steps, low, high, step="post", color=colour(number), alpha=0.2, linewidth=0, zorder=1)
    ended = measured.times[~measured.exited]
    if len(ended):
        ax.plot(
            ended, measured.survival(ended), "|", color=colour(number), markersize=10, label="ended before", zorder=4
        )
    begin = _BEGIN * first
    if law is not None:
        fine = np.linspace(begin, 1.1 * last, 400)
        dashes = (0, (5, 2.5))
        ax.plot(fine, law.survival(fine), color=PREDICTED, linestyle=dashes, linewidth=2.0, label="law", zorder=5)
    ax.set_xlim(begin, 1.1 * last)
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("share of runs on the plateau", fontsize=13)
    ax.legend(loc="upper right", frameon=False, fontsize=12)
    return ax
