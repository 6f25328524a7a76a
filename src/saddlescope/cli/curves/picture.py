"""One picture of all curves: those on the same axes in one panel, others below."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from saddlescope.cli.curves.judging import Judged
from saddlescope.curves import CurveError
from saddlescope.curves.refusals import shown

_ENDINGS = (".png", ".pdf", ".svg")
_MOST = 12  # curves in a picture
_INCHES = 9.6, 5.4


def check_picture(path: Path) -> None:
    """Refuse a path that no picture can be written to, before any file is read.

    Raises: CurveError.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise CurveError(f"A picture ends in {', '.join(_ENDINGS)}, but --plot got {shown(path.name)!r}.")
    if not path.parent.is_dir():
        raise CurveError(f"There is no folder {shown(str(path.parent))} to write the picture to; make it first.")


def draw(results: list[Judged], path: Path) -> str:
    """Write the picture and return what to say of it."""
    from matplotlib.figure import Figure

    from saddlescope.plot import save, stages

    drawn = results[:_MOST]
    panels: dict[tuple[str, str, str], list[Judged]] = {}
    for one in drawn:
        # runs of a chart share a quantity that is named after each of them
        quantity = one.curve.y.rsplit(" - ", 1)[-1]
        panels.setdefault((quantity, one.stages.value_axis, one.stages.time_axis), []).append(one)
    figure = Figure(figsize=(_INCHES[0], _INCHES[1] * (1 + 0.8 * (len(panels) - 1))), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for ax, curves in zip(axes, panels.values(), strict=True):
        ax.tick_params(labelsize=12)
        ax.spines[["top", "right"]].set_visible(False)
        begin, end, low, high = np.inf, -np.inf, np.inf, -np.inf
        for one in curves:
            label = one.curve.run or one.curve.source if len(curves) > 1 else None
            if label is not None and one.curve.run and len({c.curve.source for c in curves}) > 1:
                label = f"{one.curve.source}, {one.curve.run}"
            stages(one.curve, one.stages, ax=ax, label=label)
            time = one.curve.time[one.curve.time > 0] if one.stages.time_axis == "log" else one.curve.time
            begin, end = min(begin, float(time[0])), max(end, float(time[-1]))
            if len(curves) > 1:
                value = one.curve.value[one.curve.value > 0] if one.stages.value_axis == "log" else one.curve.value
                low, high = min(low, float(value.min())), max(high, float(value.max()))
        ax.set_xlim(begin, end)
        if len(curves) > 1 and high > low:
            room = (high / low) ** 0.08 if curves[0].stages.value_axis == "log" else 0.08 * (high - low)
            log = curves[0].stages.value_axis == "log"
            ax.set_ylim((low / room, high * room) if log else (low - room, high + room))
        if len(curves) == 1:
            curve = curves[0].curve
            title = ", ".join(part for part in (curve.source, curve.run) if part)
            ax.set_title(title if len(title) <= 80 else f"{title[:79]}…", loc="left", fontsize=12)
    save(axes[0], path)
    left = f"; {len(results) - _MOST} further curves are not in it" if len(results) > _MOST else ""
    return f"Wrote {path}{left}"
