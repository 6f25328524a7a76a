"""The stages of a measured curve beside those of a run of a spec, on a free scale of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import Stages, plateaus
from saddlescope.study.comparison import Column, Comparison, Remark, number
from saddlescope.study.drops import Drops, Scale, free_scale, under_way
from saddlescope.study.protocol import Study

if TYPE_CHECKING:
    from saddlescope.specs.run_spec import RunSpec
    from saddlescope.trajectory import Trajectory

FITS = 1.3  # factor within which a time or a ratio of heights fits: drop times of noisy curves are sharp to about 1.1
_SHARE = 0.1  # of the whole change, within which the share of one drop fits

_LIMITS = (
    "a real network is not the model: agreement on a free scale says that the order of events is alike, not why.",
    "n drops have n - 1 ratios of times; a floor under a loss moves ratios of heights (height ×), not shares.",
)


def _time(value: float) -> str:
    return number(value, ".3g")


# ten columns in 80 characters leave one between them
COLUMNS = (
    Column("drop", "\ndrop", "d"),
    Column("measured_time", "time\nmeasured", _time),
    Column("scaled_time", "\nscaled", _time),
    Column("measured_over_scaled", "\nratio", ".2f"),
    Column("measured_time_ratio", "over last\nmeasured", _time),
    Column("predicted_time_ratio", "\nrun", _time),
    Column("measured_height_ratio", "height ×\nmeasured", ".2g"),
    Column("predicted_height_ratio", "\nrun", ".2g"),
    Column("measured_share", "share\nmeas.", ".2f"),
    Column("predicted_share", "\nrun", ".2f"),
)


@dataclass(frozen=True)
class Model:
    """A run of a model, what it is called, and what to say about the choice of it."""

    run: Trajectory
    title: str
    doubts: tuple[str, ...] = ()


def model_of(spec: RunSpec | Trajectory | str | Path) -> Model:
    """Return the run of a spec that a curve can be set beside, solved here.

    Args:
        spec: as `saddlescope.specs.read` returns it, the name of a shipped one, or the path of a TOML file. A
            trajectory is taken as it is.

    Raises:
        ArgumentError: if the spec makes no run over time.
        SpecError: if there is no such spec, or it has a key or a value that cannot work.
        KeyboardInterrupt: if the user stopped it before there was a run.
    """
    from saddlescope import families
    from saddlescope.trajectory import Trajectory

    if isinstance(spec, Trajectory):
        return Model(spec, spec.kind)
    if isinstance(spec, str | Path):
        from saddlescope.specs import read

        spec = cast("RunSpec", read(str(spec)))
    study = families.study(spec)
    # a study of no runs would be solved in vain
    runs = {} if type(study).trajectories is Study.trajectories else study.trajectories(study.solve())
    if not runs:
        raise ArgumentError("spec", "make a run over time", spec.family)
    name = next(iter(runs))
    several = (
        (f"The spec makes {len(runs)} runs; the first, {name}, stands beside the curve.",) if len(runs) > 1 else ()
    )
    return Model(runs[name], study.title, several)


def compare_curve(curve: Any, model: Model) -> Comparison:
    """Return the drops of a measured curve beside those of a run of a model, whose time is scaled to fit.

    Both are judged alike: the run on the axes of time and values, and by the thresholds, that the curve was judged by.

    Args:
        curve: a `Curve`, anything with `.time` and `.value`, or the `Stages` that `plateaus` found on one.
        model: whose run it stands beside.

    Raises:
        ArgumentError: if the run has neither a risk nor a cost.
    """
    stages = curve if isinstance(curve, Stages) else plateaus(curve)
    return compare_stages(stages, model, getattr(curve, "head", ""))


def compare_stages(stages: Stages, model: Model, name: str = "") -> Comparison:
    """Return what `compare_curve` does, of plateaus that are known; `name` is what the curve is called."""
    run = model.run
    observable = next((name for name in ("risk", "cost") if name in run.observables), None)
    if observable is None:
        raise ArgumentError("spec", "make runs that have a risk or a cost", run.kind)
    own = plateaus(
        run.time,
        run[observable],
        values="linear" if stages.scale == "linear" else "auto" if np.min(run[observable]) <= 0 else "log",
        time_axis=stages.time_axis,
        slope=stages.slope,
        least_decades=stages.least_decades,
    )
    measured, predicted = Drops.of(stages), Drops.of(own)
    doubts = [*stages.doubts, *model.doubts, *(f"Of the run: {doubt}" for doubt in run.doubts)]
    doubts += [
        f"The last drop of {whose} is under way at its end, and left out."
        for whose, result in (("the curve", stages), ("the run", own))
        if under_way(result)
    ]
    usual = plateaus(run)
    if usual.time_axis != stages.time_axis and (count := len(Drops.of(usual))) != len(predicted):
        doubts.append(
            f"The run is usually judged on {usual.time_axis} time, where it has {_drops(count)}, and "
            f"{len(predicted)} on {stages.time_axis} time: judge the curve on {usual.time_axis} time too (--time, or "
            "the `time_axis` of `plateaus`)."
        )
    if own.scale != stages.scale:
        doubts.append(f"The curve is judged by {stages.scale} values, the run by {own.scale} values.")
    table = _compared(measured, predicted)
    return replace(
        table,
        subtitle=f"{name or 'plateaus of a curve'}; {observable} of {model.title}",
        doubts=tuple(doubts),
        references=run.references,
        record={
            "model": model.title,
            "value_axis": stages.value_axis,
            "time_axis": stages.time_axis,
            **table.record,
            "doubts": doubts,
            "limits": list(_LIMITS),
        },
        interrupted=run.outcome == "INTERRUPTED",
    )


def _compared(measured: Drops, predicted: Drops) -> Comparison:
    """Return the table of drops, on the scale that fits best, and what does not fit."""
    counts = f"{_drops(len(measured))} measured, {_drops(len(predicted))} of the run"
    table = Comparison("Measured drops beside those of a run, on a free scale of time", "", COLUMNS, ())
    limits = tuple(Remark("" if k else "Limits", text) for k, text in enumerate(_LIMITS))
    record: dict[str, Any] = {"measured": _plain(measured), "predicted": _plain(predicted)}
    if min(len(measured), len(predicted)) < 2:
        short = "the curve" if len(measured) < 2 else "the run"
        said = f"{counts}: {short} has fewer than two, and one drop fits any run on a free scale."
        remark = Remark("Nothing", f"to compare. There are {said}")
        record |= {"time_scale": None, "drops": [], "misfits": [f"{remark.head} {remark.text}"], "compared": False}
        return replace(table, remarks=(remark, *limits), record=record, complete=False)
    scale = free_scale(measured.time, predicted.time)
    rows = _rows(measured.part(scale.measured, scale.count), predicted.part(scale.predicted, scale.count), scale)
    misfits = [*_uncounted(measured, predicted, scale), *_misfits(rows)]
    one = " Two drops have one ratio only, so their scatter says little." if scale.count == 2 else ""
    remarks = [
        Remark(
            "Scale",
            f"1 of the run's time is {scale.factor:.4g} of the curve's; the drops scatter about it by "
            f"× {math.exp(scale.spread):.3g}.{one}",
        )
    ]
    if scale.ways > 1:
        remarks.append(
            Remark("Matched", f"{counts}: {scale.count} successive ones, where of {scale.ways} places they fit best.")
        )
    remarks += [Remark("" if k else "Misfit", text) for k, text in enumerate(misfits)]
    if not misfits:
        remarks.append(
            Remark("Fits", f"times and heights agree, factors within × {FITS:g}, shares of the fall within {_SHARE:g}.")
        )
    record |= {
        "time_scale": scale.factor,
        "spread": math.exp(scale.spread),
        "places_tried": scale.ways,
        "drops": rows,
        "misfits": misfits,
        "compared": True,
    }
    return replace(table, rows=tuple(rows), remarks=(*remarks, *limits), record=record)


def _rows(measured: Drops, predicted: Drops, scale: Scale) -> list[dict[str, Any]]:
    rows = []
    ratios = measured.height_ratios, predicted.height_ratios
    shares = measured.shares, predicted.shares
    for k in range(scale.count):
        time, scaled = float(measured.time[k]), float(predicted.time[k] * scale.factor)
        rows.append(
            {
                "drop": scale.measured + k + 1,
                "measured_time": time,
                "scaled_time": scaled,
                "measured_over_scaled": time / scaled,
                "measured_time_ratio": float(time / measured.time[k - 1]) if k else math.nan,
                "predicted_time_ratio": float(predicted.time[k] / predicted.time[k - 1]) if k else math.nan,
                "measured_height_ratio": float(ratios[0][k]),
                "predicted_height_ratio": float(ratios[1][k]),
                "measured_share": float(shares[0][k]),
                "predicted_share": float(shares[1][k]),
                "rises": bool(measured.after[k] > measured.before[k]) != bool(predicted.after[k] > predicted.before[k]),
            }
        )
    return rows


def _uncounted(measured: Drops, predicted: Drops, scale: Scale) -> list[str]:
    """Drops of either side that have no partner."""
    results = []
    for drops, first, unit, whose in (
        (measured, scale.measured, 1.0, "measured"),
        (predicted, scale.predicted, scale.factor, "of the run"),
    ):
        alone = [k for k in range(len(drops)) if not first <= k < first + scale.count]
        if alone:
            times = ", ".join(f"{drops.time[k] * unit:.3g}" for k in alone)
            scaled = " (scaled)" if unit != 1 else ""
            results.append(f"{_drops(len(alone))} {whose} at t = {times}{scaled} without a partner.")
    return results


def _misfits(rows: list[dict[str, Any]]) -> list[str]:
    """What does not fit: times off the scale, heights off by a factor, shares off by a difference."""
    results = []
    # of several sentences on one drop each tells another number, so none is left out
    for row in rows:
        drop = row["drop"]
        if _apart(row["measured_over_scaled"], 1.0):
            results.append(
                f"Drop {drop} comes at t = {row['measured_time']:.3g}, × {row['measured_over_scaled']:.3g} the scaled "
                f"time of the run."
            )
        elif _apart(row["measured_time_ratio"], row["predicted_time_ratio"]):
            results.append(
                f"Drop {drop} comes × {row['measured_time_ratio']:.3g} after the one before it, in the run "
                f"× {row['predicted_time_ratio']:.3g}."
            )
        if row["rises"]:
            results.append(f"Drop {drop} goes the other way than that of the run.")
        elif abs(row["measured_share"] - row["predicted_share"]) > _SHARE:
            results.append(
                f"Drop {drop} is {row['measured_share']:.2f} of the whole change, in the run "
                f"{row['predicted_share']:.2f}."
            )
        elif _apart(row["measured_height_ratio"], row["predicted_height_ratio"]):
            results.append(
                f"Drop {drop} leaves × {row['measured_height_ratio']:.2g} of the height, in the run "
                f"× {row['predicted_height_ratio']:.2g}: a floor under the measured values would do this too."
            )
    return results


def _apart(one: float, other: float) -> bool:
    """Whether two positive numbers differ by more than the factor within which they fit; never where one is nan."""
    return one > 0 and other > 0 and abs(math.log(one / other)) > math.log(FITS)


def _drops(count: int) -> str:
    return f"{count} drop{'' if count == 1 else 's'}"


def _plain(drops: Drops) -> Mapping[str, list[float]]:
    return {"time": drops.time.tolist(), "before": drops.before.tolist(), "after": drops.after.tolist()}
