"""The phase diagram of deep linear networks: how far the start is from a minimum and from a saddle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.canvas import INK, PREDICTED, SIZE, colour, pair_of_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@runtime_checkable
class Measured(Protocol):
    """Distances over gamma and width, and how they scale with the width."""

    @property
    def depth(self) -> int:
        """Number of layers L."""
        ...

    @property
    def gammas(self) -> np.ndarray:
        """Shape (gammas,)."""
        ...

    @property
    def widths(self) -> np.ndarray:
        """Shape (widths,)."""
        ...

    @property
    def minimum(self) -> np.ndarray:
        """d_m, shape (gammas, widths)."""
        ...

    @property
    def saddle(self) -> np.ndarray:
        """d_s, shape (gammas, widths)."""
        ...

    @property
    def slopes(self) -> np.ndarray:
        """Fitted powers of the width, of d_m and of d_s, shape (2, gammas)."""
        ...

    def predicted_slopes(self, gammas: np.ndarray) -> np.ndarray:
        """Predicted powers of the width, of d_m and of d_s, shape (2, gammas)."""
        ...


def phase_diagram(result: Measured, ax: tuple[Axes, Axes] | None = None) -> tuple[Axes, Axes]:
    """Draw which is nearer, a minimum or a saddle, over gamma and width, and the powers of the width; return both axes.

    Args:
        result: distances over gamma and width, from `distance_grid`.
        ax: two axes to draw in; by default new ones, side by side on a figure of their own.

    Raises:
        ArgumentError: if that is something else.

    Example:
        >>> import saddlescope as ss
        >>> grid = ss.distance_grid(ss.LeastSquares([[4.0]]), 2, gammas=[0.5, 1.0, 1.5], widths=[10, 100])
        >>> left, right = phase_diagram(grid)
        >>> left.get_ylabel(), right.get_xlabel()
        ('width $w$', '$\\\\gamma$')
    """
    if not isinstance(result, Measured):
        raise ArgumentError("result", "be distances over gamma and width, from distance_grid", type(result).__name__)
    left, right = pair_of_axes((1.3 * SIZE[0], SIZE[1])) if ax is None else ax
    _map(left, result)
    _powers(right, result)
    return left, right


def _map(ax: Axes, result: Measured) -> None:
    rising = np.argsort(result.gammas)  # cells in any other order would lie over each other
    ratio = np.log10(result.saddle / result.minimum)[rising]
    most = max(float(np.abs(ratio).max()), 1e-6)
    edges = _edges(np.asarray(result.gammas, dtype=float)[rising]), np.exp(_edges(np.log(result.widths)))
    drawn = ax.pcolormesh(*edges, ratio.T, cmap="PuOr_r", vmin=-most, vmax=most, edgecolor="white", linewidth=0.6)
    ax.set_yscale("log")
    ax.set_yticks(result.widths, [str(int(w)) for w in result.widths])
    ax.set_yticks([], minor=True)
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.set_xlabel(r"$\gamma$", fontsize=13)
    ax.set_ylabel("width $w$", fontsize=13)
    bar = ax.figure.colorbar(drawn, ax=ax, location="top", aspect=30, pad=0.02)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.set_label(
        r"nearer to a saddle    $\leftarrow\;\log_{10}\,(d_s / d_m)\;\rightarrow$    nearer to a minimum", fontsize=12
    )
    bar.ax.tick_params(labelsize=11)


def _edges(centres: np.ndarray) -> np.ndarray:
    middle = (centres[1:] + centres[:-1]) / 2
    if centres.size == 1:
        return np.array([centres[0] - 0.1, centres[0] + 0.1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _powers(ax: Axes, result: Measured) -> None:
    gammas = np.asarray(result.gammas, dtype=float)
    fine = np.unique(np.concatenate([np.linspace(gammas.min(), gammas.max(), 200), [1.0]]))
    fine = fine[(fine >= gammas.min()) & (fine <= gammas.max())]
    names = (("$d_m$, to a minimum", "o", colour(4)), ("$d_s$, to a saddle", "s", colour(1)))
    for row, (name, marker, shade) in enumerate(names):
        ax.plot(gammas, result.slopes[row], marker, color=shade, markersize=9, label=name, zorder=3, clip_on=False)
    for row, predicted in enumerate(result.predicted_slopes(fine)):
        label = "_" if row else "predicted"
        ax.plot(fine, predicted, color=PREDICTED, linewidth=1.8, linestyle=(0, (5, 2.5)), label=label)
    rising = (gammas > 1) & (result.slopes[0] > 0.02)
    if rising.any():
        # a power of zero that finite widths do not show: say why the points lie above the line
        place = float(gammas[rising].mean()), float(result.slopes[0][rising].max())
        ax.annotate(
            "$d_m$ still rises to its limit",
            place,
            (0, 12),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=12,
            color=INK,
        )
    ax.axhline(0.0, color=INK, linewidth=0.6, zorder=0)
    if gammas.min() < 1 < gammas.max():
        ax.axvline(1.0, color=INK, linewidth=0.6, zorder=0)
        for text, place, side in (("lazy", 1 - 0.02, "right"), ("saddle to saddle", 1 + 0.02, "left")):
            ax.text(place, 0.01, text, transform=ax.get_xaxis_transform(), ha=side, va="bottom", fontsize=12, color=INK)
    ax.set_xlabel(r"$\gamma$", fontsize=13)
    ax.set_ylabel("power of the width", fontsize=13)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.02),
        ncols=3,
        frameon=False,
        fontsize=12,
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0,
    )
