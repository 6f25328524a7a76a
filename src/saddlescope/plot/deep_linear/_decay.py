"""Singular values under weight decay, beside the minima and barriers of their potential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.plot.parts.canvas import PREDICTED, colour, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.deep_linear.theory.weight_decay import DecayedModes
    from saddlescope.trajectory import Trajectory


_LEAST = 1e-4  # of the largest singular value, and of the whole time: where the axes begin


def decay(trajectory: Trajectory, decayed: DecayedModes | None = None, ax: Axes | None = None) -> Axes:
    """Draw the singular values of the product over time, where each can end, and below which value it dies.

    Args:
        trajectory: of a deep linear network with weight decay.
        decayed: from `decayed_modes`; drawn dashed (ends) and dotted (barriers) where given.
        ax: axes to draw on; new ones by default.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.DeepLinearFlow(ss.LeastSquares([[2.0]]), 3, 2, gamma=0.0, weight_decay=0.1)
        >>> ax = decay(ss.solve(flow, until=20.0), flow.target_modes())
        >>> ax.get_ylabel()
        'singular values of the product'
    """
    ax = new_axes() if ax is None else ax
    time, values = trajectory.time, trajectory["singular_values"]
    late = time > 0
    for k in range(values.shape[1]):
        ax.plot(time[late], values[late, k], color=colour(k), linewidth=2.0, label=f"mode {k + 1}", zorder=3)
    if decayed is not None:
        for name, style, levels in (
            ("minimum", (0, (5, 2.5)), decayed.learnt),
            ("barrier", (0, (1, 2)), decayed.barrier),
        ):
            shown = np.unique(levels[np.isfinite(levels) & (levels > 0)])
            for number, level in enumerate(shown):
                label = name if number == 0 else "_"
                ax.axhline(level, color=PREDICTED, linewidth=1.6, linestyle=style, label=label, zorder=4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    top = float(values.max())
    ax.set_ylim(_LEAST * top, 2 * top)
    ax.set_xlim(float(max(time[late][0], _LEAST * time[-1])), float(time[-1]))
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("singular values of the product", fontsize=13)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.02), ncols=5, frameon=False, fontsize=12, borderaxespad=0)
    return ax
