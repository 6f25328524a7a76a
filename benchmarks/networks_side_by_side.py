"""Finite networks beside other solvers and loops: `python -m benchmarks.networks_side_by_side WHAT`.

Prints JSON. WHAT is `flow` (saddlescope, SciPy BDF, diffrax Kvaerno5), `width`
(the default beside RKC2), `wide`, `growth`, `gram` (cost of a step over the
dimension), `direct` (saddlescope, NumPy and, where installed, PyTorch), or `gpu` (on a machine with one).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import saddlescope as ss

PROBLEM = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
SIMPLE = ss.SingleIndex(link=[0, 1, 0.5], activation=[0, 1, 0.5, 0.3])


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started


def flow(neurons: int = 15, epsilon: float = 1e-4, until: float = 1.0) -> dict[str, Any]:
    """All on `neurons` neurons, since the dense solvers do not reach 100; ours on 100 too."""
    rows: dict[str, Any] = {}
    made = ss.NetworkFlow(PROBLEM, epsilon, neurons)
    system, y0 = made.start()
    field = jax.jit(lambda y: system.vector_field(y.reshape(y0.shape)).ravel())
    risk = jax.jit(lambda y: system.observables(y.reshape(y0.shape), y.reshape(y0.shape))["risk"])
    start = np.asarray(y0).ravel()

    def ours(rtol: float) -> Callable[[], float]:
        return lambda: float(ss.solve(made, until, rtol=rtol, progress=False)["risk"][-1])

    def bdf() -> float:
        result = solve_ivp(lambda t, y: np.asarray(field(y)), (0, until), start, "BDF", rtol=1e-6, atol=1e-8)
        return float(risk(jnp.asarray(result.y[:, -1])))

    term = diffrax.ODETerm(lambda t, y, args: system.vector_field(y))
    dense = jax.jit(
        lambda y: diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            0.0,
            until,
            1e-7,
            y,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-8),
            max_steps=20_000,
            throw=False,
        )
    )

    def kvaerno() -> float:
        return float(risk(dense(y0).ys[0].ravel()))

    true = ours(1e-10)()
    runs = {
        "saddlescope, rtol 1e-6": ours(1e-6),
        "saddlescope, rtol 1e-7": ours(1e-7),
        "SciPy BDF, rtol 1e-6": bdf,
        "diffrax Kvaerno5, rtol 1e-6": kvaerno,
    }
    for name, run in runs.items():
        if name.startswith("saddlescope"):
            run()
        value, seconds = timed(run)
        rows[f"{name}, m = {neurons}"] = {"seconds": seconds, "error": abs(value / true - 1)}
    return rows


def width(neurons: int = 100, epsilon: float = 1e-4, until: float = 1.0, turns: int = 2) -> dict[str, Any]:
    """The default and RKC2, in turns, by the error of the learning times."""
    made = ss.NetworkFlow(PROBLEM, epsilon, neurons)
    runs = {
        (method, rtol): lambda method=method, rtol=rtol: ss.solve(
            made, until, rtol=rtol, method=method, states=10, progress=False
        )
        for method, rtols in (("BDF", (1e-5, 1e-6, 1e-7, 1e-8)), ("RKC2", (1e-6, 1e-8, 1e-9)))
        for rtol in rtols
    }
    right = ss.learning_times(ss.solve(made, until, rtol=1e-11, states=10, progress=False))
    rows: dict[str, Any] = {}
    for turn in range(turns + 1):  # the first compiles
        for (method, rtol), run in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            result = run()
            spent = time.perf_counter() - wall, time.process_time() - processor
            row = rows.setdefault(f"{method}, rtol {rtol:g}, m = {neurons}", {"seconds": np.inf, "processor": np.inf})
            row["error of times"] = float(np.nanmax(np.abs(ss.learning_times(result) / right - 1)))
            row["steps"] = result.solver["steps_accepted"] + result.solver["steps_rejected"]
            row["evaluations"] = result.solver.get("evaluations")
            if turn > 0:
                row |= {"seconds": min(row["seconds"], spent[0]), "processor": min(row["processor"], spent[1])}
    return rows | {"load": os.getloadavg()[0]}


def wide(neurons: int = 1000, epsilon: float = 1e-6, until: float = 1.0) -> dict[str, Any]:
    """One run of a wide network."""
    made = ss.NetworkFlow(PROBLEM, epsilon, neurons)
    ss.solve(made, epsilon, states=2, progress=False)
    processor = time.process_time()
    result, seconds = timed(lambda: ss.solve(made, until, states=10, progress=False))
    row = {"seconds": seconds, "processor": time.process_time() - processor, "outcome": result.outcome}
    row |= {name: result.solver[name] for name in ("steps_accepted", "steps_rejected", "evaluations", "factorisations")}
    return {f"m = {neurons}, epsilon {epsilon:g}": row | {"load": os.getloadavg()[0]}}


def growth() -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for neurons in (25, 50, 100, 200, 400):
        made = ss.NetworkFlow(PROBLEM, 1e-3, neurons)
        ss.solve(made, 0.1, progress=False)
        result, seconds = timed(lambda made=made: ss.solve(made, 0.1, progress=False))
        steps = result.solver["steps_accepted"] + result.solver["steps_rejected"]
        rows[str(neurons)] = {"seconds": seconds, "per_step": seconds / steps}
    sizes = np.log([float(name) for name in rows])
    rows["exponent"] = float(np.polyfit(sizes, np.log([row["per_step"] for row in rows.values()]), 1)[0])
    return rows


def gram(steps: int = 20_000) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for dimension, method in ((10**3, "gram"), (10**4, "gram"), (10**6, "gram"), (10**9, "gram"), (10**4, "direct")):
        count = steps if method == "gram" else steps // 20
        made = ss.OnePassSGD(SIMPLE, 0.3, 100, dimension, 1e-4, method=method)  # pyright: ignore
        ss.solve(made, 1e-4 * 100, states=2, progress=False)
        _, seconds = timed(lambda made=made, count=count: ss.solve(made, 1e-4 * count, states=2, progress=False))
        rows[f"{method}, d = {dimension:g}"] = {"microseconds_a_step": 1e6 * seconds / count}
    return rows


def direct(steps: int = 5_000) -> dict[str, Any]:
    """Ours draws its samples; the loops are given theirs, and are not charged for them."""
    rows: dict[str, Any] = {}
    m, d, eta, epsilon = 100, 1000, 1e-4, 0.3
    made = ss.OnePassSGD(SIMPLE, epsilon, m, d, eta, method="direct")
    start_a, start_u = made._a[0], made._u[0]
    samples = np.random.default_rng(0).standard_normal((steps, d))

    def ours() -> None:
        ss.solve(made, eta * steps, states=2, progress=False)

    def phi(x: Any) -> Any:
        return x + 0.5 * (x * x - 1) / 2**0.5

    def sigma(x: Any) -> Any:
        return x + 0.5 * (x * x - 1) / 2**0.5 + 0.3 * (x**3 - 3 * x) / 6**0.5

    def slope(x: Any) -> Any:
        return 1 + x / 2**0.5 + 0.3 * 3 * (x * x - 1) / 6**0.5

    def of_numpy() -> None:
        a, u = start_a.copy(), start_u.copy()
        for x in samples:
            z = u @ x
            e = phi(x[0]) - a @ sigma(z) / m
            pull = eta * a * e * slope(z)
            a += eta / epsilon * e * sigma(z)
            u *= (1 - pull * z)[:, None]
            u += np.outer(pull, x)
            u /= np.linalg.norm(u, axis=1, keepdims=True)

    def of_torch() -> None:
        import torch  # pyright: ignore[reportMissingImports]

        torch.set_num_threads(2)
        a, u, data = torch.tensor(start_a), torch.tensor(start_u), torch.tensor(samples)
        for x in data:
            z = u @ x
            e = phi(x[0]) - a @ sigma(z) / m
            pull = eta * a * e * slope(z)
            a += eta / epsilon * e * sigma(z)
            u *= (1 - pull * z)[:, None]
            u.addr_(pull, x)
            u /= torch.linalg.vector_norm(u, dim=1, keepdim=True)

    ours()
    for name, run in {"saddlescope": ours, "NumPy loop": of_numpy, "PyTorch loop": of_torch}.items():
        try:
            seconds = min(timed(run)[1] for _ in range(2))
        except ImportError:
            rows[name] = {"failure": "not installed"}
            continue
        rows[name] = {"microseconds_a_step": 1e6 * seconds / steps}
    return rows


def gpu() -> dict[str, Any]:
    """The same network flow on the CPU and on the first GPU; the code is the same."""
    rows: dict[str, Any] = {}
    for neurons in (100, 400, 1600):
        made = ss.NetworkFlow(PROBLEM, 1e-3, neurons)
        results: dict[str, float] = {}
        for kind in ("cpu", "gpu"):
            with jax.default_device(jax.devices(kind)[0]):
                ss.solve(made, 0.1, progress=False)
                run, results[kind] = timed(lambda made=made: ss.solve(made, 0.1, progress=False))
                results[f"{kind} risk"] = float(run["risk"][-1])
        rows[f"m = {neurons}"] = results | {"ratio": results["cpu"] / results["gpu"]}
    return rows


if __name__ == "__main__":
    what = {"flow": flow, "width": width, "wide": wide, "growth": growth, "gram": gram, "direct": direct, "gpu": gpu}
    json.dump(what[sys.argv[1]](), sys.stdout)
