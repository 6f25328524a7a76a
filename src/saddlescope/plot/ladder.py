"""The ladder: risk against log time, stacked by degree, with the predicted staircase over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.plot.canvas import INK, PREDICTED, colour, new_axes, tint
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEEPEST = 1e-8  # of the largest risk: where a log axis ends
_THIN = 0.055  # of the height of the picture: a thinner layer gets no name inside


class Prediction(Protocol):
    """What a predicted learning order offers to a picture."""

    def times(self, epsilon: float) -> np.ndarray:
        """Predicted learning times, nan where there is none."""
        ...

    def risk(self, time: np.ndarray, epsilon: float) -> np.ndarray:
        """Predicted risk at `time`."""
        ...


class _Layers(NamedTuple):
    """The risk and its parts, from the bottom of the stack to its top; the degree None is the rest of the risk."""

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

    On the linear scale the risk is a stack of layers, one a degree, the highest degree at the bottom, so that the risk
    comes down a ladder while layers vanish from the top. On the log scale each degree is a line.

    Args:
        trajectory: of a single-index problem; holds risk (time,) and risk_by_degree (time, degree).
        order: a predicted order, such as `canonical_order` returns: dashed risk, and thin lines at predicted times.
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
    layers = _layers(trajectory, epsilon / 10)
    ax.set_xscale("log")
    ax.set_xlim(layers.time[0], layers.time[-1])
    if scale == "linear":
        _stack(ax, layers)
        _heights(ax, trajectory, layers)
    else:
        _lines(ax, layers)
    if order is not None:
        _predict(ax, order, epsilon, layers.time)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.05), ncols=2, frameon=False, fontsize=12, borderaxespad=0)
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel(r"excess risk  $\frac{1}{2}\,\mathrm{E}\,(\varphi - f\,)^2$", fontsize=13)
    return ax


def _layers(trajectory: Trajectory, begin: float) -> _Layers:
    time, risk = trajectory.time, trajectory["risk"]
    parts = trajectory["risk_by_degree"].T
    degrees: list[int | None] = list(range(len(parts)))
    if "risk_rest" in trajectory.observables:
        parts, degrees = np.vstack([parts, trajectory["risk_rest"]]), [*degrees, None]
    begin = min(begin, time[-1] / 10)
    inside = time > begin
    first = np.array([np.interp(begin, time, row) for row in (risk, *parts)])
    shown = np.flatnonzero(parts.max(axis=1) > 1e-6 * risk.max())[::-1]
    return _Layers(
        np.concatenate([[begin], time[inside]]),
        np.concatenate([first[:1], risk[inside]]),
        np.column_stack([first[1:], parts[:, inside]])[shown],
        [degrees[i] for i in shown],
    )


def _stack(ax: Axes, layers: _Layers) -> None:
    time, risk, parts, degrees = layers
    top = 1.08 * risk.max()
    ax.stackplot(time, parts, colors=[tint(k) for k in degrees], edgecolor="white", linewidth=0.6)
    ax.plot(time, risk, color=INK, linewidth=2.2, label="measured", solid_joinstyle="round")
    ax.set_ylim(0, top)
    ends = np.cumsum(parts, axis=0)
    begin, decades = np.log10(time[0]), np.log10(time[-1] / time[0])
    for degree, part, upper in zip(degrees, parts, ends, strict=True):
        thick = np.flatnonzero(part > 0.5 * part.max())
        # names end where their layer does, so that they come down with the ladder
        right = (np.log10(time[thick[-1]]) - begin) / decades - 0.012
        name = "higher degrees" if degree is None else f"degree {degree}"
        width = 0.0095 * len(name)
        at = np.searchsorted(time, 10 ** (begin + decades * np.clip(right - width / 2, 0, 1)))
        if part[at] < _THIN * top or right < width:
            continue
        ax.text(
            right,
            upper[at] - 0.5 * part[at],
            name,
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=13,
            color=INK,
        )


def _heights(ax: Axes, trajectory: Trajectory, layers: _Layers) -> None:
    """Write the height of each plateau over its middle."""
    for plateau in plateaus(trajectory):
        start, end = max(plateau.start, layers.time[0]), min(plateau.end, layers.time[-1])
        if end > start * 10**0.2:
            ax.annotate(
                f"{plateau.height:.3g}",
                (np.sqrt(start * end), plateau.height),
                (0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=12,
                color=INK,
            )


def _lines(ax: Axes, layers: _Layers) -> None:
    time, risk, parts, degrees = layers
    ax.set_yscale("log")
    ax.set_ylim(_DEEPEST * risk.max(), 3 * risk.max())
    for degree, part in zip(degrees, parts, strict=True):
        ax.plot(time, part, color=colour(degree), linewidth=1.8)
    ax.plot(time, risk, color=INK, linewidth=2.2, label="measured")


def _predict(ax: Axes, order: Prediction, epsilon: float, time: np.ndarray) -> None:
    fine = np.geomspace(time[0], time[-1], 2000)
    ax.plot(fine, order.risk(fine, epsilon), color=PREDICTED, linewidth=1.8, linestyle=(0, (5, 2.5)), label="predicted")
    for k, t in enumerate(order.times(epsilon)):
        if np.isfinite(t) and time[0] < t < time[-1]:
            ax.axvline(t, color=PREDICTED, linewidth=0.9, alpha=0.7)
            ax.annotate(
                f"$t_{{{k}}}$",
                (t, 1.0),
                (0, 3),
                xycoords=ax.get_xaxis_transform(),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=13,
                color=PREDICTED,
            )
