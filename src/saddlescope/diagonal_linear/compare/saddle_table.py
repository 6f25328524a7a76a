"""The saddles that a diagonal linear network visits, beside the predicted ones: one row a saddle."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from saddlescope.diagonal_linear.theory.jumps import DiagonalPath
from saddlescope.measure.jumps import first_below, slowest
from saddlescope.study import NOTHING, Column, Comparison, Remark, number
from saddlescope.study.provenance import provenance, steps
from saddlescope.trajectory import Trajectory

_SADDLES = (
    Column("saddle", "\nsaddle", "d"),
    Column("support", "\nsupport", words=True),
    Column("predicted_cost", "cost\npredicted"),
    Column("measured_cost", "\nmeasured"),
    Column("predicted_time", "left at\npredicted", ".5g"),
    Column("measured_time", "\nmeasured", ".5g"),
    Column("measured_over_predicted", "\nratio", lambda value: number(value, ".4f")),
)
_ENDS = (Column("start", "cost at the start", words=False), Column("end", "at the end"))
_SHOWN = 5  # coordinates of a support that are told one by one
_ZERO = 1e-12  # of the cost at the start


def saddle_rows(run: Trajectory, path: DiagonalPath) -> list[dict[str, Any]]:
    """Return what a run did near each predicted saddle, as plain values, nan where the run has not come to it.

    A jump is measured where the cost is half way between the costs of two saddles, the cost at a saddle where the cost
    falls slowest between two jumps.

    Args:
        run: of a diagonal linear network.
        path: the predicted saddles; times in units of ln(1/alpha), as those of the run.
    """
    time, cost, rate = run.time, run["cost"], run["cost_rate"]
    halves = (path.losses[:-1] + path.losses[1:]) / 2
    jumps = [first_below(time, cost, rate, level) for level in halves]
    rests = [slowest(time, np.abs(rate), begin, end) for begin, end in pairwise([0.0, *jumps, math.inf])]
    if not path.complete:
        rests[-1] = None  # the run went on, theory does not say when
    predicted = [*path.jump_times.tolist(), math.nan]
    measured = [*jumps, math.nan]
    return [
        {
            "saddle": k,
            "support": list(support),
            "predicted_cost": float(path.losses[k]),
            "measured_cost": math.nan if rests[k] is None else float(cost[rests[k]]),
            "predicted_time": predicted[k],
            "measured_time": measured[k],
            "measured_over_predicted": measured[k] / predicted[k],
            # how far the coefficients are from those of the saddle, of the largest at the end of the path
            "coefficients_off": math.nan
            if rests[k] is None
            else float(np.abs(run["regressor"][rests[k]] - path.regressors[k]).max() / np.abs(path.regressors).max()),
        }
        for k, support in enumerate(path.supports)
    ]


def compare_saddles(
    run: Trajectory,
    path: DiagonalPath | None,
    title: str = "Saddles of a diagonal linear network",
    subtitle: str = "",
) -> Comparison:
    """Return what a run did near each predicted saddle, and when it left it.

    Args:
        run: of a diagonal linear network.
        path: the saddles; None for nothing to compare with.
        title, subtitle: above the table.
    """
    rows = [] if path is None else saddle_rows(run, path)
    doubts: tuple[str, ...] = ()
    if path is not None and not path.complete:
        doubts = ("The predicted path is not whole: more jumps follow.",)
    remarks = []
    if len(rows) > 1:
        log_scale = float(run.parameters["log_scale"])
        text = f"Jump times are predicted for ln(1/alpha) to infinity; here it is {log_scale:g}."
        if run.parameters.get("depth", 2) != 2 or run.parameters.get("parametrization", "product") != "product":
            text += f" Times are in units of {run.parameters['time_unit']:.4g}."
        remarks.append(Remark("Jumps", text))
    end = (
        f"{int(run['support_size'][-1])} coordinates with more than 1 % of the answers, "
        f"l1 norm {float(run['l1_norm'][-1]):.5g}"
    )
    if path is not None and path.complete:
        end += f" (predicted {float(np.abs(path.regressors[-1]).sum()):.5g})"
    first, last = float(run["cost"][0]), float(run["cost"][-1])
    return Comparison(
        title=title,
        subtitle=subtitle,
        columns=_SADDLES if rows else _ENDS,
        rows=_printed(rows, path) if rows else ({"start": _cost(first, first), "end": _cost(last, first)},),
        remarks=(*remarks, Remark("End", f"{end}."), Remark("Outcome", run.message)),
        doubts=(*(doubt for doubt in run.doubts if doubt != run.message), *doubts),
        accuracy=(f"{steps(run)}.",),
        references=run.references,
        record={
            "outcome": run.outcome,
            "message": run.message,
            "doubts": [*run.doubts, *doubts],
            "initial_cost": first,
            "final_cost": last,
            "final_regressor": run["regressor"][-1].tolist(),
            "final_l1_norm": float(run["l1_norm"][-1]),
            "end": float(run.time[-1]),
            **provenance(run),
            "saddles": rows,
        },
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        gap=2 if rows else 3,
    )


def _printed(rows: list[dict[str, Any]], path: DiagonalPath | None) -> tuple[dict[str, Any], ...]:
    largest = rows[0]["predicted_cost"]
    printed = []
    for row in rows:
        shown = row | {
            "support": _support(row["support"]),
            "predicted_cost": _cost(row["predicted_cost"], largest),
            "measured_cost": _cost(row["measured_cost"], largest),
        }
        if row is rows[-1]:
            shown |= {"predicted_time": "end" if path is not None and path.complete else NOTHING}
            del shown["measured_time"], shown["measured_over_predicted"]
        printed.append(shown)
    return tuple(printed)


def _support(coordinates: list[int]) -> str:
    """Name the coordinates, or count them where they are many."""
    return " ".join(map(str, coordinates)) if 0 < len(coordinates) <= _SHOWN else f"{len(coordinates) or 'none'}"


def _cost(value: float, largest: float) -> str:
    if math.isnan(value):
        return NOTHING
    if value < _ZERO * largest:
        return "0"
    return f"{value:.6g}" if value > 1e-3 * largest else f"{value:.1e}"
