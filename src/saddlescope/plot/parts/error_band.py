"""Where a curve may be, given the error that its run states of times and heights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.plot.parts.palette import INK
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SEEN = 3e-3  # a smaller error is thinner than the line


def error_band(ax: Axes, trajectory: Trajectory, time: np.ndarray, value: np.ndarray) -> None:
    """Shade where the risk or cost of a run may be, if its error is large enough to be seen.

    Args:
        ax: where the curve is drawn.
        trajectory: whose curve it is.
        time: rising, shape (n,).
        value: risk or cost at these times, shape (n,).

    Example:
        >>> from matplotlib.figure import Figure
        >>> import saddlescope as ss
        >>> flow = ss.MeanFieldFlow(ss.SingleIndex([1.0, 1.0], [1.0, 1.0]), epsilon=0.01, particles=16)
        >>> run, ax = ss.solve(flow, until=2.0), Figure().subplots()
        >>> error_band(ax, run, run.time, run["risk"])
        >>> len(ax.collections)  # an error of 1e-6 does not show
        0
    """
    error = trajectory.accuracy.get("integration_error")
    if error is None or not _SEEN <= error < np.inf:
        return
    # a curve that comes at a time that is off by this, with a height that is off by this
    moved = np.stack([np.interp(time * (1 + shift), time, value) for shift in error * np.linspace(-1, 1, 9)])
    height = error * float(np.abs(trajectory["risk" if "risk" in trajectory.observables else "cost"]).max())
    low, high = moved.min(axis=0) - height, moved.max(axis=0) + height
    ax.fill_between(time, low, high, color=INK, alpha=0.18, linewidth=0, label="its error", zorder=2.5)
