"""Flows of finite networks, with one teacher or several, against the flow of their order parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import flip, integer, numbers, one_of, sign, size
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.network import Kernels, Network, erf_kernels, polynomial_kernels, relu_kernels
from campaigns.stated import stated_error


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Few neurons: random, orthogonal (infinite dimension), of tiny overlaps, alike, or one at a teacher."""
    kind = one_of(rng, ["random", "tiny growth", "orthogonal", "tiny overlap", "alike", "edge"], [4, 3, 2, 2, 1, 1])
    functions = one_of(rng, ["polynomial", "erf", "relu"], [6, 1, 1])
    p = 1 if kind in ("tiny growth", "orthogonal") or flip(rng, 0.6) else 2
    degree, m = one_of(rng, [2, 4]), one_of(rng, [1, 2, 4, 12], [3, 9, 6, 2])
    link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
    if functions == "erf" and kind == "tiny growth":
        functions = "polynomial"
    if kind == "tiny growth":
        functions = "polynomial"
        link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
        link[0], link[1] = 0.0, sign(rng) * size(rng, 1e-12, 1e-3)
        activation[1] = 1.0
        link[2], activation[2] = sign(rng) * (1 + abs(link[2])), sign(rng) * (1 + abs(activation[2]))
    elif kind == "tiny overlap":
        link[1] = 0.0  # information exponent 2: only what the overlaps start with can grow
        if degree >= 2:
            link[2], activation[2] = sign(rng) * (1 + abs(link[2])), sign(rng) * (1 + abs(activation[2]))
    link[-1], activation[-1] = link[-1] or 1.0, activation[-1] or 1.0
    return {
        "kind": kind,
        "functions": functions,
        "link": link,
        "activation": activation,
        "epsilon": size(rng, 1e-3, 3) if functions == "polynomial" else size(rng, 0.1, 1),
        "neurons": m,
        "teachers": p,
        "angle": 0.0 if p == 1 else one_of(rng, [0.0, 0.3, -0.4]),
        "b": [1.0] * p if flip(rng, 0.6) else numbers(rng, p, 1),
        "overlap": size(rng, 1e-12, 1e-2),
        "seed": integer(rng, 0, 9999),
        "horizon": size(rng, 0.3, 60),
        "way": one_of(rng, ["plain", "permuted", "doubled", "turned"], [4, 1, 1, 1]),
    }


def start(p: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a (m,), u (m, d) of norm one and the Gram matrix of the teachers."""
    rng, m, t = np.random.default_rng(p["seed"]), p["neurons"], p["teachers"]
    gram = p["angle"] * np.ones((t, t)) + (1 - p["angle"]) * np.eye(t)
    a = rng.standard_normal(m)
    u = rng.standard_normal((m, t + m + 1))
    if p["kind"] == "tiny growth":
        a = 1.5 + 0.5 * a
    if p["kind"] in ("tiny growth", "orthogonal", "tiny overlap"):
        u = np.pad(np.eye(m), ((0, 0), (t, 1)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    if p["kind"] == "tiny overlap":
        u[:, :t] = p["overlap"] * rng.standard_normal((m, t))
    elif p["kind"] == "alike":
        u[m // 2 :], a[m // 2 :] = u[0], a[0]
    elif p["kind"] == "edge":
        u[0] = np.eye(u.shape[1])[0]
    return a, u / np.linalg.norm(u, axis=1, keepdims=True), gram


def kernels(p: dict[str, Any]) -> tuple[Any, Any, Kernels]:
    """Link, activation and their kernels."""
    if p["functions"] == "erf":
        return "erf", "erf", erf_kernels()
    if p["functions"] == "relu":
        return "relu", "relu", relu_kernels()
    return p["link"], p["activation"], polynomial_kernels(p["link"], p["activation"])


def judge(p: dict[str, Any]) -> Answer:
    """Risk, overlaps and second layer beside those of the reference."""
    a, u, gram = start(p)
    link, activation, pair = kernels(p)
    b = np.array(p["b"])
    exact = Network.of(pair, p["epsilon"], a, u, gram, b)
    force = float(np.sqrt(pair.Phi(np.ones(1))[0] * pair.U(np.ones(1))[0]) + pair.U(np.ones(1))[0])
    until = p["horizon"] / min(max(force, 1e-3), 1e3)
    try:
        # without its Jacobian an implicit method is slow for many neurons
        method = "Radau" if len(a) <= 4 else "DOP853"
        right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, method, 1e-9)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    single = p["teachers"] == 1 and b[0] == 1
    problem = ss.SingleIndex(link, activation) if single else ss.MultiIndex(link, activation, gram, b)
    way = p["way"]
    if way == "permuted":
        a, u = a[::-1], u[::-1]
    elif way == "doubled" and len(a) <= 2:
        a, u = np.tile(a, 2), np.tile(u, (2, 1))
    elif way == "turned":
        t = p["teachers"]
        turn = np.linalg.qr(np.random.default_rng(p["seed"] + 1).standard_normal((u.shape[1] - t,) * 2))[0]
        u = np.column_stack([u[:, :t], u[:, t:] @ turn])
    run = ss.solve(ss.NetworkFlow(problem, p["epsilon"], initial=(a, u)), until, max_steps=30_000)

    def risk(t: np.ndarray) -> np.ndarray:
        return exact.risk(right(t))

    scale, stated = float(risk(np.zeros(1))[0]), stated_error(run)
    if scale == 0:
        raise UnsuitableError("nothing to learn")
    unsure = graph_distance(*thinned(other.times, exact.risk(other.states), 40), risk, scale, right.end)
    checks = [
        Check("risk", graph_distance(*thinned(run.time, run["risk"], 30), risk, scale, right.end), stated, unsure)
    ]
    m = len(exact.a)
    ends = [y(np.minimum(run.time[-1:] * f, right.end))[0][:m] @ exact.weights for y, f in _ends(right, other, stated)]
    # the mean of the second layer at the end; what a shift of time by the stated error moves is allowed
    unit = max(1.0, abs(ends[0]))
    allowed = stated + abs(ends[1] - ends[0]) / unit
    error = abs(float(run["second_layer"][-1].mean()) - ends[0]) / unit
    checks.append(Check("mean of a at the end", error, allowed, abs(ends[2] - ends[0]) / unit))
    return Answer(run.outcome, tuple(run.doubts), tuple(checks))


def _ends(right: Any, other: Any, stated: float) -> list[tuple[Any, float]]:
    return [(right, 1.0), (right, 1 + stated), (other, 1.0)]


FAMILY = Family("network flow", 8.0, draw, judge)
