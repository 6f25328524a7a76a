"""Networks on joint targets, of free norm, with biases or a second layer that stays, beside plain quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import hermite_e

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import flip, integer, numbers, one_of, sign, size
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.quadrature import PlainNetwork, monic
from campaigns.stated import stated_error

# monomials of joint targets: exponents of z1, z2, z3
_STAIRCASES = (
    ((1, 0), (1, 1)),
    ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
    ((1, 1),),
    ((1, 1, 1),),
    ((2, 0), (1, 1)),
    ((1, 0), (0, 1), (1, 2)),
)


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Few neurons in few dimensions, with weights or coefficients that are tiny at the start and grow."""
    kind = one_of(rng, ["joint", "free", "biased", "fixed"], [4, 4, 3, 2])
    m, degree = one_of(rng, [1, 2, 3]), one_of(rng, [2, 3])
    terms: list[Any] = []
    teachers = one_of(rng, [1, 2], [3, 1])
    if kind == "joint":
        powers = one_of(rng, list(_STAIRCASES))
        terms = [[sign(rng) * size(rng, 0.3, 1.5), list(power)] for power in powers]
        terms[0][0] = sign(rng) * one_of(rng, [size(rng, 1e-6, 1e-2), 1.0], [1, 3])
        teachers, degree = len(powers[0]), 3
    link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
    activation[1] = activation[1] or 1.0
    if flip(rng, 0.3):
        link[1] = sign(rng) * size(rng, 1e-9, 1e-3)
    link[-1], activation[-1] = link[-1] or 1.0, activation[-1] or 1.0
    sphere = kind in ("joint", "fixed") or (kind == "biased" and flip(rng, 0.5))
    return {
        "kind": kind,
        "terms": terms,
        "link": link,
        "activation": activation,
        "teachers": teachers,
        "b": [1.0] if teachers == 1 else numbers(rng, teachers, 1),
        "epsilon": None if kind == "fixed" else size(rng, 0.03, 3),
        "neurons": m,
        "free": integer(rng, 0, 1 if teachers < 3 else 0),
        "sphere": sphere,
        "norm": 1.0 if sphere else one_of(rng, [size(rng, 1e-8, 1e-2), size(rng, 0.1, 3)]),
        "small_a": not sphere and flip(rng, 0.3),
        "overlap": one_of(rng, [0.3, size(rng, 1e-6, 1e-1)]),
        "biases": one_of(rng, [0.0, 0.3, 2.0]) if kind == "biased" else None,
        "seed": integer(rng, 0, 9999),
        "horizon": size(rng, 0.3, 40),
    }


def _target(p: dict[str, Any]) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """The problem, and what it learns as a function of points (N, d)."""
    if p["kind"] == "joint":
        told = []
        for c, powers in p["terms"]:
            told.append("*".join([repr(c), *(f"z{j + 1}**{e}" for j, e in enumerate(powers) if e)]))

        def joint(x: np.ndarray) -> np.ndarray:
            parts = [c * np.prod(x[:, : len(powers)] ** np.array(powers), axis=1) for c, powers in p["terms"]]
            return np.sum(parts, axis=0)

        return ss.JointIndex(" + ".join(f"({one})" for one in told), p["activation"], p["teachers"]), joint
    b = np.array(p["b"])

    def summed(x: np.ndarray) -> np.ndarray:
        return hermite_e.hermeval(x[:, : len(b)], monic(np.array(p["link"]))) @ b / len(b)

    if len(b) == 1:
        return ss.SingleIndex(p["link"], p["activation"]), summed
    return ss.MultiIndex(p["link"], p["activation"], len(b), list(b)), summed


def judge(p: dict[str, Any]) -> Answer:
    """Risk, second layer and norms beside those of the reference."""
    problem, target = _target(p)
    rng, m, t = np.random.default_rng(p["seed"]), p["neurons"], p["teachers"]
    d = t + 1 + p["free"]
    a = p["norm"] * rng.standard_normal(m) if p["small_a"] else rng.uniform(0.3, 1.5, m) * rng.choice([-1.0, 1.0], m)
    u = rng.standard_normal((m, d))
    u[:, :t] *= p["overlap"]
    u *= p["norm"] / np.linalg.norm(u, axis=1, keepdims=True)
    biases = None if p["biases"] is None else p["biases"] * rng.standard_normal(m)
    epsilon = np.inf if p["epsilon"] is None else p["epsilon"]
    degree = max(3 if p["kind"] == "joint" else len(p["link"]) - 1, len(p["activation"]) - 1)
    keys: dict[str, Any] = {} if biases is None else {"biases": biases}
    centre = None
    if clouds := p.get("clouds"):
        cosines = np.broadcast_to(clouds["teacher"], t)
        centre = clouds["distance"] * np.array([*cosines, (1 - cosines @ cosines) ** 0.5, *[0.0] * p["free"]])
        keys["inputs"] = ss.Mixture(**clouds)
    shares = (clouds or {}).get("weights", (0.5, 0.5))
    exact = PlainNetwork(
        np.array(p["activation"]), target, degree, epsilon, a, u, biases, p["sphere"], centre, tuple(shares)
    )
    start = np.concatenate([a, u.ravel(), *([] if biases is None else [biases])])[None]
    begun = float(exact.risk(start)[0])
    until = p["horizon"] / min(max(begun**0.5, 0.05), 30.0)
    try:
        right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, "DOP853", 1e-9)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    if p["epsilon"] is None:
        keys["second_layer"] = "fixed"
    flow = ss.NetworkFlow(problem, p["epsilon"], initial=(a, u), sphere=p["sphere"], **keys)
    run = ss.solve(flow, until, max_steps=30_000)

    def risk(times: np.ndarray) -> np.ndarray:
        return exact.risk(right(times))

    stated = stated_error(run)
    unsure = graph_distance(*thinned(other.times, exact.risk(other.states), 40), risk, begun, right.end)
    error = graph_distance(*thinned(run.time, run["risk"], 40), risk, begun, right.end)
    checks = [Check("risk", error, stated, unsure)]
    last = run.time[-1:]
    # what a shift of time by the stated error moves is allowed
    here, moved, again = (
        y(np.minimum(last * f, right.end))[0] for y, f in ((right, 1.0), (right, 1 + stated), (other, 1.0))
    )
    pairs = {"second layer": (run["second_layer"][-1], slice(0, m))}
    if biases is not None:
        pairs["biases"] = (run["bias"][-1], slice(m + m * d, None))
    for name, (got, where) in pairs.items():
        unit = max(1.0, float(np.abs(here[where]).max()))
        allowed = stated + float(np.abs(moved[where] - here[where]).max()) / unit
        apart = float(np.abs(again[where] - here[where]).max()) / unit
        checks.append(Check(name, float(np.abs(np.ravel(got) - here[where]).max()) / unit, allowed, apart))
    doubts = (
        tuple(doubt for doubt in run.doubts if doubt not in problem.remarks) if p["kind"] == "joint" else run.doubts
    )
    return Answer(run.outcome, tuple(doubts), tuple(checks))


FAMILY = Family("plain networks", 3.0, draw, judge)
