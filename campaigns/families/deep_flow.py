"""Deep linear flows of Gaussian and balanced starts, against all layers or singular coordinates."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import flip, integer, one_of, size
from campaigns.references.costs import Examples, LogCosh, Margins, Masked, MatrixCost, Sensed
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.layers import LayersFlow
from campaigns.references.singular import BalancedFlow
from campaigns.stated import stated_error
from saddlescope.deep_linear import (
    Cost,
    ExponentialLoss,
    LogisticLoss,
    MatrixSensing,
    balanced_start,
    gaussian_start,
)


def draw_cost(rng: np.random.Generator) -> dict[str, Any]:
    """A cost of a small matrix: whitened, of examples, observed in part, or not quadratic."""
    kind = one_of(rng, ["target", "examples", "completion", "general"], [4, 1, 4, 1])
    rows, columns = one_of(rng, [(2, 2), (2, 3), (3, 3)], [4, 2, 2])
    if kind == "general":
        rows, columns = 2, 2
    matrix = np.round(rng.standard_normal((rows, columns)), 2)
    if flip(rng, 0.4):
        matrix = np.diag(np.round(np.sort(rng.uniform(0.2, 3, 3))[::-1], 1))[:rows, :columns]
    if flip(rng, 0.15):
        matrix = np.round(float(rng.uniform(0.5, 2)), 1) * np.eye(rows, columns)
    mask = np.ones((rows, columns), bool)
    if kind == "completion":
        mask = rng.random((rows, columns)) < one_of(rng, [0.4, 0.6, 0.8])
        mask.flat[int(rng.integers(mask.size))] = True
        if mask.all():
            mask.flat[int(rng.integers(mask.size))] = False
        if not np.any(matrix[mask]):
            matrix[mask] = 1.0
    return {
        "kind": kind,
        "matrix": matrix.tolist(),
        "mask": mask.astype(int).tolist(),
        "inputs": np.round(rng.standard_normal((columns, one_of(rng, [2, 4, 8]))), 2).tolist(),
    }


def costs(p: dict[str, Any]) -> tuple[Cost, MatrixCost]:
    """The cost, and the same for the reference."""
    matrix, mask = np.array(p["matrix"]), np.array(p["mask"], bool)
    if p["kind"] == "target":
        return ss.LeastSquares(matrix), Masked(matrix, np.ones_like(mask))
    if p["kind"] == "completion":
        return ss.MatrixCompletion(matrix, observed=mask), Masked(matrix, mask)
    if p["kind"] == "examples":
        X = np.array(p["inputs"])
        Y = matrix @ X + 0.1 * np.sin(np.arange(matrix.shape[0] * X.shape[1])).reshape(matrix.shape[0], -1)
        return ss.LeastSquares(inputs=X, outputs=Y), Examples(X, Y)
    if p["kind"] == "sensing":
        measurements = np.array(p["measurements"])
        answers = np.einsum("kij,ij->k", measurements, matrix)
        return MatrixSensing(measurements, answers), Sensed(measurements, answers)
    if p["kind"] in ("logistic", "exponential"):
        X, y = np.array(p["inputs"]), np.array(p["labels"])
        kind = LogisticLoss if p["kind"] == "logistic" else ExponentialLoss
        return kind(X, y), Margins(X, y, p["kind"] == "exponential")
    target = np.array(_GENERAL)
    return ss.GeneralCost(_log_cosh, (2, 2)), LogCosh(target)


_GENERAL = [[1.5, 0.3], [-0.2, 0.8]]  # a fixed function: each would be compiled


def _log_cosh(A: Any) -> Any:
    return jnp.sum(jnp.log(jnp.cosh(A - jnp.array(_GENERAL))))


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A start from lazy to saddle to saddle."""
    depth = integer(rng, 1, 5)
    balanced = depth > 1 and flip(rng, 0.35)
    return {
        "cost": draw_cost(rng),
        "start": "balanced" if balanced else "Gaussian",
        "depth": depth,
        "width": 3 if balanced else one_of(rng, [2, 3, 5, 24], [2, 4, 2, 2]),
        "gamma": one_of(rng, [0.0, 0.5, 1.0, 1.5, 2.0]),
        "scale": size(rng, {1: 1e-3, 2: 1e-5, 3: 1e-2, 4: 0.05, 5: 0.15}[depth], 3.0),
        "seed": integer(rng, 0, 9999),
        "length": size(rng, 0.1, 10),
        "compress": one_of(rng, ["auto", "auto", False]),
        "way": one_of(rng, ["plain", "finer"], [4, 1]),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Cost, test error and singular values beside those of the reference."""
    cost, model = costs(p["cost"])
    rows, columns = cost.shape
    depth = p["depth"]
    if p["start"] == "balanced" and rows == columns:
        rng = np.random.default_rng(p["seed"])
        first = p["scale"] ** depth * rng.standard_normal((rows, columns))
        layers = [np.asarray(W) for W in balanced_start(first, depth, max(p["width"], rows))]
        exact: LayersFlow | BalancedFlow = BalancedFlow(model, first, depth)
    else:
        start = gaussian_start((rows, columns), depth, p["width"], p["gamma"], p["scale"], p["seed"])
        layers = [np.asarray(W) for W in start]
        exact = LayersFlow(model, layers)
    until = p["length"] * _clock(model, layers)
    try:
        if isinstance(exact, BalancedFlow):
            right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, "Radau", 1e-9)
        else:
            try:
                right, other = exact.solve(1.05 * until), exact.solve(1.05 * until, "LSODA", 1e-9)
            except ReferenceFailedError:  # stiff
                right, other = exact.solve(1.05 * until, "LSODA"), exact.solve(1.05 * until, "BDF", 1e-8)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    keys: dict[str, Any] = {}
    if p["way"] == "finer":
        entry = min(float(np.sqrt(np.mean(W**2))) for W in layers)
        keys = {"rtol": 1e-8, "atol": min(1e-9 * entry, 0.1)}
    flow = ss.DeepLinearFlow(cost, initial=layers, compress=p["compress"])
    run = ss.solve(flow, until, max_steps=30_000, **keys)

    def curve(t: np.ndarray) -> np.ndarray:
        return model.values(exact.products(right(t)))

    stated = stated_error(run)
    scale = model.value(np.zeros(cost.shape))
    begun = float(curve(np.zeros(1))[0])
    scale = max(scale, begun)
    times, values = thinned(other.times, model.values(exact.products(other.states)), 60)
    unsure = graph_distance(times, values, curve, scale, right.end)
    times, values = thinned(run.time, run["cost"], 30)
    checks = [Check("cost", graph_distance(times, values, curve, scale, right.end), stated, unsure)]
    last = run.time[-1:]
    A, B = exact.products(right(last))[0], exact.products(other(last))[0]
    unit = max(float(np.linalg.norm(A, 2)), float(np.linalg.norm(np.where(p["cost"]["mask"], p["cost"]["matrix"], 0))))
    # at a jump the product at one time is no fair question: what a shift of time by the stated error moves is allowed
    moved = exact.products(right(np.minimum(last * (1 + stated), right.end)))[0]
    allowed = stated + float(np.abs(moved - A).max()) / unit
    apart = float(np.abs(B - A).max()) / unit
    if "product" in run.observables:
        error = float(np.abs(run["product"][-1] - A).max()) / unit
        checks.append(Check("product at the end", error, allowed, apart))
    left = model.value(A)
    if left > 0 and run["cost"][-1] >= 0:
        # the error on what is learnt, in units of what there is to learn, or to unlearn
        error = abs(float(np.sqrt(run["cost"][-1])) - left**0.5) / scale**0.5
        checks.append(Check("error at the end", error, allowed, apart))
    # that data leave something open is no doubt about the run
    doubts = tuple(doubt for doubt in run.doubts if doubt not in flow.remarks)
    return Answer(run.outcome, doubts, tuple(checks))


def _clock(model: MatrixCost, layers: list[np.ndarray]) -> float:
    """A time in which something happens: the first escape, or the decay of a lazy network."""
    depth, sizes = len(layers), [float(np.linalg.norm(W, 2)) for W in layers]
    slope = float(np.linalg.norm(model.gradient(np.zeros((layers[-1].shape[0], layers[0].shape[1]))), 2))
    if depth == 1:
        return 1.0
    largest = max(sizes)
    lazy = 1 / (depth * largest ** (2 * depth - 2))
    if depth == 2:
        return min(lazy, (1 + np.log(1 + 1 / largest)) / slope)
    return min(lazy, (1 + largest ** (2 - depth)) / slope)


FAMILY = Family("deep linear flow", 10.0, draw, judge)
