"""Greedy low-rank paths and the limit of a vanishing start, against descent at fixed rank and direct runs."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import first_time
from campaigns.draws import flip, integer, one_of
from campaigns.references.costs import Masked
from campaigns.references.fixed_rank import curvature, rested
from campaigns.references.integration import ReferenceFailedError, Solution
from campaigns.references.layers import LayersFlow
from saddlescope.deep_linear import gaussian_start

_EXACT = 1e-6  # costs of a greedy path are those of critical points, found by Newton's method


def draw_greedy(rng: np.random.Generator) -> dict[str, Any]:
    """Completions with symmetric, tied and separate masks; plain targets, with equal singular values or not."""
    rows, columns = one_of(rng, [(2, 2), (2, 3), (3, 3), (4, 4)], [3, 1, 4, 2])
    kind = one_of(rng, ["random", "symmetric", "parts", "target", "equal"], [4, 3, 3, 1, 1])
    if kind == "symmetric":
        columns = rows
    matrix = np.round(rng.standard_normal((rows, columns)), 2)
    mask = rng.random((rows, columns)) < 0.65
    if kind == "symmetric":
        matrix = (
            np.diag(np.arange(rows, 0, -1).astype(float)) if flip(rng, 0.5) else np.round((matrix + matrix.T) / 2, 2)
        )
        mask = mask & mask.T
    elif kind == "parts":
        blocks = rng.integers(0, 2, rows)[:, None] == rng.integers(0, 2, columns)[None, :]
        mask = mask & blocks if flip(rng, 0.5) else np.eye(rows, columns, dtype=bool)
        if flip(rng, 0.5):
            matrix = np.diag(np.round(np.sort(rng.uniform(0.5, 3, 4))[::-1], 2))[:rows, :columns]
    elif kind in ("target", "equal"):
        mask[:] = True
        if kind == "equal":
            matrix = np.diag(np.round(rng.choice([1.0, 2.0], 4), 1))[:rows, :columns]
    if not np.any(matrix[mask]):
        mask[0, 0], matrix[0, 0] = True, 1.0
    return {
        "kind": kind,
        "matrix": matrix.tolist(),
        "mask": mask.astype(int).tolist(),
        "depth": integer(rng, 2, 4),
        "seed": integer(rng, 0, 9999),
    }


def _costs(p: dict[str, Any]) -> tuple[ss.deep_linear.Cost, Masked]:  # pyright: ignore[reportAttributeAccessIssue]
    matrix, mask = np.array(p["matrix"]), np.array(p["mask"], bool)
    exact = Masked(matrix, mask)
    return (ss.LeastSquares(matrix) if mask.all() else ss.MatrixCompletion(matrix, observed=mask)), exact


def judge_greedy(p: dict[str, Any]) -> Answer:
    """Costs on the path beside those at which descent of the same rank ends, and no way down at that rank."""
    cost, exact = _costs(p)
    path = ss.greedy_low_rank(cost, p["depth"])
    doubts = tuple(getattr(path, "doubts", ()))
    if path.outcome.name in ("NO_MINIMISER", "NORM_GUARD", "NOT_CONVERGED"):
        doubts = (*doubts, path.outcome.value)
    unit, rng = exact.value(np.zeros(cost.shape)), np.random.default_rng(p["seed"])
    checks = []
    for rank, value, A in zip(path.ranks[1:], path.costs[1:], path.products[1:], strict=True):
        checks.append(Check(f"cost {rank}", abs(exact.value(A) - value) / unit, _EXACT))
        singular = np.linalg.svd(A, compute_uv=False)
        if singular[rank - 1] < 1e-6 * singular[0] or singular[0] > 50 * np.abs(p["matrix"]).max():
            continue  # a smaller rank already, or on the way to infinity
        # a kick in a random direction must fall back to the same cost
        lower, _ = rested(exact, A, int(rank), 1e-3 * singular[0] ** 0.5, rng)
        steep = max(0.0, -curvature(exact, A, int(rank)))
        checks.append(
            Check(f"way down at rank {rank}", min(steep, (value - lower) / unit) if steep > 1e-7 else 0.0, _EXACT)
        )
    return Answer(path.outcome.name, doubts, tuple(checks), due=_tied(exact, path.products))


def _tied(cost: Masked, products: np.ndarray) -> bool:
    """Whether the two fastest escapes from a saddle are equally fast, or nearly so: then the start decides."""
    for A in products[:-1]:
        s = np.linalg.svd(cost.gradient(A), compute_uv=False)
        if len(s) > 1 and s[1] > 0.98 * s[0]:
            return True
    return False


def draw_limit(rng: np.random.Generator) -> dict[str, Any]:
    """Two to four layers on small problems, with equal singular values and separate parts among them."""
    drawn = draw_greedy(rng)
    while np.array(drawn["matrix"]).size > 9:
        drawn = draw_greedy(rng)
    return drawn | {"width": one_of(rng, [3, 4]), "depth": one_of(rng, [2, 3, 4], [2, 3, 1])}


def judge_limit(p: dict[str, Any]) -> Answer:
    """Jump times beside those of direct runs from two small scales, extrapolated to zero."""
    cost, exact = _costs(p)
    depth = p["depth"]
    limit = ss.saddle_to_saddle_limit(cost, depth, p["width"], gamma=1.0, seed=p["seed"])
    start = [np.asarray(W) for W in gaussian_start(cost.shape, depth, p["width"], 1.0, 1.0, p["seed"])]
    scales = {2: (1e-8, 1e-16), 3: (0.01, 0.0025), 4: (0.1, 0.05)}[depth]
    clocks = [-np.log(x) if depth == 2 else x ** (2 - depth) for x in scales]
    last = float(limit.jump_times[-1])
    doubts = tuple(limit.doubts)
    if limit.outcome.name in ("NO_MINIMISER", "NORM_GUARD", "NOT_CONVERGED"):
        doubts = (*doubts, limit.outcome.value)
    levels = 0.5 * (limit.costs[:-1] + limit.costs[1:])
    results = []
    try:
        for scale, clock in zip(scales, clocks, strict=True):
            flow = LayersFlow(exact, [scale * W for W in start])
            results.append(_crossings(exact, flow, flow.solve(1.5 * last * clock, rtol=1e-9), levels) / clock)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    # two layers: off by 1 / log(1 / scale); more: by a power of the scale that is not known
    direct = 2 * results[1] - results[0] if depth == 2 else results[1]
    checks = []
    for k, (got, wanted) in enumerate(zip(limit.jump_times, direct, strict=True)):
        unsure = abs(float(results[1][k] - results[0][k])) / float(limit.jump_times[0])
        if np.isnan(wanted) and np.isnan(results[0][k]):
            unsure = 0.0
        error = 1.0 if np.isnan(wanted) else abs(got / wanted - 1)
        checks.append(Check(f"jump {k}", float(error), 2e-3, float(unsure)))
    return Answer(limit.outcome.name, doubts, tuple(checks), due=_tied(exact, limit.products))


def _crossings(cost: Masked, flow: LayersFlow, solution: Solution, levels: np.ndarray) -> np.ndarray:
    """Times at which the cost passes half way between the saddles."""

    def value(t: np.ndarray) -> np.ndarray:
        return cost.values(flow.products(solution(t)))

    grid = solution.grid(2)
    return np.array([first_time(lambda t, level=level: value(t) - level, 0.0, grid) for level in levels])


GREEDY = Family("greedy path", 3.0, draw_greedy, judge_greedy)
LIMIT = Family("saddle-to-saddle limit", 2.0, draw_limit, judge_limit)
