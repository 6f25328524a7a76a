"""Modes of an infinitely wide network: when each is learnt, and how lazily."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from saddlescope.deep_linear.exact.mixed_mode import mixed_mode_time
from saddlescope.measure import learning_times
from saddlescope.study import Column, Comparison, Remark
from saddlescope.study.provenance import ending, provenance, steps
from saddlescope.trajectory import Trajectory

_COLUMNS = (
    Column("mode", "\nmode", "d"),
    Column("strength", "of the\ntarget"),
    Column("predicted", "half learnt\npredicted", ".6g"),
    Column("measured", "\nmeasured", ".6g"),
    Column("lazy", "were it\nlazy", ".4g"),
    Column("active", "were it\nactive", ".4g"),
)
_PLAIN = (Column("mode", "\nmode", "d"), Column("end", "ends\nat", ".6g"))


def compare_modes(
    flow: Any, run: Trajectory, title: str = "Modes of an infinitely wide network", subtitle: str = ""
) -> Comparison:
    """Return when each singular value of the target is half learnt, beside its closed form.

    A lazy mode has learnt half at ln 2 / (2 k) whatever its strength s, an active one at ln(2 s / k) / (2 s); the times
    of both stand beside what holds in between.

    Args:
        flow: a `WideLinearFlow`.
        run: of it.
        title, subtitle: above the table.
    """
    doubts = [d for d in run.doubts if d != run.message]
    target = flow.cost.whitened_target
    rows: list[dict[str, Any]]
    if target is None:
        rows = [{"mode": n + 1, "end": float(end)} for n, end in enumerate(run["singular_values"][-1])]
        doubts.append("Nothing is predicted: modes have a closed form for whitened least squares only.")
    else:
        U, strength, Vt = np.linalg.svd(target, full_matrices=False)
        rates = jax.vmap(flow.start()[0].vector_field)(run["product"])
        learnt, rate = (np.einsum("ij,tik,kj->tj", U, A, Vt.T) for A in (run["product"], np.asarray(rates)))
        measured = learning_times(time=run.time, residual=strength - learnt, target=strength, rate=-rate)
        rows = [
            {
                "mode": n + 1,
                "strength": float(s),
                "predicted": float(mixed_mode_time(s / 2, s, flow.k)),
                "measured": float(measured[n]),
                "lazy": float(np.log(2) / (2 * flow.k)),
                "active": float(np.log(2 * s / flow.k) / (2 * s)) if 2 * s > flow.k else np.nan,
            }
            for n, s in enumerate(strength)
            if s > 0
        ]
    return Comparison(
        title=title,
        subtitle=subtitle,
        columns=_PLAIN if target is None else _COLUMNS,
        rows=tuple(rows),
        remarks=(Remark("End", f"cost {float(run['cost'][-1]):.4g}."), Remark("Outcome", run.message)),
        doubts=tuple(doubts),
        accuracy=(f"{steps(run)}.",),
        references=run.references,
        record={**ending(run), **provenance(run), "modes": rows},
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
    )
