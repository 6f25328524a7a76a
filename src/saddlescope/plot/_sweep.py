"""A sweep: a value against an axis beside its prediction, or over two axes as a map; mean and band over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.canvas import INK, PREDICTED, SIZE, colour, new_axes
from saddlescope.plot.parts.variables import by_interest, predicted_of

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_SEEDS, _DRAWN = "seeds", ("random", "sobol")
_MOST = 6  # curves in one picture
_FEW = 2  # curves that leave room for a legend
_DASHED: Any = (0, (5, 2.5))


class _Curve(NamedTuple):
    label: str
    values: np.ndarray  # along the axis, mean over seeds
    spread: np.ndarray | None  # standard deviation over seeds
    predicted: np.ndarray | None
    shade: str


def sweep(dataset: xarray.Dataset, value: str | None = None, *, at: Any = None, ax: Axes | None = None) -> Axes:
    """Draw one variable of a sweep; return the axes.

    Over one axis: the variable against it, a curve for each degree (jump, saddle), beside the predicted curve, or with
    the slope of a power law and its interval where nothing is predicted. Over two: a map with contour lines, or, where
    something is predicted and one axis has few points, a curve for each of these. Over seeds: the mean, with a band of
    one standard deviation.

    Args:
        dataset: from `sweep`.
        value: name of the variable; by default a time that was measured, else what changes over the sweep.
        at: dimension -> label, to leave that dimension out: `{"degree": 2}`.
        ax: axes to draw in; by default new ones on a figure of their own.

    Raises:
        ArgumentError: if there is no such variable, or more than two axes are left.

    Example:
        >>> import saddlescope as ss
        >>> problem = {"link": [1.0, -1.0], "activation": [1.0, 1.0]}
        >>> spec = {"problem": problem, "dynamics": {"until": 1.0}, "theory": {"levels": 1}}
        >>> found = ss.sweep(spec, {"dynamics.epsilon": ss.logspace(1e-6, 1e-4, 3)}, engine="serial")
        >>> ax = sweep(found)
        >>> ax.get_xscale(), ax.get_ylabel()
        ('log', 'measured time')
    """
    name = _chosen(dataset, value)
    shown = dataset if at is None else dataset.sel(dict(at))
    dims = [str(dim) for dim in shown[name].dims]
    axes = [dim for dim in dims if _kind(shown, dim) not in ("", _SEEDS)]
    seeds = [dim for dim in dims if _kind(shown, dim) == _SEEDS]
    if any(_kind(shown, dim) in _DRAWN for dim in axes):
        return _scattered(shown, name, axes, ax)
    if len(axes) > 2:
        told = ", ".join(axes)
        raise ArgumentError("at", f"leave at most two axes of {told}: give the label of the others", at)
    drawn = new_axes() if ax is None else ax
    if len(axes) == 2 and predicted_of(shown, name) and min(shown.sizes[dim] for dim in axes) <= _MOST:
        along = max(axes, key=lambda dim: shown.sizes[dim])
        _curves(drawn, _of_one_label(shown, name, [*axes, *seeds]), name, along, seeds)
    elif len(axes) == 2:
        _map(drawn, _of_one_label(shown, name, [*axes, *seeds]), name, axes, seeds)
    else:
        along = axes[0] if axes else seeds[0] if seeds else ""
        if not along:
            raise ArgumentError("dataset", "be that of a sweep, with an axis", dims)
        _curves(drawn, shown, name, along, seeds if axes else [])
    return drawn


def _kind(dataset: xarray.Dataset, dim: str) -> str:
    """Of an axis of the sweep; empty for the index of a family's table."""
    return str(dataset[dim].attrs.get("kind", "")) if dim in dataset.coords else ""


def _chosen(dataset: xarray.Dataset, value: str | None) -> str:
    numbers = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if variable.dtype.kind == "f" and name != "seconds" and np.isfinite(variable.values).any()
    ]
    if value is None:
        value = next(iter(by_interest(dataset, numbers)), None)
        if value is None:
            raise ArgumentError("dataset", "hold a variable of numbers to draw", sorted(map(str, dataset.data_vars)))
    if value not in dataset.data_vars:
        from saddlescope.specs.refusals import nearest

        raise ArgumentError("value", f"be a variable of the dataset{nearest(str(value), numbers)}", value)
    return value


def _words(name: str) -> str:
    return name.replace("_", " ")


def _places(dataset: xarray.Dataset, along: str) -> tuple[np.ndarray, list[str] | None]:
    """Where the points of an axis stand, and their names where they are no numbers."""
    values = dataset[along].values
    if values.dtype.kind in "if":
        return values.astype(float), None
    return np.arange(len(values), dtype=float), [str(value) for value in values]


def _is_log(dataset: xarray.Dataset, along: str, places: np.ndarray) -> bool:
    if _kind(dataset, along) == "logspace":
        return True
    if _kind(dataset, along) != "list" or not (places > 0).all():
        return False
    ratios = np.sort(places)[1:] / np.sort(places)[:-1]
    even = len(ratios) > 1 and bool(ratios.min() > 1.5 and ratios.max() < 1.5 * ratios.min())  # 50, 100, 200, 500
    return even or bool(places.max() >= 50 * places.min())


def _of_one_label(dataset: xarray.Dataset, name: str, axes: list[str]) -> xarray.Dataset:
    """Leave out the index of a family's table: its label with the most numbers, of these the last."""
    dims = [str(dim) for dim in dataset[name].dims]
    others = [dim for dim in dims if dim not in axes]
    for dim in others:
        there = dataset[name].count([d for d in map(str, dataset[name].dims) if d != dim]).values
        dataset = dataset.isel({dim: int(len(there) - 1 - np.argmax(there[::-1]))})
    return dataset


def _curves(ax: Axes, dataset: xarray.Dataset, name: str, along: str, seeds: list[str]) -> None:
    places, words = _places(dataset, along)
    order = np.argsort(places, kind="stable")
    curves = _made_curves(dataset, name, along, seeds)
    log_x = words is None and _is_log(dataset, along, places)
    everything = np.concatenate([curve.values for curve in curves])
    finite = everything[np.isfinite(everything)]
    log_y = bool(finite.size and finite.min() > 0 and (log_x or finite.max() > 100 * finite.min()))
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    if log_y and finite.max() < 100 * finite.min():
        _plain_numbers(ax.yaxis)
    x = places[order]
    if log_x and x[-1] < 100 * x[0]:
        _plain_numbers(ax.xaxis)
    foretold = False
    for curve in curves:
        y = curve.values[order]
        label = curve.label
        if curve.predicted is not None and np.isfinite(curve.predicted).any():
            ax.plot(x, curve.predicted[order], color=PREDICTED, linewidth=1.8, linestyle=_DASHED, zorder=2)
            foretold = True
        elif log_x and log_y:
            label = " ".join(filter(None, (label, _with_slope(ax, x, y, curve.shade))))
        if curve.spread is not None:
            low, high = y - curve.spread[order], y + curve.spread[order]
            if log_y:
                low = np.where(low > 0, low, np.nan)
            ax.fill_between(x, low, high, color=curve.shade, alpha=0.25, linewidth=0)
        ax.plot(x, y, "o-" if curve.predicted is None else "o", color=curve.shade, markersize=7, label=label, zorder=3)
    if foretold:
        ax.plot([], [], color=PREDICTED, linewidth=1.8, linestyle=_DASHED, label="predicted")
    if words is not None:
        ax.set_xticks(places, words, fontsize=11)
    elif not log_x and dataset[along].dtype.kind == "i":
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not seeds and _kind(dataset, along) == _SEEDS:
        _mean(ax, curves)
    ax.set_xlabel(_words(along), fontsize=13)
    ax.set_ylabel(_words(name) + (f", mean over {_words(seeds[0])}" if seeds else ""), fontsize=13)
    if any(curve.label for curve in curves) or foretold or (log_x and log_y):
        # many curves leave no room between them
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)} if len(curves) > _FEW else {}
        ax.legend(frameon=False, fontsize=12, **beside)


def _plain_numbers(axis: Axis) -> None:
    """Write 0.02, 0.05, 0.1 at a logarithmic axis of few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _made_curves(dataset: xarray.Dataset, name: str, along: str, seeds: list[str]) -> list[_Curve]:
    """One curve for each label of what is left beside the axis and the seeds."""
    variable = dataset[name]
    rest = [str(dim) for dim in variable.dims if dim not in (along, *seeds)]
    other = predicted_of(dataset, name)
    mean = variable.mean(seeds, skipna=True) if seeds else variable
    spread = variable.std(seeds, skipna=True, ddof=1) if seeds and min(variable.sizes[s] for s in seeds) > 1 else None
    foretold = None if other is None else dataset[other]
    if foretold is not None:
        foretold = foretold.mean([s for s in seeds if s in foretold.dims])
    if not rest:
        of = None if foretold is None or along not in foretold.dims else foretold.values
        return [_Curve("", mean.values, None if spread is None else spread.values, of, colour(4))]
    results = []
    stacked = mean.stack(label=rest) if len(rest) > 1 else mean.rename({rest[0]: "label"})
    for place in range(stacked.sizes["label"]):
        values = stacked.isel(label=place).values
        if not np.isfinite(values).any() or len(results) == _MOST:
            continue
        which = dict.fromkeys(rest, place) if len(rest) == 1 else None
        label = stacked["label"].values[place]
        told = f"{_words(rest[0])} {label}" if which is not None else ", ".join(map(str, label))
        band = spread.isel(which).values if spread is not None and which is not None else None
        own = None
        if foretold is not None and which is not None:
            own = foretold.isel({dim: p for dim, p in which.items() if dim in foretold.dims})
            own = own.values if own.dims == (along,) else None
        degree = int(label) if which is not None and rest[0] == "degree" else place
        results.append(_Curve(told, values, band, own, colour(degree)))
    if not results:
        raise ArgumentError("value", "hold finite numbers", name)
    return results


def _with_slope(ax: Axes, x: np.ndarray, y: np.ndarray, shade: str) -> str:
    """Draw the power law that fits, and say its slope with its interval; nothing where there are too few points."""
    from saddlescope.measure import exponent

    there = np.isfinite(y) & (y > 0)
    if len(np.unique(x[there])) < 3:
        return ""
    fit = exponent(x[there], y[there])
    ends = np.array([x[there].min(), x[there].max()])
    ax.plot(ends, np.exp(fit.intercept) * ends**fit.value, color=shade, linewidth=1.2, linestyle=_DASHED, zorder=1)
    return f"slope {fit.value:.3g} in [{fit.low:.3g}, {fit.high:.3g}]"


def _mean(ax: Axes, curves: list[_Curve]) -> None:
    """Over seeds alone: mean and band across the picture."""
    for curve in curves:
        there = curve.values[np.isfinite(curve.values)]
        mean, spread = float(there.mean()), float(there.std(ddof=1)) if len(there) > 1 else 0.0
        ax.axhline(mean, color=curve.shade, linewidth=1.5)
        ax.axhspan(mean - spread, mean + spread, color=curve.shade, alpha=0.2, linewidth=0)


def _map(ax: Axes, dataset: xarray.Dataset, name: str, axes: list[str], seeds: list[str]) -> None:
    variable = dataset[name].mean(seeds, skipna=True) if seeds else dataset[name]
    values = variable.transpose(*axes).values
    sides = []
    for along in axes:
        places, words = _places(dataset, along)
        order = np.argsort(places, kind="stable")
        sides.append((along, places[order], words, words is None and _is_log(dataset, along, places), order))
    values = values[np.ix_(sides[0][-1], sides[1][-1])]
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ArgumentError("value", "hold finite numbers", name)
    log = bool(finite.min() > 0 and finite.max() > 30 * finite.min())
    from matplotlib.colors import LogNorm, Normalize

    kind = LogNorm if log else Normalize
    norm = kind(float(finite.min()), float(finite.max()) * (1 if finite.max() > finite.min() else 1.001))
    edges = [_edges(places, log=logarithmic) for _, places, _, logarithmic, _ in sides]
    drawn = ax.pcolormesh(edges[0], edges[1], values.T, cmap="viridis", norm=norm, rasterized=True)
    x, y = sides[0][1], sides[1][1]
    if min(values.shape) > 1 and finite.max() > finite.min():
        levels = _levels(*norm_range(norm), log=log)
        fine_x, fine_y, fine = _refined(x, y, values, logs=(sides[0][3], sides[1][3], log))
        lines = ax.contour(fine_x, fine_y, fine.T, levels=levels, colors="white", linewidths=1.2)
        ax.clabel(lines, fmt=_level, fontsize=11)
    for set_scale, set_ticks, set_label, (along, places, words, logarithmic, _) in (
        (ax.set_xscale, ax.set_xticks, ax.set_xlabel, sides[0]),
        (ax.set_yscale, ax.set_yticks, ax.set_ylabel, sides[1]),
    ):
        set_scale("log" if logarithmic else "linear")
        if words is not None:
            set_ticks(places, words, fontsize=11)
        elif logarithmic and places.max() < 1e3 * places.min() and len(places) <= 10:
            set_ticks(places, [f"{place:.3g}" for place in places])
            set_ticks([], minor=True)
        set_label(_words(along), fontsize=13)
    ax.spines[["bottom", "left"]].set_visible(False)
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    told = [f"{dim} {dataset[dim].values}" for dim in dataset[name].coords if dim not in dataset[name].dims]
    of = [text for text in told if not text.startswith("trajectory")]
    bar.set_label(" at ".join([_words(name), *map(_words, of[:1])]), fontsize=12)


def _refined(
    x: np.ndarray, y: np.ndarray, values: np.ndarray, *, logs: tuple[bool, bool, bool], parts: int = 16
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a map with each cell in parts, straight between its corners on the scales on which it is seen.

    Contour lines are straight in numbers: across a cell of a decade they would lie where the colours say another value.
    """
    from scipy.interpolate import RegularGridInterpolator

    seen = [np.log(v) if log else v for v, log in zip((x, y, values), logs, strict=True)]
    fine = [np.interp(np.linspace(0, len(v) - 1, parts * (len(v) - 1) + 1), np.arange(len(v)), v) for v in seen[:2]]
    between = RegularGridInterpolator((seen[0], seen[1]), seen[2])(tuple(np.meshgrid(*fine, indexing="ij")))
    out = [np.exp(v) if log else v for v, log in zip((*fine, between), logs, strict=True)]
    return out[0], out[1], out[2]


def norm_range(norm: Any) -> tuple[float, float]:
    """The ends of a scale of colours."""
    return float(norm.vmin), float(norm.vmax)


def _levels(low: float, high: float, *, log: bool) -> np.ndarray:
    """Round numbers between two, about five."""
    from matplotlib.ticker import MaxNLocator

    if not log:
        return np.asarray(MaxNLocator(6).tick_values(low, high))
    first, last = np.ceil(np.log10(low)), np.floor(np.log10(high))
    decades = np.arange(first, last + 1)
    if len(decades) >= 3:
        return 10.0 ** decades[:: int(np.ceil(len(decades) / 6))]
    return np.array([m * 10.0**k for k in np.arange(first - 1, last + 1) for m in (1, 2, 5)])


def _level(value: float) -> str:
    return f"{value:g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"$10^{{{np.log10(value):.0f}}}$"


def _edges(centres: np.ndarray, *, log: bool) -> np.ndarray:
    c = np.log(centres) if log else centres
    if c.size == 1:
        edges = np.array([c[0] - 0.5, c[0] + 0.5])
    else:
        middle = (c[1:] + c[:-1]) / 2
        edges = np.concatenate([[2 * c[0] - middle[0]], middle, [2 * c[-1] - middle[-1]]])
    return np.exp(edges) if log else edges


def _scattered(dataset: xarray.Dataset, name: str, axes: list[str], ax: Axes | None) -> Axes:
    """Points of a design: against its key, or in the plane of its first two keys, with the value as colour."""
    if len(axes) > 1:
        raise ArgumentError("at", "leave no axis beside that of the design: give its label", axes)
    along = axes[0]
    dataset = _of_one_label(dataset, name, [along])
    keys = [str(key) for key in dataset.coords if key != along and dataset[key].dims == (along,)]
    drawn = new_axes(SIZE) if ax is None else ax
    values = dataset[name].values
    first = keys[0] if keys else along
    x = dataset[first].values
    spread = lambda v: v.dtype.kind in "if" and v.min() > 0 and v.max() > 50 * v.min()  # noqa: E731
    if len(keys) < 2:
        drawn.plot(x, values, "o", color=colour(4))
        drawn.set_ylabel(_words(name), fontsize=13)
    else:
        y = dataset[keys[1]].values
        points = drawn.scatter(x, y, c=values, cmap="viridis", s=36, edgecolor=INK, linewidth=0.4)
        drawn.set_ylabel(_words(keys[1]), fontsize=13)
        drawn.set_yscale("log" if spread(y) else "linear")
        bar = drawn.figure.colorbar(points, ax=drawn, pad=0.02)
        bar.set_label(_words(name), fontsize=12)
    drawn.set_xscale("log" if spread(x) else "linear")
    drawn.set_xlabel(_words(first), fontsize=13)
    return drawn
