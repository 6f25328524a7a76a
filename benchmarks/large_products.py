"""Deep linear networks of large products: `python -m benchmarks.large_products completion` (or `ratings`).

`completion` is the common setting of deep matrix factorisation: 100 x 100, rank 5, 2000 entries observed, depth 3,
width 100, entries of the start N(0, 1e-6), until T = 10. Prints JSON: errors are of the times at which the cost passes
eight heights, against Dopri8 at rtol 1e-11; seconds are of warm runs without their error estimate.

`ratings` has the size of MovieLens 100k, 943 x 1682 with 1e5 entries observed (a few rows and columns hold most of
them), from a target of rank 10, until three singular values have jumped: `ratings DEPTH WIDTH UNTIL`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

import saddlescope as ss

UNTIL = 10.0
HEIGHTS = (3800.0, 2500.0, 1300.0, 700.0, 430.0, 100.0, 1.0, 1e-2)
RUNS = {"ROCK4": (1e-4, 1e-5, 1e-6, 1e-7), "RKC2": (1e-5, 1e-6, 1e-7), "Tsit5": (1e-4, 1e-6, 1e-8), "Dopri8": (1e-6,)}
_DESCENT = 1e-3  # step size of the loop that people write; it diverges at 4e-3


def problem() -> ss.DeepLinearFlow:
    """The completion."""
    size, rank, seen, rng = 100, 5, 2000, np.random.default_rng(0)
    S = rng.standard_normal((size, rank)) @ rng.standard_normal((rank, size))
    observed = np.zeros(size**2, dtype=bool)
    observed[rng.permutation(size**2)[:seen]] = True
    cost = ss.MatrixCompletion(S, observed=observed.reshape(size, size))
    return ss.DeepLinearFlow(cost, 3, size, gamma=0.0, scale=1e-3, seed=0)


def crossings(time: np.ndarray, cost: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Times at which the cost passes the heights."""
    results = []
    for height in HEIGHTS:
        k = int(np.argmax(cost < height))
        two = slice(k - 1, k + 1)
        curve = CubicHermiteSpline(time[two], np.log(cost[two] / height), rate[two] / cost[two])
        results.append(brentq(curve, time[k - 1], time[k], xtol=1e-14))
    return np.array(results)


def completion(turns: int = 2) -> dict[str, Any]:
    """All methods by error and time."""
    flow = problem()

    def solve(method: str, rtol: float, until: float = UNTIL) -> ss.Trajectory:
        return ss.solve(flow, until, rtol=rtol, method=method, states=10, progress=False, error_estimate=False)

    exact = solve("Dopri8", 1e-11)
    right = crossings(exact.time, exact["cost"], exact["cost_rate"])
    rows: dict[str, Any] = {}
    for turn in range(turns):
        for method, rtols in RUNS.items():
            if turn == 0:
                solve(method, rtols[0], 0.01)  # compiles
            for rtol in rtols:
                wall, processor = time.perf_counter(), time.process_time()
                run = solve(method, rtol)
                spent = time.perf_counter() - wall, time.process_time() - processor
                row = rows.setdefault(f"{method}, rtol {rtol:g}", {"seconds": np.inf, "processor": np.inf})
                off = crossings(run.time, run["cost"], run["cost_rate"]) / right - 1
                row["steps"] = run.solver["steps_accepted"] + run.solver["steps_rejected"]
                row["error of times"] = float(np.abs(off).max())
                row |= {"seconds": min(row["seconds"], spent[0]), "processor": min(row["processor"], spent[1])}
    rows["gradient descent in NumPy"] = descent(flow, right)
    return rows | {"load": os.getloadavg()[0]}


def descent(flow: ss.DeepLinearFlow, right: np.ndarray) -> dict[str, Any]:
    """Plain gradient descent on the same start, read as a flow of time steps times step size."""
    W = [np.array(layer) for layer in flow.initial]
    observed, values = np.asarray(flow.cost.observed, float), np.asarray(flow.cost.values)  # pyright: ignore
    wall, processor, costs = time.perf_counter(), time.process_time(), []
    for _ in range(round(UNTIL / _DESCENT)):
        inner = W[1] @ W[0]
        G = observed * (W[2] @ inner) - values
        costs.append(0.5 * np.sum(G**2))
        back = W[2].T @ G
        W[2], W[1], W[0] = (
            W[2] - _DESCENT * G @ inner.T,
            W[1] - _DESCENT * back @ W[0].T,
            W[0] - _DESCENT * W[1].T @ back,
        )
    spent = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    cost = np.array(costs)
    at = np.array([_DESCENT * np.argmax(cost < height) for height in HEIGHTS])
    return spent | {"steps": len(cost), "error of times": float(np.abs(at / right - 1).max())}


def ratings(depth: int = 2, width: int = 100, until: float = 0.1) -> dict[str, Any]:
    """One run with its error estimate, compilation included."""
    shape, seen, rank, rng = (943, 1682), 100_000, 10, np.random.default_rng(0)
    S = rng.standard_normal((shape[0], rank)) * np.linspace(1, 0.3, rank) @ rng.standard_normal((rank, shape[1]))
    popular = np.outer(*(rng.pareto(1.2, n) + 0.3 for n in shape))
    drawn = rng.random(shape) ** (1 / np.minimum(popular, 50 * popular.mean()))
    observed = np.zeros(S.size, dtype=bool)
    observed[np.argsort(-drawn, axis=None)[:seen]] = True
    cost = ss.MatrixCompletion(S, observed=observed.reshape(shape))
    flow = ss.DeepLinearFlow(cost, depth, width, gamma=0.0, scale=1e-3, seed=0, compress=False)
    wall, processor = time.perf_counter(), time.process_time()
    run = ss.solve(flow, until, progress=False)
    spent = {"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}
    return spent | {
        "method": run.solver["method"],
        "steps": run.solver["steps_accepted"] + run.solver["steps_rejected"],
        "estimated error": run.accuracy["integration_error"],
        "singular values": run["singular_values"][-1, :5].tolist(),
        "cost": [float(run["cost"][0]), float(run["cost"][-1])],
        "GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    known = {"completion": completion, "ratings": ratings}
    given = [int(n) if n.isdecimal() else float(n) for n in numbers]
    print(json.dumps(known[what](*given), indent=1))
