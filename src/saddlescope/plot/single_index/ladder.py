"""The ladder: risk against log time, stacked by degree, with the predicted staircase over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import DEGREES, INK, colour, new_axes, tint
from saddlescope.plot.parts.error_band import error_band
from saddlescope.plot.parts.prediction import Prediction, staircase
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEEPEST = 1e-8  # of the largest risk: where a log axis ends
_THIN = 0.05  # of the height of the picture: a thinner layer gets no name inside
_MOST = 6  # degrees that get a layer of their own
_LETTER = 0.0105  # width of a letter of a name, of the width of the picture


class _Layers(NamedTuple):
    """The risk and its parts, from the bottom of the stack to its top; the degree None is the rest."""

    time: np.ndarray
    risk: np.ndarray
    parts: np.ndarray
    degrees: list[int | None]


def ladder(
    trajectory: Trajectory,
    order: Prediction | None = None,
    ax: Axes | None = None,
    *,
    scale: Literal["linear", "log"] = "linear",
) -> Axes:
    """Draw the risk over log time and what theory predicts, and return the axes.

    On the linear scale the risk is a stack of layers, one a degree, the highest degree at the bottom, so that
    the risk comes down a ladder while layers vanish from the top. On the log scale each degree is a line.

    Args:
        trajectory: of a single-index problem; holds risk (time,) and risk_by_degree (time, degree).
        order: a predicted order, such as `canonical_order` returns: dashed risk, thin lines at its times. Where
            a degree has no prediction, the dashed line ends soon after the last predicted time.
        ax: where to draw; by default new axes, on a figure of their own.
        scale: of the risk.

    Raises:
        ArgumentError: if the trajectory has no risk by degree, or the scale is not known.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, 1.0], activation=[1.0, 1.0])
        >>> ax = ladder(ss.solve(ss.MeanFieldFlow(problem, epsilon=0.01, particles=16), until=2.0))
        >>> [text.get_text() for text in ax.texts if "degree" in text.get_text()]
        ['degree 1', 'degree 0']
    """
    if "risk_by_degree" not in trajectory.observables:
        raise ArgumentError("trajectory", "hold risk_by_degree, as those of single-index problems do", trajectory.kind)
    if scale not in ("linear", "log"):
        raise ArgumentError("scale", 'be "linear" or "log"', scale)
    ax = new_axes() if ax is None else ax
    epsilon = float(trajectory.parameters["epsilon"])
    layers = _layers(trajectory, epsilon / 10 if np.isfinite(epsilon) else float(trajectory.time[1]))
    ax.set_xscale("log")
    ax.set_xlim(layers.time[0], layers.time[-1])
    if scale == "linear":
        _stack(ax, layers)
        _heights(ax, trajectory, layers)
    else:
        _lines(ax, layers)
    error_band(ax, trajectory, layers.time, layers.risk)
    if order is not None:
        staircase(ax, order, epsilon, layers.time[0], layers.time[-1], layers.degrees)
    if scale == "linear":
        place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.06), "ncols": 2}
    else:
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}
    ax.legend(**place, frameon=False, fontsize=12, borderaxespad=0, handlelength=1.6)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel(r"excess risk  $\frac{1}{2}\,\mathrm{E}\,(\varphi - f\,)^2$", fontsize=13)
    return ax


def _layers(trajectory: Trajectory, begin: float) -> _Layers:
    time, risk = trajectory.time, trajectory["risk"]
    begin = min(begin, time[-1] / 10)
    fine = np.unique(np.concatenate([[begin], np.geomspace(begin, time[-1], 1500)[1:-1], time[time > begin]]))
    if {"residual", "residual_rate"} <= trajectory.observables.keys():
        parts = 0.5 * between(fine, time, trajectory["residual"], trajectory["residual_rate"]) ** 2
    else:
        parts = between(fine, time, trajectory["risk_by_degree"])
    parts = parts.T
    rest = np.interp(fine, time, trajectory.observables.get("risk_rest", np.zeros_like(risk)))
    peak = parts.max(axis=1)
    shown = np.flatnonzero(peak > 1e-6 * risk.max())
    shown = np.sort(shown[np.argsort(-peak[shown], kind="stable")[:_MOST]])
    rest = rest + parts.sum(axis=0) - parts[shown].sum(axis=0)
    degrees: list[int | None] = [int(k) for k in shown[::-1]]
    parts = parts[shown[::-1]]
    if rest.max() > 1e-6 * risk.max():
        degrees, parts = [None, *degrees], np.vstack([rest, parts])
    return _Layers(fine, parts.sum(axis=0), parts, degrees)


def _stack(ax: Axes, layers: _Layers) -> None:
    time, risk, parts, degrees = layers
    top = 1.1 * risk.max()
    ax.stackplot(time, parts, colors=[tint(k) for k in degrees], edgecolor="white", linewidth=0.6)
    ax.plot(time, risk, color=INK, linewidth=2.2, label="measured", solid_joinstyle="round")
    ax.set_ylim(0, top)
    thin: list[int | None] = []
    for degree, part, upper in zip(degrees, parts, np.cumsum(parts, axis=0), strict=True):
        # names end where their layer does, so that they come down with the ladder
        right = _share(time, time[np.flatnonzero(part > 0.75 * part.max())[-1]]) - 0.012
        name = "higher degrees" if degree is None else f"degree {degree}"
        width = _LETTER * len(name)
        place = max(right - width, 0.006)
        at = np.searchsorted(time, time[0] ** (1 - place) * time[-1] ** place)
        if part[at] >= _THIN * top and right > width:
            _name(ax, (right, upper[at] - 0.5 * part[at]), name, "right", tint(degree))
        elif part[at] >= _THIN * top:
            # too short to hold its name: to its right the risk has fallen and the place is empty
            middle = upper[0] - 0.5 * part[0]
            below = np.flatnonzero(risk < middle - 0.04 * top)
            if below.size:
                _name(ax, (_share(time, time[below[0]]) + 0.008, middle), name, "left")
        elif part[-1] > 0.5 * part[0]:
            thin.insert(0, degree)
    if thin:
        known = [k for k in thin if k is not None]
        listed = ", ".join(map(str, known[:2])) + (", …" if len(thin) > 2 or None in thin else "")
        name = ("degree " if len(thin) == 1 else "degrees ") + listed if known else "higher degrees"
        _name(ax, (0.99, risk[-1] + 0.035 * top), name, "right")


def _share(time: np.ndarray, t: np.ndarray) -> float:
    """Where t lies on the axis of log time, from 0 to 1."""
    return float(np.log(t / time[0]) / np.log(time[-1] / time[0]))


def _name(
    ax: Axes,
    place: tuple[float, float],
    name: str,
    side: Literal["left", "right"],
    ground: tuple[float, float, float] | None = None,
) -> None:
    # on its layer a name covers the thin line of a predicted time that may run through it
    box = None if ground is None else {"facecolor": ground, "edgecolor": "none", "pad": 1.0}
    text = ax.text(*place, name, transform=ax.get_yaxis_transform(), fontsize=13, color=INK, bbox=box)
    text.set(horizontalalignment=side, verticalalignment="center", zorder=4)


def _heights(ax: Axes, trajectory: Trajectory, layers: _Layers) -> None:
    """Write the height of each plateau over its middle."""
    for plateau in plateaus(trajectory):
        start, end = max(plateau.start, layers.time[0]), min(plateau.end, layers.time[-1])
        if end > start * 10**0.2 and end / start > np.sqrt(plateau.end / plateau.start):
            # the right end of the last one is for the names of layers too thin to hold them
            middle = np.sqrt(start * end) if plateau.over else start**0.9 * end**0.1
            ax.annotate(
                f"{plateau.height:.3g}",
                (middle, plateau.height),
                (0, 4),
                textcoords="offset points",
                ha="center" if plateau.over else "left",
                va="bottom",
                fontsize=12,
                color=INK,
            )


def _lines(ax: Axes, layers: _Layers) -> None:
    time, risk, parts, degrees = layers
    ax.set_yscale("log")
    ax.set_ylim(_DEEPEST * risk.max(), 3 * risk.max())
    ax.plot(time, risk, color=INK, linewidth=2.4, label="measured")
    for degree, part in zip(degrees[::-1], parts[::-1], strict=True):
        name = "higher degrees" if degree is None else f"degree {degree}"
        style = ":" if degree is not None and degree >= len(DEGREES) else "-"
        ax.plot(time, part, color=colour(degree), linewidth=1.8, linestyle=style, label=name)
