"""Descent, regimes and distances of deep linear networks, against plain steps, direct runs and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import first_time
from campaigns.draws import flip, integer, one_of, size
from campaigns.families.deep_flow import costs, draw_cost
from campaigns.references.costs import Masked
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.layers import LayersFlow, descended, product
from saddlescope.deep_linear import gaussian_start


def draw_descent(rng: np.random.Generator) -> dict[str, Any]:
    """Descent with and without momentum, stable or not."""
    depth = integer(rng, 1, 4)
    return {
        "cost": draw_cost(rng),
        "depth": depth,
        "width": one_of(rng, [3, 24]),
        "scale": size(rng, 1e-4, 1.0),
        "rate": size(rng, 1e-3, 0.3),
        "momentum": one_of(rng, [0.0, 0.5, 0.9]),
        "steps": one_of(rng, [1, 10, 500]),
        "seed": integer(rng, 0, 9999),
    }


def judge_descent(p: dict[str, Any]) -> Answer:
    """The cost at the end beside that of plain steps."""
    cost, exact = costs(p["cost"])
    start = gaussian_start(cost.shape, p["depth"], p["width"], 1.0, p["scale"], p["seed"])
    layers = [np.asarray(W) for W in start]
    keys = {"learning_rate": p["rate"], "momentum": p["momentum"]}
    descent = ss.GradientDescent(cost, initial=layers, **keys)
    run = ss.solve(descent, p["steps"] * p["rate"] / (1 - p["momentum"]))
    with np.errstate(all="ignore"):
        wanted, last = descended(exact, layers, p["rate"], p["momentum"], p["steps"])
        kicked = [W * (1 + 1e-14 * np.cos(np.arange(W.size).reshape(W.shape))) for W in layers]
        again, other = descended(exact, kicked, p["rate"], p["momentum"], p["steps"])
    if not np.all(np.isfinite(wanted)) or wanted[-1] > 1e6 * wanted[0]:
        spoken = float(run.outcome == "NOT_FINITE" or bool(run.doubts) or run["cost"][-1] > 1e3 * wanted[0])
        return Answer(run.outcome, tuple(run.doubts), (Check("divergence is told", 1 - spoken, 0.01),))
    unit = max(wanted[0], exact.value(np.zeros(cost.shape)))
    # rounding grows along an escape: a kick of its size shows by how much
    unsure = abs(float(again[-1] - wanted[-1])) / unit * 10
    checks = [
        Check("cost", abs(float(run["cost"][-1] - wanted[-1])) / unit, 1e-10, unsure),
        Check("steps", abs(run.solver["steps"] - p["steps"]), 0.01),
    ]
    if "product" in run.observables:
        gap = float(np.abs(run["product"][-1] - product(last)).max())
        size = max(1.0, float(np.abs(product(last)).max()))
        apart = float(np.abs(product(other) - product(last)).max())
        checks.append(Check("product", gap / size, 1e-8, 10 * apart))
    return Answer(run.outcome, tuple(d for d in run.doubts if d not in descent.remarks), tuple(checks))


def draw_regime(rng: np.random.Generator) -> dict[str, Any]:
    """Networks of small width from lazy to saddle-to-saddle."""
    return {
        "matrix": np.diag(np.round(np.sort(rng.uniform(0.3, 3, 2))[::-1], 2)).tolist(),
        "depth": one_of(rng, [2, 3]),
        "width": one_of(rng, [4, 24]),
        "gamma": one_of(rng, [0.0, 0.5, 2 / 3, 1.0, 1.5, 2.0]),
        "scale": one_of(rng, [1.0, 0.3, 2.0]),
        "seed": integer(rng, 0, 999),
    }


def judge_regime(p: dict[str, Any]) -> Answer:
    """The card's numbers beside those of a direct run and its tangent kernel."""
    cost, exact = ss.LeastSquares(p["matrix"]), Masked(np.array(p["matrix"]), np.ones((2, 2), bool))
    card = ss.regime(cost, p["depth"], p["width"], p["gamma"], p["scale"], p["seed"])
    start = gaussian_start(cost.shape, p["depth"], p["width"], p["gamma"], p["scale"], p["seed"])
    layers = [np.asarray(W) for W in start]
    flow = LayersFlow(exact, layers)
    begun = exact.value(product(layers))
    try:
        solution = flow.solve(1.3 * card.time, rtol=1e-9) if np.isfinite(card.time) else None
        whole = flow.solve(max(3.0, 20 * card.time), "LSODA", 1e-8) if p["width"] < 10 and solution else None
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    if solution is None:
        return Answer(card.outcome.name, tuple(card.doubts), (Check("a regime is measured", 1.0, 0.01),))

    def left(t: np.ndarray) -> np.ndarray:
        return exact.values(flow.products(solution(t))) / begun

    time = first_time(left, 0.01, solution.grid(2))
    checks = [Check("time to 1 %", abs(card.time / time - 1), 1e-4)]
    if whole is not None:
        last = flow.split(whole.states[-1])
        if exact.value(product(last)) < 1e-10 * begun:
            change = float(np.linalg.norm(_kernel(last) - _kernel(layers)) / np.linalg.norm(_kernel(layers)))
            checks.append(Check("kernel change", abs(card.kernel_change / change - 1), 1e-3))
            moved = float(np.linalg.norm(whole.states[-1] - whole.states[0]) / np.linalg.norm(whole.states[0]))
            checks.append(Check("movement", abs(card.movement / moved - 1), 1e-3))
    # the card rightly says that such a start grows with the width
    due = p["gamma"] < 1 - 1 / p["depth"]
    return Answer(card.outcome.name, tuple(card.doubts), tuple(checks), due)


def _kernel(layers: list[np.ndarray]) -> np.ndarray:
    """sum_l (S_l S_l^T) x (F_(l-1)^T F_(l-1))."""
    total = 0.0
    for level in range(len(layers)):
        F = product(layers[:level]) if level else np.eye(layers[0].shape[1])
        S = product(layers[level + 1 :]) if level + 1 < len(layers) else np.eye(layers[-1].shape[0])
        total = total + np.kron(S @ S.T, F.T @ F)
    return np.asarray(total)


def draw_distances(rng: np.random.Generator) -> dict[str, Any]:
    """Networks near minima, near saddles, wide and narrow, with equal targets or not."""
    n = one_of(rng, [1, 2], [1, 2])
    s = [float(np.round(rng.uniform(0.2, 3), 2)) for _ in range(n)]
    if flip(rng, 0.15):
        s = [s[0]] * n
    return {
        "targets": s,
        "depth": one_of(rng, [2, 3], [2, 1]),
        "width": one_of(rng, [n, n + 1, 8]),
        "scale": size(rng, 1e-4, 2.0),
        "seed": integer(rng, 0, 9999),
    }


def judge_distances(p: dict[str, Any]) -> Answer:
    """The distance to the minima beside the best of many constrained searches."""
    target, depth = np.diag(p["targets"]), p["depth"]
    start = gaussian_start(target.shape, depth, p["width"], 1.0, p["scale"], p["seed"])
    layers = [np.asarray(W) for W in start]
    result = ss.distances(ss.LeastSquares(target), layers)
    flow, rng = LayersFlow(Masked(target, np.ones_like(target, bool)), layers), np.random.default_rng(p["seed"])
    home = np.concatenate([W.ravel() for W in layers])
    best = np.inf
    for attempt in range(6):
        begin = home + (0.0 if attempt == 0 else 1.0) * rng.standard_normal(home.size) * max(p["targets"]) ** (
            1 / depth
        )
        with np.errstate(all="ignore"):
            tried = minimize(
                lambda y: float(np.sum((y - home) ** 2)),
                begin,
                jac=lambda y: 2 * (y - home),
                constraints={
                    "type": "eq",
                    "fun": lambda y: (product(flow.split(y)) - target).ravel(),
                    "jac": lambda y: _jacobian(flow.split(y)),
                },
                method="SLSQP",
                options={"maxiter": 500, "ftol": 1e-13},
            )
        if np.abs(product(flow.split(tried.x)) - target).max() < 1e-7:
            best = min(best, float(tried.fun) ** 0.5)
    if not np.isfinite(best):
        raise UnsuitableError("no search came to a minimum")
    # an upper bound is what the search gives: only a distance above it is surely wrong, or one far below
    error = result.minimum / best - 1
    doubts = () if result.converged else ("The iteration did not converge.",)
    largest = float(np.linalg.norm(home))  # the origin is a saddle
    checks = [
        Check(
            "distance to a minimum", max(error, 0.0) if error > -0.02 else -error, 1e-4, 0.0 if error > 0 else -error
        ),
        Check("distance to a saddle", max(result.saddle / largest - 1, 0.0), 1e-6),
    ]
    return Answer("DONE", doubts, tuple(checks))


def _jacobian(layers: list[np.ndarray]) -> np.ndarray:
    """d vec(A) / d vec(layers), row-major."""
    blocks = []
    for level in range(len(layers)):
        F = product(layers[:level]) if level else np.eye(layers[0].shape[1])
        S = product(layers[level + 1 :]) if level + 1 < len(layers) else np.eye(layers[-1].shape[0])
        blocks.append(np.kron(S, F.T))
    return np.hstack(blocks)


DESCENT = Family("gradient descent", 2.0, draw_descent, judge_descent)
REGIME = Family("regime", 1.0, draw_regime, judge_regime)
DISTANCES = Family("distances", 1.0, draw_distances, judge_distances)
