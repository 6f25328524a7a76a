"""Mean-field flows of joint targets from given particles, against quadrature over the hidden coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import first_time, graph_distance, thinned
from campaigns.draws import flip, integer, numbers, one_of, sign, size
from campaigns.references.integration import ReferenceFailedError, Solution
from campaigns.references.joint_limit import JointLimit
from campaigns.stated import stated_error

_KINDS = {"spread": 3.0, "staircase": 4.0, "leap": 2.0, "small": 2.0, "near one": 1.0, "fast second layer": 1.0}
_STAIRS = (
    ((1, 0), (1, 1)),
    ((1, 0), (1, 2)),
    ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    ((1, 0, 0), (1, 1, 0), (0, 1, 1)),
)
_LEAPS = (((1, 1),), ((1, 0), (0, 2)), ((1, 0, 0), (0, 1, 1)), ((1, 0, 0), (1, 1, 1)), ((1, 1, 1),))


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """One to four particles at zero, at small, spread or long overlaps; a staircase, a leap, or any terms."""
    kind = one_of(rng, list(_KINDS), list(_KINDS.values()))
    m = integer(rng, 1, 4)
    if kind in ("staircase", "fast second layer"):
        powers = one_of(rng, list(_STAIRS))
    elif kind in ("leap", "small"):
        powers = one_of(rng, list(_LEAPS))
    else:
        k = integer(rng, 2, 3)
        several = [tuple(integer(rng, 0, 2) for _ in range(k)) for _ in range(integer(rng, 1, 4))]
        powers = list(dict.fromkeys([*(p for p in several if 0 < sum(p) <= 4), (1,) * k]))
    k = len(powers[0])
    terms = [[list(power), sign(rng) * size(rng, 0.2, 2)] for power in powers]
    if flip(rng, 0.25):
        terms[0][1] = sign(rng) * size(rng, 1e-6, 1e-2)
    degree = max(sum(power) for power in powers) + one_of(rng, [0, 1], [3, 1])
    activation = [x or 1.0 for x in numbers(rng, degree + 1, 2)]
    if flip(rng, 0.3):
        activation[integer(rng, 0, degree)] = 0.0
    if not any(activation[1:]):
        activation[-1] = 1.0
    way = rng.standard_normal((m, k))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    length = {
        "spread": float(rng.uniform(0.1, 0.9)),
        "small": size(rng, 1e-6, 1e-2),
        "near one": 1 - size(rng, 1e-7, 1e-2),
    }.get(kind, 0.0)
    return {
        "kind": kind,
        "terms": terms,
        "activation": activation,
        "epsilon": size(rng, 1e-9, 1e-3) if kind == "fast second layer" else size(rng, 3e-3, 3),
        "a": [x or 1.0 for x in numbers(rng, m, 2)],
        "s": (length * way).tolist(),
        "weights": None if flip(rng, 0.7) else (np.full(m, 1 / m) if m == 1 else rng.dirichlet(np.ones(m))).tolist(),
        "horizon": size(rng, 0.5, 30),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Risk, times of terms, second layer and overlaps at the end beside those of the reference."""
    terms = {tuple(power): float(c) for power, c in p["terms"]}
    a, s = np.array(p["a"]), np.array(p["s"])
    weights = np.full(len(a), 1 / len(a)) if p["weights"] is None else np.array(p["weights"])
    activation = np.array(p["activation"])
    exact = JointLimit(terms, activation, p["epsilon"], a, s, weights)
    force = float(np.linalg.norm(list(terms.values())) * np.linalg.norm(activation)) + float(activation @ activation)
    until = max(p["horizon"] / min(max(force, 1e-3), 1e3), p["epsilon"])
    stiff = p["epsilon"] < 0.03
    try:
        right = exact.solve(1.05 * until)
        other = exact.solve(1.05 * until, "Radau" if stiff else "DOP853", 1e-8)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    problem = ss.JointIndex(terms, p["activation"])
    flow = ss.MeanFieldFlow(problem, p["epsilon"], initial=(a, s), weights=p["weights"] and weights)
    run = ss.solve(flow, until, max_steps=30_000)

    def risk(times: np.ndarray) -> np.ndarray:
        return exact.risk(right(times))

    begun, stated = float(risk(np.zeros(1))[0]), stated_error(run)
    unsure = graph_distance(*thinned(other.times, exact.risk(other.states), 40), risk, begun, right.end)
    error = graph_distance(*thinned(run.time, run["risk"], 40), risk, begun, right.end)
    checks = [Check("risk", error, stated, unsure), *_times(run, exact, right, other, stated)]
    last, m = run.time[-1:], len(a)
    # what a shift of time by the stated error moves is allowed
    here, moved, again = (
        _state(exact, y(np.minimum(last * f, right.end))[0])
        for y, f in ((right, 1.0), (right, 1 + stated), (other, 1.0))
    )
    ends = np.concatenate([run["second_layer"][-1], run["overlap"][-1].ravel()])
    for name, part in (("second layer", slice(0, m)), ("overlaps", slice(m, None))):
        unit = max(1.0, float(np.abs(here[part]).max()))
        allowed = stated + float(np.abs(moved[part] - here[part]).max()) / unit
        apart = float(np.abs(again[part] - here[part]).max()) / unit
        checks.append(Check(name, float(np.abs(ends[part] - here[part]).max()) / unit, allowed, apart))
    # that a leap stays, or a degree is lacking, is told of the problem and not of the result
    doubts = tuple(doubt for doubt in run.doubts if " of the risk stays: " not in doubt)
    return Answer(run.outcome, doubts, tuple(checks))


def _state(exact: JointLimit, y: np.ndarray) -> np.ndarray:
    """a and s of a state of the reference."""
    return np.concatenate([y[: len(exact.a)], exact.overlaps(y[None])[0].ravel()])


def _times(run: ss.Trajectory, exact: JointLimit, right: Solution, other: Solution, stated: float) -> list[Check]:
    """When each term is halved, as the table of `compare` has it."""
    told = {row["term"]: float(row["time"]) for row in ss.compare(run).rows}
    alphas = {name: tuple(alpha) for name, (alpha, _) in _named(run)}
    results = []
    for name, got in told.items():
        place, c = list(exact.terms).index(alphas[name]), exact.terms[alphas[name]]

        def left(t: np.ndarray, y: Solution = right, place: int = place, c: float = c) -> np.ndarray:
            return exact.residual(y(t))[:, place] / c

        grid = right.grid(2)
        wanted = first_time(left, 0.5, grid)
        late = float(run.time[-1]) * (1 - 10 * stated)
        if np.isnan(wanted) or np.isnan(got) or wanted > late or got > late:
            continue  # where it is hardly halved, or as the run ends, the risk tells
        again = first_time(lambda t: left(t, other), 0.5, other.grid(2))
        if wanted == 0 or np.isnan(again):
            continue
        results.append(Check(f"time of {name}", abs(got / wanted - 1), stated, abs(again / wanted - 1)))
    return results


def _named(run: ss.Trajectory) -> list[tuple[str, Any]]:
    return list(zip(run.parameters["term_names"], run.parameters["target_terms"], strict=True))


FAMILY = Family("joint mean-field flow", 4.0, draw, judge)
