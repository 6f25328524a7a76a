"""What is learnt of a teacher in each eigenspace of the inputs' covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.arguments import ArgumentError, count
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, log_time, new_axes, tint
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 6  # eigenvalues that a legend lists
_FAINTEST = 0.3
_MOVED = 0.02


def eigenvalues(trajectory: Trajectory, ax: Axes | None = None, *, direction: int = 0) -> Axes:
    """Draw how much of a teacher the neuron nearest to it has, in each eigenspace, over log time; return the axes.

    A line is <P u, P v> / |P v|^2, P the projection on an eigenspace: one where u has that part of v. The strongest
    colour is that of the largest eigenvalue.

    Args:
        trajectory: of a `NetworkFlow` on inputs of 2 to 64 eigenvalues.
        ax: where to draw; by default new axes, on a figure of their own.
        direction: which teacher.

    Raises:
        ArgumentError: if the trajectory does not tell eigenspaces apart, or there is no such teacher.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link="erf", activation="erf")
        >>> flow = ss.NetworkFlow(problem, 1.0, neurons=2, dimension=50, sphere=False, inputs=[2.0, 0.5])
        >>> ax = eigenvalues(ss.solve(flow, until=10.0))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['eigenvalue 2', 'eigenvalue 0.5']
    """
    if "overlap_by_eigenvalue" not in trajectory.observables:
        raise ArgumentError("trajectory", "hold overlap_by_eigenvalue, as flows on such inputs do", trajectory.kind)
    parts, teacher = trajectory["overlap_by_eigenvalue"], np.asarray(trajectory.parameters["teacher_by_eigenvalue"])
    place = count("direction", direction, least=0, most=len(teacher) - 1)
    if "direction" in trajectory.dims["overlap_by_eigenvalue"]:
        parts = parts[:, :, place]
    values, own = trajectory["eigenvalue"], teacher[place]
    seen = parts @ values
    nearest = parts[:, int(np.argmax(np.abs(seen[-1])))]
    shown = [b for b in np.argsort(-values) if own[b] > 0 and values[b] > 0]
    learnt = nearest[:, shown] / own[shown]
    ax = new_axes() if ax is None else ax
    time, end = trajectory["state_time"], float(trajectory.time[-1])
    moved = np.abs(learnt - learnt[0]).max(axis=1) > _MOVED
    begin = max(float(time[np.argmax(moved)]) / 3 if moved.any() else 0.0, 1e-6 * end, float(time[1]))
    fine = np.geomspace(begin, end, 600)
    curves = between(fine, time, learnt)
    strengths = np.linspace(1.0, _FAINTEST, len(shown)) if len(shown) > 1 else np.ones(1)
    for line, (b, strength) in enumerate(zip(shown, strengths, strict=True)):
        named = len(shown) <= _NAMED or line in (0, len(shown) - 1)
        label = f"eigenvalue {values[b]:.3g}" if named else None
        ax.plot(fine, curves[:, line], color=tint(0, strength), linewidth=2.4 if named else 1.4, label=label)
    ax.axhline(1.0, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    log_time(ax.xaxis, begin, end)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel(r"learnt of the teacher  $\langle Pu, Pv\rangle / |Pv|^2$", fontsize=13)
    ax.legend(loc="upper left", frameon=False, fontsize=12)
    return ax
