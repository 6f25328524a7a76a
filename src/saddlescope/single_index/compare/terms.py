"""Terms of a joint target: in what order infinite dimension finds them, and when each was learnt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.single_index.compare.degrees import accuracy
from saddlescope.single_index.problem import rate_ratio
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.joint_target import term_name
from saddlescope.single_index.theory.reachable import Reachable, reachable
from saddlescope.study import Column, Comparison, Remark
from saddlescope.study.provenance import provenance
from saddlescope.trajectory import Trajectory

_MOST = 24  # terms that are listed, the largest of them

COLUMNS = (
    Column("term", "term", words=True),
    Column("target", "c_alpha"),
    Column("predicted", "found in\nstage", words=True),
    Column("time", "learnt\nat", ".4e"),
    Column("left", "left at\nthe end", ".2e"),
)


def compare_terms(
    run: Trajectory,
    problem: JointIndex,
    fraction: float = 0.5,
    title: str = "Terms of a joint target",
) -> Comparison:
    """Return when each term was learnt, beside the stage in which theory says that its directions are found.

    Args:
        run: of a `MeanFieldFlow` of a joint target.
        problem: what was learnt.
        fraction: a term is learnt when its residual is this fraction of its coefficient.
        title: above the table.
    """
    reach = reachable(problem, np.asarray(run["overlap"][0]))
    alphas = sorted(problem.terms)
    target = np.array([problem.terms[alpha] for alpha in alphas])
    times = learning_times(
        time=run.time, residual=run["term_residual"], target=target, rate=run["term_residual_rate"], fraction=fraction
    )
    stages = [reach.stage_of(alpha) for alpha in alphas]
    left = np.abs(run["term_residual"][-1] / target)
    largest = np.sort(np.argsort(-np.abs(target), kind="stable")[:_MOST])
    order = sorted(largest, key=lambda i: (stages[i] if stages[i] >= 0 else math.inf, sum(alphas[i]), -i))
    rows = tuple(
        {
            "term": term_name(alphas[i]),
            "target": float(target[i]),
            "predicted": str(stages[i]) if stages[i] >= 0 else "never",
            "time": float(times[i]),
            "left": float(left[i]),
        }
        for i in order
    )
    told = run.parameters
    return Comparison(
        title=title,
        subtitle=f"target {told['target']}, activation {told['activation']}, {rate_ratio.told(told['epsilon'])}",
        columns=COLUMNS,
        rows=rows,
        remarks=(*_remarks(alphas, stages, times, reach, run), Remark("Outcome", run.message)),
        doubts=tuple(doubt for doubt in run.doubts if doubt != run.message),
        theory=(
            "stages are those in which directions are driven by what was found before, at infinite dimension; they say "
            "in which order, not when.",
        ),
        accuracy=(accuracy(run),),
        references=run.references,
        record=_record(run, rows, reach, fraction),
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        gap=3,
    )


def _remarks(
    alphas: list[tuple[int, ...]], stages: list[int], times: np.ndarray, reach: Reachable, run: Trajectory
) -> list[Remark]:
    results = []
    early = [
        (i, j)
        for i, one in enumerate(stages)
        for j, other in enumerate(stages)
        if 0 <= one < other and np.isfinite(times[j]) and not times[i] <= times[j]
    ]
    if early:
        i, j = early[0]
        one, other = term_name(alphas[i]), term_name(alphas[j])
        text = f"{other} was learnt before {one}, whose directions are found in an earlier stage."
        results.append(Remark("Order", text))
    elif len({s for s, t in zip(stages, times, strict=True) if s >= 0 and np.isfinite(t)}) > 1:
        results.append(Remark("Order", "what was learnt came in the order of the stages."))
    surprise = [term_name(alpha) for alpha, s, t in zip(alphas, stages, times, strict=True) if s < 0 and np.isfinite(t)]
    if surprise:
        results.append(Remark("Never", f"{', '.join(surprise)} was learnt although it is never to be found."))
    if reach.kept > 0:
        text = f"{reach.kept:.4g} of the risk is in functions of what no neuron finds; {run['risk'][-1]:.4g} is left."
        results.append(Remark("Floor", text))
    return results


def _record(run: Trajectory, rows: Any, reach: Reachable, fraction: float) -> dict[str, Any]:
    return {
        "outcome": run.outcome,
        "message": run.message,
        "doubts": list(run.doubts),
        "epsilon": rate_ratio.plain(run.parameters["epsilon"]),
        "learning_time_fraction": fraction,
        "initial_risk": float(run["risk"][0]),
        "final_risk": float(run["risk"][-1]),
        "terms": [dict(row) for row in rows],
        "stages": reach.stage.tolist(),
        "shares": reach.share.tolist(),
        "risk_never_learnt": reach.kept,
        **provenance(run),
    }
