"""Descriptions: the risk of mean-field flow, networks and SGD on one axis of log time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.between import between
from saddlescope.plot.parts.canvas import DEGREES, INK, new_axes
from saddlescope.plot.parts.prediction import Prediction, staircase
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = Trajectory | Sequence[Trajectory]

_LOW, _HIGH = 0.1, 0.9  # quantiles of runs that a band spans
_LINE = 0.06  # of the height of a picture, for a line of the legend
_DEEPEST = 1e-5  # of the risk at the start: where a log axis ends


def descriptions(
    runs: Mapping[str, Runs],
    order: Prediction | None = None,
    ax: Axes | None = None,
    *,
    scale: Literal["linear", "log"] = "linear",
) -> Axes:
    """Draw the risk of several descriptions over log time, and return the axes.

    Thin dotted lines are floors: risk in degrees that the activation lacks and in directions that are never found, and
    what noise of labels leaves of SGD.

    Several runs of one description are drawn as their mean and a band from the 10 % to the 90 % quantile. Where all
    that comes in steps sees equally many fresh samples in a unit of time, a second axis on top counts samples.

    Args:
        runs: name -> trajectory with a risk, (time,) or (time, run), or several of the former.
        order: a predicted order, such as `canonical_order` returns: dashed risk, thin lines at its times.
        ax: where to draw; by default new axes, on a figure of their own.
        scale: of the risk.

    Raises:
        ArgumentError: if there is no run, one without a risk or an epsilon, or the scale is not known.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> flow = ss.NetworkFlow(problem, epsilon=0.1, neurons=4, dimension=50)
        >>> sgd = ss.OnePassSGD(problem, epsilon=0.1, neurons=4, dimension=50, step_size=1e-3, runs=3)
        >>> ax = descriptions({"flow": ss.solve(flow, until=1.0), "SGD": ss.solve(sgd, until=1.0)})
        >>> [str(line.get_label()) for line in ax.get_lines()]
        ['flow', 'SGD, 3 runs']
    """
    if scale not in ("linear", "log"):
        raise ArgumentError("scale", 'be "linear" or "log"', scale)
    told = {name: [run] if isinstance(run, Trajectory) else list(run) for name, run in runs.items()}
    if not told or not all(told.values()):
        raise ArgumentError("runs", "hold at least one run, and no name without one", dict(runs))
    for run in (run for several in told.values() for run in several):
        if "risk" not in run.observables or "epsilon" not in run.parameters:
            raise ArgumentError("runs", "hold trajectories with a risk and an epsilon", run.kind)
    ax = new_axes() if ax is None else ax
    every = [run for several in told.values() for run in several]
    epsilon = float(every[0].parameters["epsilon"])
    end = max(float(run.time[-1]) for run in every)
    relaxed = epsilon / 10 if np.isfinite(epsilon) else 0.0  # a second layer that is held fixed never is
    begin = min(max(relaxed, min(_first_move(run) for run in every) / 10), end / 100)
    ax.set_xscale("log")
    ax.set_xlim(begin, end)
    shades = itertools.cycle(DEGREES)
    for name, several in told.items():
        _draw(ax, name, several, begin, INK if several[0].kind == "MeanFieldFlow" else next(shades))
    marked = False
    if order is not None:
        times = staircase(ax, order, epsilon, begin, end, _degrees(every))
        marked = bool(((times > begin) & (times < end)).any())
    top = max(float(np.max(run["risk"][0])) for run in every)
    low = min(float(np.min(run["risk"][-1])) for run in every)
    if scale == "log":
        ax.set_yscale("log")
        ax.set_ylim(max(0.5 * low, _DEEPEST * top), 2 * top)
    else:
        ax.set_ylim(0.0, 1.1 * top)
    _floors(ax, every, named=len(told))
    ax.set_xlabel("time $t$", fontsize=13)
    ax.set_ylabel(r"excess risk  $\frac{1}{2}\,\mathrm{E}\,(y - f\,)^2$", fontsize=13)
    # a ground of its own, since thin lines of predicted times may run through it
    ax.legend(loc="lower left", edgecolor="none", framealpha=0.9, fontsize=12, handlelength=2.0).set_zorder(6)
    _count_samples(ax, every, marked=marked)
    return ax


def together(several: Sequence[Trajectory], at: np.ndarray, name: str = "risk") -> np.ndarray:
    """Return an observable of all runs of one description at common positive times, shape (time, run)."""
    columns = []
    for run in several:
        values = run[name].reshape(len(run.time), -1)
        columns.append(between(at, run.time, values))
    return np.concatenate(columns, axis=1)


def _first_move(run: Trajectory) -> float:
    """First time at which the risk has moved by a fiftieth; the wait before is nothing to look at."""
    risk = run["risk"].reshape(len(run.time), -1).mean(axis=1)
    moved = np.abs(risk - risk[0]) > 0.02 * risk[0]
    return float(run.time[np.argmax(moved)]) if moved.any() else float(run.time[-1])


def _draw(ax: Axes, name: str, several: list[Trajectory], begin: float, shade: str) -> None:
    steps = "step_size" in several[0].parameters
    first = max(begin, *(float(run.time[1]) for run in several)) if steps else begin
    fine = np.geomspace(first, min(float(run.time[-1]) for run in several), 1000)
    risk = together(several, fine)
    style: dict[str, Any] = {"color": shade, "linewidth": 2.4, "zorder": 3 if steps else 3.5}
    count = risk.shape[1]
    if count > 1:
        low, high = np.quantile(risk, (_LOW, _HIGH), axis=1)
        ax.fill_between(fine, low, high, color=shade, alpha=0.22, linewidth=0, zorder=2)
    label = name if count == 1 else f"{name}, {count} runs"
    ax.plot(fine, risk.mean(axis=1), label=label, solid_joinstyle="round", **style)


def _floors(ax: Axes, runs: list[Trajectory], named: int) -> None:
    """Mark what stays of the risk, where that can be told from zero, beside a legend of so many names."""
    low, high = ax.get_ylim()
    least = max(low, 0.02 * high if ax.get_yscale() == "linear" else 0.0)
    lacking = [float(run.accuracy.get("unlearnable_risk", 0.0)) for run in runs]
    noisy = [float(run.accuracy.get("noise_floor", 0.0)) for run in runs]
    never = [u + float(run.accuracy.get("risk_never_found", 0.0)) for u, run in zip(lacking, runs, strict=True)]
    levels = {f"{value:.3g}": "directions that are never found" for value in never}
    levels |= {f"{value:.3g}": "degrees that the activation lacks" for value in lacking}
    levels |= {f"{u + n:.3g}": "left by noise of labels" for u, n in zip(lacking, noisy, strict=True) if n}
    for value, name in levels.items():
        if not least < float(value) < high:
            continue
        ax.axhline(float(value), color=INK, linewidth=1.2, linestyle=":", zorder=1.5)
        height = ax.transAxes.inverted().transform(ax.transData.transform((1.0, float(value))))[1]
        # on the left, where curves are still high, but clear of the legend
        ax.annotate(
            name,
            (0.01 if height > 0.12 + _LINE * named else 0.4, float(value)),
            (0, -3),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=11,
            color=INK,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0},
            zorder=2.5,  # curves pass over it
        )


def _degrees(runs: list[Trajectory]) -> list[int | None]:
    """Degrees that the link has."""
    link = np.asarray(runs[0].parameters.get("link_coefficients", ()))
    return [int(k) for k in np.flatnonzero(link)]


def _count_samples(ax: Axes, runs: list[Trajectory], *, marked: bool) -> None:
    """Count fresh samples on top, if one unit of time holds as many for all."""
    rates = {
        float(run.parameters["batch_size"]) / float(run.parameters["step_size"])
        for run in runs
        if run.kind == "OnePassSGD"
    }
    if len(rates) != 1:
        return
    rate = rates.pop()
    above = ax.secondary_xaxis(
        1.09 if marked else 1.0, functions=(lambda t: np.multiply(t, rate), lambda n: np.divide(n, rate))
    )
    above.tick_params(labelsize=12)
    above.set_xlabel("fresh samples seen by SGD", fontsize=13)
