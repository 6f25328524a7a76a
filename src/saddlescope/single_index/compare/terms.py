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
_TOLD = 6  # in a sentence

COLUMNS = (
    Column("term", "term", words=True),
    Column("target", "c_alpha"),
    Column("predicted", "found in\nstage", words=True),
    Column("time", "learnt at", ".4e"),
    Column("stays", "left\npredicted", ".3g"),
    Column("left", "\nat the end", ".2e"),
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
    times = _times(run, target, fraction)
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
            "stays": abs(reach.left[alphas[i]] / float(target[i])),
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
        remarks=(*_remarks(alphas, stages, times, run), Remark("Outcome", run.message)),
        doubts=tuple(doubt for doubt in run.doubts if doubt != run.message),
        theory=(
            "stages are those in which directions are driven by what was found before, at infinite dimension; they say "
            "in which order, not when. What is left of a term is what no function of all that is found has.",
        ),
        accuracy=(accuracy(run),),
        references=run.references,
        record=_record(run, rows, reach, fraction),
        interrupted=run.outcome == "INTERRUPTED",
        complete=run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL"),
        gap=3,
    )


def told_times(run: Trajectory, fraction: float) -> str:
    """Say when each term of a joint target was learnt, the largest of them.

    Args:
        run: of a `MeanFieldFlow` of a joint target.
        fraction: a term is learnt when its residual is this fraction of its coefficient.
    """
    terms = run.parameters["target_terms"]
    target = np.array([c for _, c in terms])
    times = _times(run, target, fraction)
    largest = np.argsort(-np.abs(target), kind="stable")[:_TOLD]
    learnt = sorted((i for i in largest if np.isfinite(times[i])), key=lambda i: (times[i], i))
    told = [f"{term_name(tuple(terms[i][0]))} at {times[i]:.3g}" for i in learnt]
    never = [term_name(tuple(terms[i][0])) for i in largest if not np.isfinite(times[i])]
    if never:
        told.append(f"not learnt: {', '.join(never)}")
    return "; ".join(told)


def _times(run: Trajectory, target: np.ndarray, fraction: float) -> np.ndarray:
    """When each term was learnt, shape (terms,), nan for never."""
    residual, rate = run["term_residual"], run["term_residual_rate"]
    return learning_times(time=run.time, residual=residual, target=target, rate=rate, fraction=fraction)


def _remarks(alphas: list[tuple[int, ...]], stages: list[int], times: np.ndarray, run: Trajectory) -> list[Remark]:
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
    lacking = float(run.accuracy["unlearnable_risk"])
    if lacking > 0:
        results.append(Remark("Floor", f"{lacking:.4g} of the risk is in degrees that the activation lacks."))
    if len(alphas) > _MOST:
        results.append(Remark("Terms", f"the {_MOST} largest of {len(alphas)} are listed."))
    results.append(Remark("Risk", f"{run['risk'][0]:.3g} at the start, {run['risk'][-1]:.3g} at the end."))
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
