"""Singular values of an infinitely wide network, from lazy to active."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator

from saddlescope.plot.parts.canvas import PREDICTED, colour, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.trajectory import Trajectory

_DECADES = 3.0  # of time that are shown
_POINTS = 60


def mixed_modes(
    trajectory: Trajectory, exact: Callable[[np.ndarray], np.ndarray] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the singular values of the product of a `WideLinearFlow` over log time, beside their closed form.

    Args:
        trajectory: of a `WideLinearFlow`.
        exact: closed form, from times of shape (T,) to values of shape (T, mode); drawn as dots where given.
        ax: axes to draw on; new ones by default.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.WideLinearFlow(ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]]), scale=0.1)
        >>> exact = lambda t: ss.deep_linear.mixed_mode(t[:, None], [2.0, 1.0], flow.k)
        >>> ax = mixed_modes(ss.solve(flow, until=10.0), exact)
        >>> ax.get_ylabel()
        'singular values of the product'
    """
    ax = new_axes() if ax is None else ax
    end = float(trajectory.time[-1])
    begin = max(float(trajectory.time[1]), end * 10**-_DECADES)
    dense = np.geomspace(begin, end, 400)
    # a lazy run takes few steps, between which it is smooth
    values = PchipInterpolator(trajectory.time, trajectory["singular_values"])(dense)
    for k in range(values.shape[1]):
        ax.plot(dense, values[:, k], color=colour(k), linewidth=2.2, label=f"mode {k + 1}", zorder=3)
    if exact is not None:
        shown = np.geomspace(begin, end, _POINTS)
        ax.plot([], [], "o", color=PREDICTED, markersize=3.2, label="closed form")
        ax.plot(shown, exact(shown), "o", color=PREDICTED, markersize=3.2, zorder=4)
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("singular values of the product", fontsize=13)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.02), ncols=5, frameon=False, fontsize=12, borderaxespad=0)
    return ax
