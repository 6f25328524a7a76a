"""Descent on samples: one-pass SGD in law, its limit in high dimension, and descent on fixed samples step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import flip, one_of, size
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.network import Network, polynomial_kernels
from campaigns.references.sgd_limit import SGDLimitFlow, full_batch, sgd_runs
from campaigns.stated import stated_error

# functions are compiled into the programs of descents: few of them
_FUNCTIONS = [
    ([0.0, 1.0], [0.0, 1.0]),
    ([0.5, -1.0, 0.5], [0.3, 1.0, 0.4]),
    ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
    ([0.0, 1.0, 0.0, 0.5], [0.0, 1.0, 0.3]),
]
_RUNS = 64
_SURE = 6.0  # standard errors; a result in law states its own, and ten times this is let through nowhere


def draw_limit(rng: np.random.Generator) -> dict[str, Any]:
    """The limit at a large or small step, from overlaps of order one or tiny, with a second layer that may be fixed."""
    return {
        "functions": one_of(rng, list(range(len(_FUNCTIONS))), [1, 1, 4, 1]),
        "epsilon": one_of(rng, [size(rng, 0.05, 3), 1e15], [1, 1]),
        "neurons": one_of(rng, [1, 2]),
        "overlap": one_of(rng, [size(rng, 1e-12, 1e-2), 0.0, 0.3, 1.0], [3, 1, 2, 1]),
        "delta": one_of(rng, [size(rng, 1e-3, 0.5), 1e-9], [4, 1]),
        "noise": one_of(rng, [0.0, 0.3], [2, 1]),
        "seed": int(rng.integers(9999)),
        "horizon": size(rng, 1, 60),
    }


def judge_limit(p: dict[str, Any]) -> Answer:
    """Risk of the ODE beside one whose noise terms are sums over a quadrature rule."""
    link, activation = (np.array(c) for c in _FUNCTIONS[p["functions"]])
    rng, m, d = np.random.default_rng(p["seed"]), p["neurons"], 8
    a, u = 0.5 + rng.random(m), np.pad(np.eye(m), ((0, 0), (1, d - m - 1)))
    u[:, 0] = p["overlap"] * np.where(np.arange(m) == 0, 1.0, -0.7)
    if p["overlap"] == 1.0:
        u[0] = np.eye(d)[0]
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    one = np.ones((1, 1))
    network = Network.of(polynomial_kernels(link, activation), p["epsilon"], a, u, one, np.ones(1))
    exact = SGDLimitFlow(network, link, activation, p["delta"], p["noise"])
    until = p["horizon"]
    try:
        right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, "LSODA", 1e-9)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    sgd = ss.OnePassSGD(
        ss.SingleIndex(link, activation),
        p["epsilon"],
        step_size=p["delta"] / d,
        label_noise=p["noise"],
        initial=(a, u),
    )
    run = ss.solve(ss.SGDLimit(sgd), until, max_steps=30_000)

    def risk(t: np.ndarray) -> np.ndarray:
        return network.risk(right(t))

    scale, stated = max(float(risk(np.zeros(1))[0]), 1e-3), stated_error(run)
    unsure = graph_distance(*thinned(other.times, network.risk(other.states), 40), risk, scale, right.end)
    error = graph_distance(*thinned(run.time, run["risk"], 40), risk, scale, right.end)
    return Answer(run.outcome, tuple(run.doubts), (Check("risk", error, stated, unsure),))


def draw_law(rng: np.random.Generator) -> dict[str, Any]:
    """Many short runs of SGD, with samples drawn whole or in law only."""
    return {
        "functions": int(rng.integers(len(_FUNCTIONS))),
        "epsilon": size(rng, 0.3, 3),
        "neurons": 2,
        "dimension": one_of(rng, [12, 90]),
        "batch": one_of(rng, [1, 4]),
        "step": size(rng, 2e-3, 2e-2),
        "steps": 100,
        "noise": one_of(rng, [0.0, 0.5]),
        "method": one_of(rng, ["direct", "gram"]),
        "start": one_of(rng, ["given", "random"]),
        "seed": int(rng.integers(9999)),
    }


def judge_law(p: dict[str, Any]) -> Answer:
    """Means over runs of risk, overlaps and second layer, beside those of plain SGD, in standard errors."""
    link, activation = (np.array(c) for c in _FUNCTIONS[p["functions"]])
    rng, m, d, many = np.random.default_rng([p["seed"], 5]), p["neurons"], p["dimension"], 400
    keys: dict[str, Any] = {"step_size": p["step"], "batch_size": p["batch"], "label_noise": p["noise"], "runs": _RUNS}
    method = "direct" if d < 80 else p["method"]
    random = p["start"] == "random"
    if random:
        a, u = rng.uniform(0.5, 1.5, (many, m)), rng.standard_normal((many, m, d))
        keys |= {"neurons": m, "dimension": d, "second_layer": ss.Uniform(0.5, 1.5)}
    else:
        a, u = rng.uniform(0.5, 1.5, (1, m)), rng.standard_normal((1, m, d))
        u[..., 0] += 2.0
        keys |= {"initial": (a[0], u[0] / np.linalg.norm(u[0], axis=1, keepdims=True))}
        a, u = np.repeat(a, many, axis=0), np.repeat(u, many, axis=0)
    u /= np.linalg.norm(u, axis=2, keepdims=True)
    sgd = ss.OnePassSGD(ss.SingleIndex(link, activation), p["epsilon"], seed=p["seed"], method=method, **keys)
    run = ss.solve(sgd, p["step"] * p["steps"])
    a, u = sgd_runs(link, activation, p["epsilon"], a, u, p["step"], p["batch"], p["steps"], p["noise"], rng)
    pair = polynomial_kernels(link, activation)
    risk = np.empty(many)
    for n in range(many):
        charge = a[n] / m
        r = np.clip(u[n] @ u[n].T, -1, 1)
        risk[n] = 0.5 * pair.Phi(np.ones(1))[0] - charge @ pair.V(u[n][:, 0]) + 0.5 * charge @ pair.U(r) @ charge
    pairs = {
        "risk": (run["risk"][-1], risk),
        "overlap": (run["overlap"][-1].mean(axis=-1), u[:, :, 0].mean(axis=1)),
        "size of overlap": ((run["overlap"][-1] ** 2).mean(axis=-1), (u[:, :, 0] ** 2).mean(axis=1)),
        "second layer": (run["second_layer"][-1].mean(axis=-1), a.mean(axis=1)),
    }
    checks = []
    for name, (got, wanted) in pairs.items():
        deviation = np.sqrt(np.var(got) / len(got) + np.var(wanted) / len(wanted)) + 1e-12
        checks.append(Check(name, float(abs(got.mean() - wanted.mean()) / deviation), _SURE / 10))
        # the spread over runs says whether the noise is the right one: a ratio of variances, in its own error
        spread = abs(np.log((np.var(got) + 1e-20) / (np.var(wanted) + 1e-20)))
        tails = [float(np.mean((x - x.mean()) ** 4) / (np.var(x) ** 2 + 1e-40)) for x in (got, wanted)]
        error = np.sqrt(max(tails[0], 3) / len(got) + max(tails[1], 3) / len(wanted))
        checks.append(Check(f"spread of {name}", float(spread / error), _SURE / 10))
    # within six standard errors is right, not merely let through
    checks = [Check(c.name, c.error if c.error > _SURE else 0.0, c.stated) for c in checks]
    return Answer(run.outcome, tuple(run.doubts), tuple(checks))


def draw_samples(rng: np.random.Generator) -> dict[str, Any]:
    """Few samples or many, with noise or without."""
    return {
        "functions": int(rng.integers(len(_FUNCTIONS))),
        "epsilon": size(rng, 0.1, 3),
        "neurons": one_of(rng, [2, 4]),
        "dimension": 6,
        "samples": one_of(rng, [3, 40]),
        "step": size(rng, 1e-3, 5e-2),
        "steps": one_of(rng, [1, 7, 200]),
        "noise": one_of(rng, [0.0, 0.5]),
        "edge": flip(rng, 0.3),
        "seed": int(rng.integers(9999)),
    }


def judge_samples(p: dict[str, Any]) -> Answer:
    """Train risk, second layer and overlaps beside plain descent on the same samples."""
    link, activation = (np.array(c) for c in _FUNCTIONS[p["functions"]])
    rng, m, d = np.random.default_rng([p["seed"], 6]), p["neurons"], p["dimension"]
    a, u = rng.standard_normal(m), rng.standard_normal((m, d))
    if p["edge"]:
        u[0] = np.eye(d)[0]
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    descent = ss.SampleDescent(
        ss.SingleIndex(link, activation),
        p["epsilon"],
        step_size=p["step"],
        samples=p["samples"],
        label_noise=p["noise"],
        seed=p["seed"],
        initial=(a, u),
    )
    run = ss.solve(descent, p["step"] * p["steps"])
    system, _ = descent.start()
    x, y = np.asarray(system.x), np.asarray(system.y)
    risks, a, u = full_batch(link, activation, p["epsilon"], a, u, p["step"], p["steps"], x, y)
    checks = [
        Check("train risk", float(abs(run["train_risk"][-1] - risks[-1]) / max(risks[0], risks[-1])), 1e-10),
        Check("second layer", float(np.abs(run["second_layer"][-1] - a).max() / np.abs(a).max()), 1e-10),
        Check("overlap", float(np.abs(run["overlap"][-1] - u[:, 0]).max()), 1e-10),
        Check("steps", abs(run.solver["steps"] - p["steps"]), 0.01),
    ]
    return Answer(run.outcome, tuple(run.doubts), tuple(checks))


LIMIT = Family("SGD limit", 3.0, draw_limit, judge_limit)
LAW = Family("one-pass SGD", 1.5, draw_law, judge_law)
SAMPLES = Family("sample descent", 1.0, draw_samples, judge_samples)
