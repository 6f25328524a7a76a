"""Mean-field flows of a law of initial weights, in the limit of infinite width."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import flip, integer, numbers, one_of, sign, size
from campaigns.families.mean_field import Course, compared
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.mean_field import MeanField, constant_overlaps
from campaigns.stated import stated_error


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A law with or without atoms; small targets, tiny times, runs that may stop when they are still."""
    kind = one_of(rng, ["random", "small target", "constant overlaps", "still"], [4, 2, 2, 2])
    degree = integer(rng, 1, 3)
    link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
    law = one_of(rng, ["uniform", "normal", "atoms"], [3, 1, 2])
    if kind == "still":
        law = "atoms"
        link[min(1, degree)] = sign(rng) * size(rng, 1e-5, 1e-1)
    if law == "uniform":
        low = float(np.round(rng.uniform(-2, 1), 1))
        numbers_of_law = [low, float(np.round(low + rng.uniform(0.3, 3), 2))]
    elif law == "normal":
        numbers_of_law = [float(np.round(rng.uniform(-1, 1), 1)), float(np.round(rng.uniform(0.2, 1.2), 2))]
    else:
        numbers_of_law = sorted(set(numbers(rng, integer(rng, 1, 4), 2)))
    epsilon = size(rng, 1e-4, 1.0)
    if kind == "small target":
        link[integer(rng, 0, degree)] = sign(rng) * size(rng, 1e-8, 1e-4)
    elif kind == "constant overlaps":
        one_of(rng, [link, activation])[1] = 0.0
        epsilon = size(rng, 1e-14, 1.0)
    activation = [x or 1.0 for x in activation] if kind != "constant overlaps" else activation
    activation[0] = activation[0] or 1.0
    link[-1] = link[-1] or (1.0 if degree > 1 or kind != "constant overlaps" else 0.0)
    if not any(link):
        link[0] = 1.0
    return {
        "kind": kind,
        "link": link,
        "activation": activation,
        "epsilon": epsilon,
        "law": law,
        "numbers": numbers_of_law,
        "horizon": size(rng, 0.3, 30),
        "tolerance": 1e-5 if flip(rng, 0.1) else 1e-4,
    }


def judge(p: dict[str, Any]) -> Answer:
    """The run with its nodes refined, against many nodes of one rule, or the closed form."""
    link, activation = np.array(p["link"]), np.array(p["activation"])
    force = float(np.linalg.norm(link) * np.linalg.norm(activation)) + float(activation @ activation)
    until = p["horizon"] / min(max(force, 1e-3), 1e3)
    still = p["kind"] == "still"
    if still:
        until *= 100
    law: Any = {"uniform": ss.Uniform, "normal": ss.Normal}.get(p["law"])
    law = ss.PointMasses(p["numbers"]) if law is None else law(*p["numbers"])
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), p["epsilon"], law, tolerance=p["tolerance"])
    if link[1] * activation[1] == 0:
        return _closed(p, ss.solve(flow, until, max_steps=20_000), law.mean)
    try:
        right, other = (_course(p, size, 1.05 * until) for size in ((144, 80) if p["law"] != "normal" else (96, 64)))
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    trajectory = ss.solve(flow, until, max_steps=20_000, stop_when_still=still)
    answer = compared((trajectory, 1.0), right, other)
    if trajectory.outcome != "STILL":
        return answer
    # nothing may happen between the stop and the end that was asked for
    scale = float(right.risk(np.zeros(1))[0])
    missed = abs(float(trajectory["risk"][-1] - right.risk(np.array([until]))[0])) / scale
    return Answer(answer.outcome, answer.doubts, (*answer.checks, Check("rest", missed, answer.checks[0].stated)))


def _course(p: dict[str, Any], nodes: int, end: float) -> Course:
    low, high = (p["numbers"] * 2)[:2]
    if p["law"] == "uniform":
        x, w = np.polynomial.legendre.leggauss(nodes)
        a, w = low + (high - low) * (x + 1) / 2, w / 2
    elif p["law"] == "normal":
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
        keep = w > 1e-18 * w.max()
        a, w = low + high * x[keep], w[keep] / w[keep].sum()
    else:
        a = np.array(p["numbers"])
        w = np.full(len(a), 1 / len(a))
    model = MeanField(np.array(p["link"]), np.array(p["activation"]), p["epsilon"], a, np.zeros(len(a)), w)
    many = nodes > 80
    return Course(model, model.solve(end, "LSODA" if many else "BDF" if p["law"] == "atoms" else "LSODA", 1e-9))


def _closed(p: dict[str, Any], trajectory: ss.Trajectory, mean: float) -> Answer:
    link, activation = np.array(p["link"]), np.array(p["activation"])

    def risk(t: np.ndarray) -> np.ndarray:
        return constant_overlaps(link, activation, p["epsilon"], mean, t)

    stated, scale = stated_error(trajectory), float(risk(np.zeros(1))[0])
    checks = [Check("risk", graph_distance(*thinned(trajectory.time, trajectory["risk"]), risk, scale), stated)]
    begun = abs(link[0] - activation[0] * mean)
    time = ss.learning_times(trajectory)[0]
    if begun > 0.5 * abs(link[0]) > 0 and activation[0] != 0:
        wanted = p["epsilon"] / activation[0] ** 2 * np.log(begun / (0.5 * abs(link[0])))
        if wanted < trajectory.time[-1] * (1 - 10 * stated):
            checks.append(Check("time 0", abs(time / wanted - 1), stated))
    return Answer(trajectory.outcome, tuple(trajectory.doubts), tuple(checks))


FAMILY = Family("mean-field law", 4.0, draw, judge)
