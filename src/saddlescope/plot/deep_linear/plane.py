"""The plane of the saddles: a run and the greedy path, seen along the directions in which the saddles differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.deep_linear.saddle_path import SaddlePath
from saddlescope.plot.parts.canvas import INK, PREDICTED, colour, new_axes
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plane(trajectory: Trajectory, path: SaddlePath, ax: Axes | None = None) -> Axes:
    """Draw A(t) of a run and the predicted saddles in a plane, and return the axes.

    The axes are the two leading principal directions of the saddles' products, in units of the matrix.

    Args:
        trajectory: of a deep linear network; holds product (time, row, column).
        path: predicted saddles; the way between them is drawn where the path knows it (`segments`).
        ax: where to draw; by default new axes, on a figure of their own.

    Raises:
        ArgumentError: if the trajectory has no products, or there are fewer than two saddles.

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, greedy_low_rank
        >>> cost = LeastSquares([[2.0, 0.0], [0.0, 1.0]])
        >>> run = ss.solve(DeepLinearFlow(cost, depth=2, width=10, gamma=2.5), until=20.0)
        >>> ax = plane(run, greedy_low_rank(cost, depth=2))
        >>> [text.get_text() for text in ax.texts]
        ['rank 0', 'rank 1', 'rank 2']
    """
    if "product" not in trajectory.observables:
        raise ArgumentError("trajectory", "hold product, as those of small deep linear networks do", trajectory.kind)
    saddles = np.asarray(path.products).reshape(len(path.products), -1)
    if len(saddles) < 2:
        raise ArgumentError("path", "visit at least two saddles", len(saddles))
    ax = new_axes() if ax is None else ax
    centre, frame = _frame(saddles)

    def seen(products: np.ndarray) -> np.ndarray:
        return (np.asarray(products).reshape(len(products), -1) - centre) @ frame.T

    run, places = seen(trajectory["product"]), seen(path.products)
    segments = [seen(segment) for segment in getattr(path, "segments", ())]
    ax.plot(*run.T, color=INK, linewidth=2.4, label="run", zorder=3, solid_joinstyle="round")
    for number, segment in enumerate(segments):
        ax.plot(
            *segment.T,
            color=PREDICTED,
            linewidth=1.8,
            linestyle=(0, (5, 2.5)),
            zorder=4,
            label="_" if number else "greedy path, scale → 0",
        )
    ax.scatter(*places[:-1].T, s=110, color=colour(0), edgecolor=INK, linewidth=1.2, zorder=5, label="saddles")
    ax.scatter(
        *places[-1:].T,
        s=260,
        marker="*",
        color=colour(1),
        edgecolor=INK,
        linewidth=1.2,
        zorder=5,
        label="end of the path",
    )
    _limit(ax, np.concatenate([run, places, *segments]))
    _name(ax, path.ranks, places)
    ax.set_xlabel("first direction of the saddles", fontsize=13)
    ax.set_ylabel("second direction", fontsize=13)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.02),
        ncols=4,
        frameon=False,
        fontsize=12,
        borderaxespad=0,
        columnspacing=1.4,
    )
    return ax


def _frame(saddles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the saddles and their two leading principal directions, shape (2, entries)."""
    centre = saddles.mean(axis=0)
    _, _, Vt = np.linalg.svd(saddles - centre, full_matrices=True)
    frame = Vt[:2]
    # the path runs from the left, and its first step upwards
    steps = (saddles[-1] - saddles[0]) @ frame[0], (saddles[1] - saddles[0]) @ frame[1]
    return centre, frame * np.where(np.array(steps) < 0, -1.0, 1.0)[:, None]


def _limit(ax: Axes, points: np.ndarray) -> None:
    """Show all points with room for names, on equal scales."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, high - low
    # a path along a line would leave no height
    size = np.maximum(size, 0.4 * size.max()) + 0.36 * size.max()
    ax.set_xlim(middle[0] - size[0] / 2, middle[0] + size[0] / 2)
    ax.set_ylim(middle[1] - size[1] / 2, middle[1] + size[1] / 2)
    ax.set_aspect("equal", adjustable="box")


def _name(ax: Axes, ranks: np.ndarray, places: np.ndarray) -> None:
    """Write each rank on the side of its saddle that the path does not take."""
    for k, (rank, place) in enumerate(zip(ranks, places, strict=True)):
        towards = np.zeros(2)
        for other in places[max(k - 1, 0) : k + 2]:
            step = other - place
            if np.any(step):
                towards += step / np.linalg.norm(step)
        size = float(np.linalg.norm(towards))
        away = -towards / size if size > 1e-9 else np.array([0.0, 1.0])
        ax.annotate(
            f"rank {rank}",
            tuple(place),
            tuple(16 * away),
            textcoords="offset points",
            ha="left" if away[0] > 0.3 else "right" if away[0] < -0.3 else "center",
            va="bottom" if away[1] > 0.3 else "top" if away[1] < -0.3 else "center",
            fontsize=13,
            color=INK,
        )
