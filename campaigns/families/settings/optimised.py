"""Descent of deep linear networks as Adam, RMSprop, Nesterov's momentum and schedules make it, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family
from campaigns.draws import integer, one_of, size
from campaigns.families.deep_flow import costs, draw_cost
from campaigns.references.layers import Layers, optimised, product
from saddlescope.deep_linear import gaussian_start

_KINDS = ["adam", "adamw", "rmsprop", "nesterov", "piecewise", "cosine", "switched"]


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Starts of any size, few steps or many, rates that are stable or not."""
    return {
        "cost": draw_cost(rng),
        "depth": integer(rng, 1, 4),
        "width": one_of(rng, [3, 24]),
        "scale": size(rng, 1e-6, 1.0),
        "kind": one_of(rng, _KINDS),
        "rate": size(rng, 1e-3, 0.1),
        "momentum": one_of(rng, [0.0, 0.5, 0.9]),
        "eps": one_of(rng, [1e-8, 1e-3]),
        "decay": one_of(rng, [0.0, 0.1]),
        "steps": one_of(rng, [1, 10, 300]),
        "seed": integer(rng, 0, 9999),
    }


def _optimizer(p: dict[str, Any], steps: int) -> Any:
    of, rate = ss.optimizer, p["rate"]
    if p["kind"] in ("adam", "adamw"):
        return of.Adam(rate, b1=0.9, b2=0.99, eps=p["eps"], weight_decay=p["decay"] if p["kind"] == "adamw" else 0.0)
    if p["kind"] == "rmsprop":
        return of.RMSprop(rate, decay=0.9, eps=p["eps"])
    if p["kind"] == "nesterov":
        return of.SGD(rate, momentum=p["momentum"], nesterov=True)
    if p["kind"] == "piecewise":
        return of.SGD(of.Piecewise([rate, 0.3 * rate], [max(steps // 2, 1)]), momentum=p["momentum"])
    if p["kind"] == "cosine":
        return of.SGD(of.Cosine(rate, steps + 1, warmup=steps // 3), momentum=p["momentum"])
    return of.Switched(
        [of.RMSprop(rate, decay=0.9, eps=p["eps"]), of.SGD(rate, momentum=p["momentum"])], [max(steps // 2, 1)]
    )


def _make(layers: Layers) -> Any:
    return [(np.zeros_like(W), np.zeros_like(W)) for W in layers]


def _adam(p: dict[str, Any], n: int, memory: Any, G: Layers, W: Layers) -> tuple[Layers, Any]:
    b1, b2, t = 0.9, 0.99, n + 1
    memory = [(b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g) for (m, v), g in zip(memory, G, strict=True)]
    decay = p["decay"] if p["kind"] == "adamw" else 0.0
    moves = [
        -p["rate"] * (m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + p["eps"]) + decay * w)
        for (m, v), w in zip(memory, W, strict=True)
    ]
    return moves, memory


def _rms(p: dict[str, Any], n: int, memory: Any, G: Layers, W: Layers) -> tuple[Layers, Any]:
    memory = [(m, 0.9 * v + 0.1 * g * g) for (m, v), g in zip(memory, G, strict=True)]
    return [-p["rate"] * g / np.sqrt(v + p["eps"]) for (_, v), g in zip(memory, G, strict=True)], memory


def _heavy(p: dict[str, Any], rate: float, memory: Any, G: Layers) -> tuple[Layers, Any]:
    memory = [(p["momentum"] * m - rate * g, v) for (m, v), g in zip(memory, G, strict=True)]
    if p["kind"] == "nesterov":
        return [p["momentum"] * m - rate * g for (m, _), g in zip(memory, G, strict=True)], memory
    return [m for m, _ in memory], memory


def _rate(p: dict[str, Any], n: int, steps: int) -> float:
    if p["kind"] == "piecewise":
        return p["rate"] * (1.0 if n < max(steps // 2, 1) else 0.3)
    if p["kind"] == "cosine":
        warmup = steps // 3
        if n < warmup:
            return p["rate"] * (n + 1) / warmup
        return 0.5 * p["rate"] * (1 + np.cos(np.pi * min((n - warmup) / (steps + 1 - warmup), 1.0)))
    return p["rate"]


def _step(p: dict[str, Any], n: int, memory: Any, G: Layers, W: Layers) -> tuple[Layers, Any]:
    if p["kind"] in ("adam", "adamw"):
        return _adam(p, n, memory, G, W)
    if p["kind"] == "rmsprop" or (p["kind"] == "switched" and n < max(p["steps"] // 2, 1)):
        return _rms(p, n, memory, G, W)
    return _heavy(p, _rate(p, n, p["steps"]), memory, G)


def judge(p: dict[str, Any]) -> Answer:
    """The cost and the product at the end beside those of plain steps."""
    cost, exact = costs(p["cost"])
    steps, start = p["steps"], gaussian_start(cost.shape, p["depth"], p["width"], 1.0, p["scale"], p["seed"])
    layers = [np.asarray(W) for W in start]
    optimizer = _optimizer(p, steps)
    descent = ss.GradientDescent(cost, initial=layers, optimizer=optimizer)
    run = ss.solve(descent, steps * optimizer.step_size)

    def step(n: int, memory: Any, G: Layers, W: Layers) -> tuple[Layers, Any]:
        return _step(p, n, memory, G, W)

    with np.errstate(all="ignore"):
        wanted, last = optimised(exact, layers, _make, step, steps)
        kicked = [W * (1 + 1e-14 * np.cos(np.arange(W.size).reshape(W.shape))) for W in layers]
        again, other = optimised(exact, kicked, _make, step, steps)
    if not np.all(np.isfinite(wanted)) or wanted[-1] > 1e6 * wanted[0]:
        spoken = float(run.outcome == "NOT_FINITE" or bool(run.doubts) or run["cost"][-1] > 1e3 * wanted[0])
        return Answer(run.outcome, tuple(run.doubts), (Check("divergence is told", 1 - spoken, 0.01),))
    unit = max(wanted[0], exact.value(np.zeros(cost.shape)))
    unsure = float(np.abs(again - wanted).max()) / unit * 10
    checks = [
        Check("cost", abs(float(run["cost"][-1] - wanted[-1])) / unit, 1e-10, unsure),
        Check("steps", abs(run.solver["steps"] - steps), 0.01),
    ]
    size_ = max(1.0, float(np.abs(product(last)).max()))
    gap = float(np.abs(run["product"][-1] - product(last)).max()) / size_
    checks.append(Check("product", gap, 1e-8, 10 * float(np.abs(product(other) - product(last)).max())))
    return Answer(run.outcome, tuple(d for d in run.doubts if d not in descent.remarks), tuple(checks))


FAMILY = Family("optimised descent", 2.0, draw, judge)
