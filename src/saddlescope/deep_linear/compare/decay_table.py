"""Singular values under weight decay: where each can end, and where a run has left it."""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescope.deep_linear.compare.saddle_table import accuracy
from saddlescope.study import Column, Comparison, Remark
from saddlescope.study.provenance import ending, provenance
from saddlescope.trajectory import Trajectory

_COLUMNS = (
    Column("mode", "\nmode", "d"),
    Column("strength", "of the\ntarget"),
    Column("predicted", "ends at\npredicted", ".6g"),
    Column("measured", "\nmeasured", ".6g"),
    Column("barrier", "dies\nbelow", ".3g"),
    Column("crossing", "0 is lower\nfrom decay", ".4g"),
    Column("collapse", "none left\nfrom decay", ".4g"),
)
_PLAIN = (Column("mode", "\nmode", "d"), Column("measured", "ends\nat", ".6g"))
_DEAD = 1e-3  # share of the largest strength under which a mode has died


def compare_decayed(
    flow: Any, run: Trajectory, title: str = "Singular values under weight decay", subtitle: str = ""
) -> Comparison:
    """Return the singular values at the end of a run beside the minima that weight decay leaves.

    Args:
        flow: a `DeepLinearFlow` or `GradientDescent` with weight decay.
        run: of it.
        title, subtitle: above the table.
    """
    ends = run["singular_values"][-1]
    decayed = flow.target_modes()
    doubts = [d for d in run.doubts if d != run.message]
    if decayed is not None and "product" in run.observables:
        # by size alone, a strong mode that died and a weak one that lives would change places
        U, _, Vt = np.linalg.svd(flow.cost.whitened_target)
        ends = np.abs(np.diagonal(U.T @ run["product"][-1] @ Vt.T))
    elif decayed is not None and np.sum(ends > _DEAD * decayed.strength.max()) < len(ends):
        doubts.append(
            "Modes are told apart by their size: where a strong one died and a weak one lives, they change places."
        )
    if decayed is None:
        rows = [{"mode": k + 1, "measured": float(end)} for k, end in enumerate(ends)]
        doubts.append("Nothing is predicted: minima under weight decay are known for whitened least squares only.")
        remarks = ()
    else:
        rows = []
        dead = _DEAD * float(decayed.strength.max())
        for k, end in enumerate(ends):
            # a mode below its barrier dies, and zero is a minimum of its own
            learnt = end > dead and np.isfinite(decayed.learnt[k])
            rows.append(
                {
                    "mode": k + 1,
                    "predicted": float(decayed.learnt[k]) if learnt else 0.0,
                    "measured": float(end),
                    **{key: float(getattr(decayed, key)[k]) for key in ("strength", "barrier", "crossing", "collapse")},
                }
            )
        remarks = (Remark("Modes", _told(rows, dead)),)
    penalty = float(run["penalty"][-1])
    end = f"cost {float(run['cost'][-1]):.4g}, penalty {penalty:.4g}."
    return Comparison(
        title=title,
        subtitle=subtitle,
        columns=_PLAIN if decayed is None else _COLUMNS,
        rows=tuple(rows),
        remarks=(*remarks, Remark("End", end), Remark("Outcome", run.message)),
        doubts=tuple(doubts),
        accuracy=(accuracy(run),),
        references=(*run.references, "wang2023"),
        record={**ending(run), **provenance(run), "modes": rows, "penalty": penalty},
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        gap=2,
    )


def _told(rows: list[dict[str, Any]], dead: float) -> str:
    lost = [row for row in rows if row["measured"] <= dead]
    forced = [row["mode"] for row in lost if not np.isfinite(row["barrier"])]
    small = [row["mode"] for row in lost if np.isfinite(row["barrier"])]
    told = f"{len(rows) - len(lost)} of {len(rows)} are there at the end"
    if forced:
        told += f"; no minimum but zero is left for {_list(forced)}"
    if small:
        told += f"; {_list(small)} died below the barrier, or was still below it"
    return f"{told}."


def _list(numbers: list[int]) -> str:
    return f"mode {numbers[0]}" if len(numbers) == 1 else f"modes {', '.join(map(str, numbers))}"
