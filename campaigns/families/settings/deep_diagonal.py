"""Flows of diagonal networks of any depth, products and differences of powers, beside their weights."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import integer, one_of, size
from campaigns.families.closed_theory import draw_diagonal
from campaigns.references.diagonal import jumps, weights_flow
from campaigns.references.integration import ReferenceFailedError
from campaigns.stated import stated_error

# scales of which the weights themselves can still be followed to a jump
_SMALLEST = {2: 1e-7, 3: 3e-4, 4: 5e-3, 5: 3e-2}


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Few examples of few features; ends before, just after and long after jumps."""
    data = draw_diagonal(rng)
    while data["kind"] == "scaled" or np.array(data["X"]).shape[1] > 4:
        data = draw_diagonal(rng)
    depth = integer(rng, 2, 5)
    return data | {
        "depth": depth,
        "product": bool(rng.random() < 0.5),
        "scale": size(rng, _SMALLEST[depth], 0.5),
        "jump": integer(rng, 0, 3),
        "past": one_of(rng, [0.9, 1.02, 1.3, 4.0]),
        "way": one_of(rng, ["plain", "finer"], [4, 1]),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Cost and coefficients beside those of the weights."""
    X, y, depth = np.array(p["X"]), np.array(p["y"]), p["depth"]
    kind = "product" if p["product"] else "difference"
    flow = ss.DiagonalFlow(X, y, p["scale"], depth=depth, parametrization=kind)
    times, _ = jumps(X, y)
    until = p["past"] * float(times[min(p["jump"], len(times) - 1)])
    unit = flow.time_unit
    how = (X, y, p["scale"], depth, p["product"], 1.05 * until * unit)
    try:
        right, beta = weights_flow(*how, "LSODA", 1e-11)
        other, _ = weights_flow(*how, "Radau", 1e-9)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    keys: dict[str, Any] = {"rtol": 1e-8} if p["way"] == "finer" else {}
    run = ss.solve(flow, until, max_steps=30_000, **keys)

    def loss(t: np.ndarray, solution: Any = right) -> np.ndarray:
        return np.sum((beta(solution(t)) @ X.T - y) ** 2, axis=1) / (2 * len(y))

    stated, begun = stated_error(run), float(y @ y) / (2 * len(y))
    at = right.times[1 :: max(1, len(right.times) // 40)]
    apart = graph_distance(at, loss(at, other), loss, begun, right.end)
    times, values = thinned(run.time, run["cost"], 40)
    checks = [Check("cost", graph_distance(times * unit, values, loss, begun, right.end), stated, apart)]
    last = np.array([min(run.time[-1] * unit, right.end)])
    here, moved, again = (beta(s(np.minimum(last * f, right.end)))[0] for s, f in _ends(right, other, stated))
    largest = max(float(np.abs(here).max()), 1e-300)
    allowed = stated + float(np.abs(moved - here).max()) / largest
    error = float(np.abs(run["regressor"][-1] - here).max()) / largest
    checks.append(Check("coefficients at the end", error, allowed, float(np.abs(again - here).max()) / largest))
    return Answer(run.outcome, tuple(run.doubts), tuple(checks))


def _ends(right: Any, other: Any, stated: float) -> list[tuple[Any, float]]:
    return [(right, 1.0), (right, 1 + stated), (other, 1.0)]


FAMILY = Family("diagonal flow", 3.0, draw, judge)
