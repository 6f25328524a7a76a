"""Which hidden directions the neurons of a joint target find, and what they learn with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import learning_times
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import INK, colour, log_time, new_axes
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 6  # directions with a colour of their own, and terms with a name
_LEAST = 1e-5  # of the largest overlap: where the axis ends at the latest
_MOVED = 1e-3
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))  # of terms in one colour


def directions(trajectory: Trajectory, ax: Axes | None = None) -> Axes:
    """Draw how large overlaps with each hidden direction are over log time, and above what is left of each term.

    A line below is the root mean square of s_j over all neurons: a direction that is never found has none. A line above
    is |c_alpha - sigma_|alpha| M_alpha| / |c_alpha|, in the colour of the last direction of its term; the legend says
    when it was halved.

    Args:
        trajectory: of a `MeanFieldFlow` of a `JointIndex`.
        ax: where to draw overlaps; by default new axes, on a figure of their own. Terms have axes of their own above.

    Returns:
        The axes of the overlaps.

    Raises:
        ArgumentError: if the trajectory is of something else.

    Example:
        >>> import saddlescope as ss
        >>> stairs = ss.JointIndex("z1 + z1*z2", activation=[0, 1, 1])
        >>> ax = directions(ss.solve(ss.MeanFieldFlow(stairs, 0.01, particles=16), until=5.0))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['direction 1', 'direction 2']
    """
    if "term_residual" not in trajectory.observables:
        must = "hold term_residual, as mean-field flows of a JointIndex do"
        raise ArgumentError("trajectory", must, trajectory.kind)
    own, ax = ax is None, new_axes() if ax is None else ax
    time, end = trajectory["state_time"], float(trajectory.time[-1])
    size = np.sqrt(np.einsum("tmk,m->tk", trajectory["overlap"] ** 2, trajectory["weight"]))
    terms, names = (trajectory.parameters[name] for name in ("target_terms", "term_names"))
    left = np.abs(trajectory["term_residual"] / np.array([c for _, c in terms]))
    begin = max(_begin(trajectory.time, left, end), float(time[1]))
    fine = np.geomspace(begin, end, 800)
    curves = between(fine, time, size)
    for j in range(size.shape[1]):
        named = j < _NAMED
        never = "" if size[:, j].any() else ", never found"
        ax.plot(
            fine,
            np.where(curves[:, j] > 0, curves[:, j], np.nan),
            color=colour(j if named else None),
            linewidth=2.6 if named else 1.4,
            label=f"direction {j + 1}{never}" if named else None,
        )
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    log_time(ax.xaxis, begin, end)
    ax.set_yscale("log")
    largest = float(size.max()) or 1.0
    least = float(curves[curves > 0].min()) if np.any(curves > 0) else 0.0
    ax.set_ylim(max(_LEAST * largest, 0.5 * least), 2 * largest)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel("typical overlap\n$\\langle s_j^2\\rangle^{1/2}$", fontsize=13)
    ax.legend(loc="lower right", frameon=False, fontsize=12)
    above = ax.inset_axes((0.0, 1.1, 1.0, 0.85), sharex=ax)
    learnt = learning_times(
        time=trajectory.time,
        residual=trajectory["term_residual"],
        target=np.array([c for _, c in terms]),
        rate=trajectory["term_residual_rate"],
    )
    _terms(above, fine, between(fine, trajectory.time, left), learnt, terms, names)
    if own:
        # two axes of one size, which a layout does not leave room for
        ax.set_position((0.12, 0.13, 0.85, 0.4))
    return ax


def _begin(time: np.ndarray, left: np.ndarray, end: float) -> float:
    """Well before anything is learnt; the wait before that is nothing to look at."""
    moved = np.abs(left - left[0]).max(axis=1) > _MOVED
    first = float(time[np.argmax(moved)]) if moved.any() else 0.0
    return max(first / 3, 1e-6 * end, float(time[1]))


def _terms(
    above: Axes,
    fine: np.ndarray,
    left: np.ndarray,
    learnt: np.ndarray,
    terms: list[tuple[list[int], float]],
    names: list[str],
) -> None:
    largest = np.argsort([-abs(c) for _, c in terms], kind="stable")[:_NAMED]
    drawn: dict[str, int] = {}
    for place in np.argsort(learnt, kind="stable"):
        last = max((j for j, n in enumerate(terms[place][0]) if n), default=None)
        shade = INK if last is None else colour(last if last < _NAMED else None)
        named = place in largest
        dashes = _DASHES[drawn.get(shade, 0) % len(_DASHES)] if named else "-"
        when = f"halved at {learnt[place]:.2g}" if np.isfinite(learnt[place]) else "never halved"
        above.plot(
            fine,
            left[:, place],
            color=shade,
            linewidth=2.2 if named else 1.0,
            linestyle=dashes,
            label=f"{names[place]}, {when}" if named else None,
        )
        if named:
            drawn[shade] = drawn.get(shade, 0) + 1
    above.axhline(0.0, color=INK, linewidth=0.6, zorder=0)
    above.set_ylim(-0.05, max(1.1, 1.05 * float(left.max())))
    above.set_ylabel("left of\neach term", fontsize=13)
    # at the left nothing has fallen yet
    above.legend(loc="lower left", frameon=False, fontsize=12, labelspacing=0.3)
    above.tick_params(labelsize=12)
    above.tick_params(axis="x", which="both", labelbottom=False)
    above.spines[["top", "right"]].set_visible(False)
