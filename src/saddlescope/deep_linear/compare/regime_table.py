"""Starts of deep linear networks side by side: the regime of each, predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.compare.regime_card import RegimeCard, regime_card
from saddlescope.deep_linear.compare.saddle_table import accuracy
from saddlescope.study import NOTHING, Column, Comparison, Remark
from saddlescope.study.provenance import ending, provenance
from saddlescope.trajectory import Trajectory

_REGIMES = (
    Column("run", "\nrun", words=True),
    Column("gamma", "\ngamma"),
    Column("time", "1 % cost\nat t"),
    Column("movement", "weights\nmoved"),
    Column("kernel_change", "kernel\nchanged"),
    Column("flat_share", "\nflat", ".2f"),
    Column("nuclear_norm", "nuclear\nnorm", ".4g"),
    Column("beyond_rank", "after\nrank", ".2g"),
    Column("test_error", "test\nerror", ".2g"),
)
_MEASURED = ("time", "movement", "kernel_change", "flat_share", "nuclear_norm", "beyond_rank", "test_error")
_KEYS = ("kappa", "time", "flat_share", "movement", "kernel_change", "nuclear_norm", "beyond_rank", "test_error")
_STOPPED = "The regime is not measured, since the run was stopped."


def compare_regimes(
    flows: Mapping[str, Any], runs: Mapping[str, Trajectory], title: str = "Regimes", subtitle: str = ""
) -> Comparison:
    """Return the regime of each start, predicted and measured.

    Args:
        flows: name -> what was asked for; the name "" stands for a single one.
        runs: name -> its trajectory, of those that were run.
        title, subtitle: above the table.
    """
    rows, remarks, doubted, record = [], [], [], {}
    of = (lambda name: f"{name}: ") if "" not in flows else (lambda name: "")
    for name, run in runs.items():
        card = _card(flows[name], run)
        head = {"run": name or "run", "gamma": float(flows[name].gamma)}
        record[name] = {**ending(run), **provenance(run)}
        if isinstance(card, str):
            rows.append({**head, **dict.fromkeys(_MEASURED, NOTHING)})
            remarks.append(Remark("Remark", f"{of(name)}{card}"))
            continue
        rows.append({**head, **{key: getattr(card, key) for key in _MEASURED}})
        remarks.append(Remark("Verdict", f"{of(name)}{card.verdict}"))
        doubted += [f"{of(name)}{doubt}" for doubt in card.doubts if doubt not in run.doubts]
        record[name]["regime"] = {"predicted": card.predicted, "measured": card.measured, "verdict": card.verdict}
        record[name]["regime"] |= {key: getattr(card, key) for key in _KEYS}
    remarks += [Remark("Remark", f"{name}: {_STOPPED}") for name in flows if name not in runs]
    last = list(runs.values())[-1]
    references = tuple(dict.fromkeys(key for run in runs.values() for key in run.references))
    plain = record[""] if "" in flows else {"runs": record}
    return Comparison(
        title=title,
        subtitle=subtitle,
        columns=_REGIMES,
        rows=tuple(rows),
        remarks=(*remarks, *(Remark("Outcome", f"{of(name)}{run.message}") for name, run in runs.items())),
        doubts=(*(f"{of(n)}{d}" for n, run in runs.items() for d in run.doubts if d != run.message), *doubted),
        accuracy=tuple(f"{of(name)}{accuracy(run)}" for name, run in runs.items()),
        references=references,
        record=plain | {"cite": list(references)},
        interrupted=len(runs) < len(flows) or last.outcome == "INTERRUPTED",
        complete=all(run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL") for run in runs.values()),
    )


def _card(flow: Any, run: Trajectory) -> RegimeCard | str:
    """Return the card of a run, or why there is none."""
    if run.outcome == "INTERRUPTED":
        return _STOPPED
    if flow.depth == 1:
        return "One layer has neither saddles nor regimes: its cost is that of a linear model."
    try:
        return regime_card(flow, run)
    except ArgumentError as error:
        return f"The regime is not measured: {error}"
