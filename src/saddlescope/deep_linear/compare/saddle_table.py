"""The saddles that a deep linear network visits, beside the predicted ones: the table, and sentences below it."""

from __future__ import annotations

import math
from typing import Any

from saddlescope.deep_linear.compare.saddles import SaddlePath, SaddleRow, saddle_rows
from saddlescope.measure import effective_rank
from saddlescope.study import NOTHING, Column, Comparison, Remark, number
from saddlescope.study.provenance import ending, provenance, steps
from saddlescope.trajectory import Trajectory


def _ratio(value: float) -> str:
    return number(value, ".4f" if value < 10 else ".3g")


_SADDLES = (
    Column("rank", "\nrank", "d"),
    Column("predicted_cost", "cost\npredicted"),
    Column("measured_cost", "\nmeasured"),
    Column("predicted_time", "left at\npredicted", ".5g"),
    Column("measured_time", "\nmeasured", ".5g"),
    Column("measured_over_predicted", "\nratio", _ratio),
    Column("strength", "escape\ns_1", ".4g"),
    Column("exponent", "\nexponent", ".3f"),
    Column("off_path", "off the\npath", ".1e"),
)
_ENDS = (Column("start", "cost at the start", words=False), Column("end", "at the end"))


def compare_saddles(
    run: Trajectory,
    predicted: SaddlePath | str | None,
    title: str = "Saddles of a deep linear network",
    subtitle: str = "",
) -> Comparison:
    """Return what a run did near each predicted saddle, and when it left it.

    Args:
        run: of a deep linear network.
        predicted: the saddles; or a sentence that says why there are none; None for nothing to compare with.
        title, subtitle: above the table.
    """
    path = predicted if isinstance(predicted, SaddlePath) else None
    rows = [] if path is None else saddle_rows(run, path)
    doubts = (predicted,) if isinstance(predicted, str) else () if path is None else path.doubts
    remarks = [Remark("Saddles", _met(rows))] if rows else []
    columns, gap = (_SADDLES, 1) if rows else (_ENDS, 3)
    return Comparison(
        title=title,
        subtitle=subtitle,
        columns=columns,
        rows=_printed(rows, path is not None and path.whole) if rows else (_ends(run),),
        remarks=(*remarks, Remark("End", _end(run)), Remark("Outcome", run.message)),
        doubts=(*(d for d in run.doubts if d != run.message), *doubts),
        accuracy=(accuracy(run),),
        references=run.references,
        record={
            **ending(run),
            **provenance(run),
            "saddles": [row.plain() for row in rows],
            "predicted_end": None if path is None else path.message,
            "root_mean_squares": _root_mean_squares(run),
        },
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        gap=gap,
    )


def _printed(rows: list[SaddleRow], whole: bool) -> tuple[dict[str, Any], ...]:
    printed = []
    for row in rows:
        largest = rows[0].predicted_cost
        values: dict[str, Any] = {
            "rank": row.rank,
            # a cost that is zero but for rounding is printed as zero
            "predicted_cost": _cost(row.predicted_cost, largest),
            "measured_cost": _cost(row.measured_cost, largest),
        }
        if row is rows[-1]:  # two saddles may have one rank
            values["predicted_time"] = "end" if whole else NOTHING
        else:
            keys = ("predicted_time", "measured_time", "strength", "exponent", "off_path")
            values |= {key: getattr(row, key) for key in keys} | {"measured_over_predicted": row.ratio}
        printed.append(values)
    return tuple(printed)


def _ends(run: Trajectory) -> dict[str, Any]:
    start, end = (float(value) for value in run["cost"][[0, -1]])
    return {"start": _cost(start, start), "end": _cost(end, start)}


def _cost(value: float, largest: float) -> str:
    if math.isnan(value):
        return NOTHING
    if value < 1e-12 * largest:
        return "0"
    return f"{value:.6g}" if value > 1e-3 * largest else f"{value:.1e}"


def _met(rows: list[SaddleRow]) -> str:
    """Say at which of the predicted saddles the run rests."""
    saddles = rows[:-1]
    met = [str(row.rank) for row in saddles if row.flat]
    missed = [str(row.rank) for row in saddles if not row.flat and not math.isnan(row.measured_cost)]
    ahead = [str(row.rank) for row in saddles if math.isnan(row.measured_cost)]
    parts = [f"the run rests at rank {', '.join(met)}" if met else "the run rests at none of them"]
    if missed:
        parts.append(f"passes rank {', '.join(missed)} without a flat stretch of the cost")
    if ahead:
        parts.append(f"has not come to rank {', '.join(ahead)}")
    sentence = "; it ".join(parts) + "."
    return sentence[0].upper() + sentence[1:]


def _end(run: Trajectory) -> str:
    singular = run["singular_values"][-1]
    text = f"effective rank {float(effective_rank(singular)):.3g}, nuclear norm {singular.sum():.4g}"
    error = float(run["test_error"][-1])
    text += f", test error {error:.2g}." if math.isfinite(error) else "."
    errors = _root_mean_squares(run)
    if errors is None:
        return text
    unseen = f", {errors[1]:.4g} of one held out" if math.isfinite(errors[1]) else ""
    return f"{text} Root mean square error {errors[0]:.4g} of an observed entry{unseen}."


def _root_mean_squares(run: Trajectory) -> tuple[float, float] | None:
    """Errors of an entry at the end, seen and not seen; None of other costs, and where the cost is not known."""
    cost = getattr(run.flow, "cost", None)
    return None if cost is None else cost.root_mean_squares(float(run["cost"][-1]), float(run["test_error"][-1]))


def accuracy(run: Trajectory) -> str:
    """Say in a few words what the result rests on: compression, steps, conserved quantities."""
    known, parts = run.accuracy, []
    if "compressed_width" in known:
        how = "exactly" if known["exact_compression"] else f"by {known['krylov_rounds']} Krylov rounds"
        error = "" if known.get("krylov_error") is None else f", error {known['krylov_error']:.1e}"
        parts.append(f"width {run.parameters['width']} compressed to {known['compressed_width']} {how}{error}")
    parts += [steps(run), f"conserved quantities drift by {known['conserved_drift']:.1e}"]
    return "; ".join(parts) + "."
