"""Two linear layers of infinite width, from lazy to tiny starts, beside a square network with the same start."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import one_of, size
from campaigns.families.deep_flow import costs
from campaigns.families.deep_flow import draw_cost as usual_cost
from campaigns.families.settings.other_costs import draw_cost as other_cost
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.layers import WideFlow
from campaigns.stated import stated_error


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Scales from 1e-4, where modes escape one after another, to lazy ones; ends just after an escape."""
    return {
        "cost": one_of(rng, [usual_cost, other_cost], [3, 1])(rng),
        "scale": size(rng, 1e-4, 10),
        "past": one_of(rng, [0.5, 1.001, 1.5, 6.0]),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Cost, singular values and the product at the end beside those of the reference."""
    cost, model = costs(p["cost"])
    shape = (cost.shape[0], cost.shape[1])
    k = p["scale"] ** 2
    slope = float(np.linalg.norm(model.gradient(np.zeros(shape)), 2))
    until = p["past"] * float(np.log1p(2 * slope / k)) / (2 * np.hypot(slope, k))
    exact = WideFlow(model, shape, k)
    try:
        right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, "Radau", 1e-9)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    flow = ss.WideLinearFlow(cost, scale=p["scale"])
    run = ss.solve(flow, until, max_steps=30_000)

    def singular(t: np.ndarray, solution: Any = right) -> np.ndarray:
        return np.linalg.svd(exact.products(solution(t)), compute_uv=False)

    def value(t: np.ndarray) -> np.ndarray:
        return model.values(exact.products(right(t)))

    stated, begun = stated_error(run), float(value(np.zeros(1))[0])
    times, values = thinned(other.times, model.values(exact.products(other.states)), 40)
    checks = [
        Check(
            "cost",
            graph_distance(*thinned(run.time, run["cost"], 30), value, begun, right.end),
            stated,
            graph_distance(times, values, value, begun, right.end),
        )
    ]
    unit = max(float(singular(np.array([until]))[0, 0]), 1e-300)
    for mode in range(min(shape)):
        times, values = thinned(run.time, run["singular_values"][:, mode], 30)
        error = graph_distance(times, values, lambda t, mode=mode: singular(t)[:, mode], unit, right.end)
        at = right.times[1 :: max(1, len(right.times) // 40)]
        apart = graph_distance(
            at, singular(at, other)[:, mode], lambda t, mode=mode: singular(t)[:, mode], unit, right.end
        )
        checks.append(Check(f"singular value {mode}", error, stated, apart))
    doubts = tuple(doubt for doubt in run.doubts if doubt not in cost.remarks)
    return Answer(run.outcome, doubts, tuple(checks))


FAMILY = Family("wide limit", 2.0, draw, judge)
