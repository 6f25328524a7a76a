"""Diagonal jumps and predicted orders, against enumeration and formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.draws import integer, numbers, one_of, sign, size
from campaigns.families.mean_field import Course
from campaigns.references.diagonal import jumps
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.mean_field import MeanField
from saddlescope.diagonal_linear import jump_sequence


def draw_diagonal(rng: np.random.Generator) -> dict[str, Any]:
    """Few examples of few features; tied columns, repeated ones, more examples than features, tiny answers."""
    n, d = integer(rng, 1, 5), integer(rng, 1, 6)
    X = np.round(rng.standard_normal((n, d)), 2)
    kind = one_of(rng, ["random", "sparse", "tied", "scaled"], [4, 2, 2, 1])
    y = np.round(rng.standard_normal(n), 2)
    if kind == "sparse":
        beta = np.where(rng.random(d) < 0.4, np.round(rng.standard_normal(d), 1), 0.0)
        y = X @ beta
    elif kind == "tied":
        X = np.round(X)
        y = np.round(y)
    elif kind == "scaled":
        X = X * 10 ** rng.uniform(-3, 3)
        y = y * 10 ** rng.uniform(-6, 3)
    if not np.any(X.T @ y):
        X[0, 0], y[0] = 1.0, 1.0
    return {"kind": kind, "X": X.tolist(), "y": y.tolist()}


def judge_diagonal(p: dict[str, Any]) -> Answer:
    """Jump times and losses beside those found by enumeration."""
    X, y = np.array(p["X"]), np.array(p["y"])
    path = jump_sequence(X, y)
    times, losses = jumps(X, y)
    # jumps at one time may be told as one or as several
    checks = [Check("last loss", float(abs(path.losses[-1] - losses[-1]) / losses[0]), 1e-9)]
    for share in (0.2, 0.5, 0.8):
        for k in range(len(times)):
            begin = times[k - 1] if k else 0.0
            t = begin + share * (times[k] - begin)
            if times[k] - begin > 1e-6 * times[k]:
                at = path.losses[np.searchsorted(path.jump_times, t, side="right")]
                checks.append(Check(f"loss before jump {k}", float(abs(at - losses[k]) / losses[0]), 1e-9))
    return Answer("complete" if path.complete else "open", () if path.complete else ("Jumps used up.",), tuple(checks))


def draw_order(rng: np.random.Generator) -> dict[str, Any]:
    """Laws with and without a spread, targets of any size, epsilon from where closed forms hold to where none does."""
    law = one_of(rng, ["uniform", "atoms", "one atom"], [2, 2, 2])
    low = float(np.round(rng.uniform(-2, 1), 1))
    a = [low, float(np.round(low + rng.uniform(0.3, 3), 2))] if law == "uniform" else sorted(set(numbers(rng, 3, 2)))
    weights = None
    if law == "one atom":
        a = [float(np.round(rng.uniform(0.1, 1.5), 2))]
        weights = [one_of(rng, [1.0, 1 - 1e-16, 1 + 2e-16])]
    most = integer(rng, 2, 3)
    link, activation = numbers(rng, most, 2), numbers(rng, most, 2)
    link[1], activation[1] = link[1] or 1.0, activation[1] or 1.0
    activation[0] = sign(rng) * (0.1 + abs(activation[0]))
    return {
        "law": law,
        "numbers": a,
        "weights": weights,
        "link": link,
        "activation": activation,
        "epsilon": size(rng, *one_of(rng, [(1e-16, 1e-8), (1e-8, 1.0)])),
    }


def judge_order(p: dict[str, Any]) -> Answer:
    """Times of levels 0 and 1 beside the flow itself; level 1 is canonical if and only if the law has a spread."""
    a = np.array(p["numbers"])
    law: Any = ss.Uniform(*a) if p["law"] == "uniform" else ss.PointMasses(list(a), p["weights"])
    order = ss.canonical_order(ss.SingleIndex(p["link"], p["activation"]), law, levels=1)
    times, errors = order.times(p["epsilon"]), order.errors(p["epsilon"])
    spread = len(set(a.tolist())) > 1
    checks = [Check("level 1 is canonical", abs(float(order.levels[1].canonical) - float(spread)), 0.01)]
    if not spread:
        # that nothing is known beyond level 0 is the right thing to say
        return Answer("DONE", (), tuple(checks))
    w = np.full(len(a), 1 / len(a))
    if p["law"] == "uniform":
        x, w = np.polynomial.legendre.leggauss(96)
        a, w = a[0] + (a[1] - a[0]) * (x + 1) / 2, w / 2
    model = MeanField(np.array(p["link"]), np.array(p["activation"]), p["epsilon"], a, 0 * a, w)
    end = 2 * float(np.nanmax(times)) + 10 * p["epsilon"]
    try:
        wanted = Course(model, model.solve(end, rtol=1e-9)).times()
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    for k in np.flatnonzero(np.isfinite(times)):
        if wanted[k] == 0:
            checks.append(Check(f"time {k}", float(times[k] != 0), 0.01))
        else:
            # what is left out is no small number where atoms are far from the target: the order says itself how much
            stated = max(float(errors[k]), 1e-5) if np.isfinite(errors[k]) else 1e-5 + 10 * p["epsilon"] ** 0.5
            checks.append(Check(f"time {k}", abs(float(times[k] / wanted[k]) - 1), stated))
    return Answer("DONE", tuple(order.doubts), tuple(checks))


DIAGONAL = Family("diagonal jumps", 2.0, draw_diagonal, judge_diagonal)
ORDER = Family("canonical order", 1.0, draw_order, judge_order)
