"""Singular values of the product and its effective rank, against log time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from saddlescope.arguments import ArgumentError
from saddlescope.measure import effective_rank
from saddlescope.plot.deep_linear.saddle_path import SaddlePath, jump_times
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, PREDICTED, clear_above, colour, log_time, new_axes, spread
from saddlescope.plot.parts.names import name_end, name_time
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 5  # modes with a colour and a name of their own
_BEFORE = 5.0  # the axis starts so many times before the first mode has grown
_GROWN = 0.05  # of its largest size
_DEEPEST, _LEAST = 1e-6, 1e-2  # of the largest singular value: where the axis ends


def singular_values(trajectory: Trajectory, path: SaddlePath | None = None, ax: Axes | None = None) -> Axes:
    """Draw the singular values over log time, above them the effective rank, and return the axes of the former.

    Args:
        trajectory: of a deep linear network; holds singular_values (time, mode).
        path: predicted saddles; their singular values are dashed lines over the times at which they are visited, and
            thin lines mark the jump times.
        ax: where to draw; by default new axes, on a figure of their own. The effective rank (exp of the entropy
            of s / sum s) is drawn on axes of its own above.

    Raises:
        ArgumentError: if the trajectory has no singular values.

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import DeepLinearFlow, LeastSquares
        >>> cost = LeastSquares([[2.0, 0.0], [0.0, 1.0]])
        >>> ax = singular_values(ss.solve(DeepLinearFlow(cost, depth=2, width=10, gamma=2.5), until=20.0))
        >>> [text.get_text() for text in ax.texts]
        ['$s_{1}$', '$s_{2}$']
    """
    if "singular_values" not in trajectory.observables:
        raise ArgumentError("trajectory", "hold singular_values, as those of deep linear networks do", trajectory.kind)
    own, ax = ax is None, new_axes() if ax is None else ax
    singular = trajectory["singular_values"]
    begin, end = _begin(trajectory), float(trajectory.time[-1])
    fine = np.unique(np.concatenate([np.geomspace(begin, end, 1200), trajectory.time[trajectory.time > begin]]))
    curves = np.sort(np.maximum(between(fine, trajectory.time, singular), 0.0), axis=1)[:, ::-1]
    above = ax.inset_axes((0.0, 1.05, 1.0, 0.3), sharex=ax)
    _dress(ax, above, begin, end)
    for mode in reversed(range(curves.shape[1])):
        named = mode < _NAMED
        shade = colour(mode) if named else colour(None)
        ax.plot(fine, curves[:, mode], color=shade, linewidth=2.2 if named else 1.2, label=f"$s_{{{mode + 1}}}$")
    _name(ax, curves)
    rank = effective_rank(curves, "entropy")
    above.plot(fine, rank, color=INK, linewidth=2.0)
    above.set_ylim(0.5, max(1.1 * float(rank.max()), 1.5))
    if path is not None:
        _predict(ax, above, path, trajectory, begin, end)
        if own:
            clear_above(ax)
    return ax


def _begin(trajectory: Trajectory) -> float:
    """A while before the first mode has moved; the long wait before is nothing to look at."""
    size = np.abs(trajectory["singular_values"] - trajectory["singular_values"][0]).max(axis=1)
    moved = trajectory.time[np.argmax(size > _GROWN * size.max())]
    end = float(trajectory.time[-1])
    return max(float(moved), 1e-6 * end) / _BEFORE


def _dress(ax: Axes, above: Axes, begin: float, end: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    log_time(ax.xaxis, begin, end)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("singular values of $A$", fontsize=13)
    above.set_ylabel("effective\nrank", fontsize=13)
    above.tick_params(labelsize=12)
    above.tick_params(axis="x", which="both", labelbottom=False)
    above.spines[["top", "right"]].set_visible(False)
    above.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    above.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    above.set_axisbelow(True)


def _name(ax: Axes, curves: np.ndarray) -> None:
    """Write the names of the modes that stay at the right end of their curves."""
    ends = curves[-1]
    tall = float(curves.max())
    low, high = float(np.clip(0.3 * curves[:, 0].min(), _DEEPEST * tall, _LEAST * tall)), 2 * tall
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    shares = [float(np.log(max(float(end), 1e-300) / low) / np.log(high / low)) for end in ends[:_NAMED]]
    for mode, place in enumerate(spread([share for share in shares if share > 0], 0.065)):
        name_end(ax, f"$s_{{{mode + 1}}}$", place, INK, 14)


def _predict(ax: Axes, above: Axes, path: SaddlePath, trajectory: Trajectory, begin: float, end: float) -> None:
    jumps = jump_times(path, float(trajectory.parameters.get("scale") or 1.0))
    spectra = np.linalg.svd(np.asarray(path.products), compute_uv=False)
    style = {"color": PREDICTED, "linewidth": 1.8, "linestyle": (0, (5, 2.5)), "zorder": 4}
    if not np.isfinite(jumps).all():
        for height in spectra[-1][spectra[-1] > 1e-9 * spectra.max()]:
            ax.axhline(height, **(style | {"linewidth": 1.2}))
        return
    edges = np.concatenate([[begin], jumps, [end]])
    for k, (rank, spectrum) in enumerate(zip(path.ranks, spectra, strict=True)):
        left, right = max(edges[k], begin), min(edges[k + 1], end)
        if right <= left:
            continue
        for height in spectrum[: max(int(rank), 0)]:
            ax.plot([left, right], [height, height], **style)
        if rank > 0:
            above.plot([left, right], [float(effective_rank(spectrum, "entropy"))] * 2, **style)
    for number, jump in enumerate(jumps):
        if begin < jump < end:
            for axes in (ax, above):
                axes.axvline(jump, color=PREDICTED, linewidth=0.9, alpha=0.7, zorder=1)
            name_time(above, jump, number + 1)
