"""A predicted learning order, drawn over a risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from saddlescope.plot.parts.canvas import PREDICTED
from saddlescope.plot.parts.names import name_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BEYOND = 10**0.5  # how far a prediction is drawn beyond its last time, where it does not reach every degree


class Prediction(Protocol):
    """What a predicted learning order offers to a picture."""

    def times(self, epsilon: float) -> np.ndarray:
        """Predicted learning times, nan where there is none."""
        ...

    def risk(self, time: np.ndarray, epsilon: float) -> np.ndarray:
        """Predicted risk at `time`."""
        ...


def staircase(
    ax: Axes, order: Prediction, epsilon: float, begin: float, end: float, degrees: list[int | None]
) -> np.ndarray:
    """Draw the predicted risk as a dashed line from `begin` to `end` and mark its times; return the times.

    Args:
        ax: with a log axis of time.
        order: what is predicted at this epsilon.
        epsilon: learning-rate ratio.
        begin, end: of the axis.
        degrees: what the measured risk consists of, None for what no degree has: the line ends soon after the last
            predicted time where it does not reach all of them.
    """
    times = order.times(epsilon)
    known = np.flatnonzero(np.isfinite(times))
    last = known[-1] if known.size else -1
    until = end
    if any(k is None or k > last for k in degrees):
        # beyond the last predicted degree theory is silent, which a flat line would hide
        until = min(end, max(np.nanmax(times), begin) * _BEYOND) if known.size else begin
    if until > begin:
        fine = np.geomspace(begin, until, 2000)
        risk = order.risk(fine, epsilon)
        ax.plot(fine, risk, color=PREDICTED, linewidth=1.8, linestyle=(0, (5, 2.5)), label="predicted")
    for k in known:
        if begin < times[k] < end:
            ax.axvline(times[k], color=PREDICTED, linewidth=0.9, alpha=0.7)
            name_time(ax, times[k], int(k))
    return times
