"""Saddle-to-saddle flow beside other solvers: `python -m benchmarks.deep_linear_side_by_side WHAT`.

Prints JSON. WHAT is `flow` (saddlescope, Tsit5, DOP853, Kvaerno5 on the same 600 unknowns), `full` (all 22 000
unknowns), `compression`, `theory`, or `descent` (saddlescope, NumPy and, where installed, PyTorch).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.deep_linear.flow import DeepLinearFlow
from saddlescope.deep_linear.krylov import compress
from saddlescope.deep_linear.references import random_completion, reference_completion

COST = reference_completion()
DEPTH, WIDTH, GAMMA, SEED = 4, 100, 2.0, 100
LEVELS = np.array([23.5349539035, 6.1812766576, 1.2389269774, 0.0])


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started


def jump_times(t: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """First times at which the cost is half-way between two saddles; cubic in t between the saved points."""
    middle = 0.5 * (LEVELS[:-1] + LEVELS[1:])
    log = np.log(np.maximum(cost, 1e-300))
    found = []
    for level in middle:
        k = int(np.flatnonzero(cost <= level)[0])
        part = slice(max(k - 2, 0), k + 2)
        found.append(float(np.interp(-np.log(level), -log[part], t[part])))
    return np.array(found)


def flow(scale: float = 0.125) -> dict[str, Any]:
    whole = DeepLinearFlow(COST, DEPTH, WIDTH, GAMMA, scale, SEED, compress=False)
    small = compress(whole.initial, 2)
    until = 80 / scale**2  # so narrow a network jumps later
    ours = DeepLinearFlow(COST, initial=small.weights, compress=False)
    system, y0 = ours.start()
    cost = jax.jit(jax.vmap(lambda y: system.observables(y, y)["cost"]))
    field = jax.jit(lambda y: system.vector_field(y))
    field(y0)

    def of_diffrax(solver: Any, rtol: float, limit: int) -> Callable[[], Any]:
        term = diffrax.ODETerm(lambda t, y, args: system.vector_field(y))
        run = jax.jit(
            lambda y: diffrax.diffeqsolve(
                term,
                solver,
                0.0,
                until,
                1e-3,
                y,
                stepsize_controller=diffrax.PIDController(rtol=rtol, atol=1e-10 * scale),
                saveat=diffrax.SaveAt(ts=jnp.linspace(0, until, 20_000)),
                max_steps=limit,
                throw=False,
                adjoint=diffrax.RecursiveCheckpointAdjoint(),
            )
        )

        def solve() -> Any:
            found = run(y0)
            done = found.result == diffrax.RESULTS.successful
            return np.asarray(found.ts), np.asarray(cost(found.ys)), int(found.stats["num_steps"]), int(done)

        return solve

    def of_ours(rtol: float) -> Callable[[], Any]:
        def solve() -> Any:
            found = ss.solve(ours, until, rtol=rtol, states=16, progress=False)
            return found.time, found["cost"], found.solver["steps_accepted"], 1

        return solve

    def of_scipy() -> Any:
        found = solve_ivp(
            lambda t, y: np.asarray(field(y)), (0, until), np.asarray(y0), "DOP853", rtol=1e-6, atol=1e-10 * scale
        )
        return found.t, np.asarray(cost(jnp.asarray(found.y.T))), len(found.t), int(found.success)

    true = jump_times(*of_ours(1e-10)()[:2])
    rows = {}
    runs = {
        "saddlescope, rtol 1e-6": of_ours(1e-6),
        "saddlescope, rtol 1e-7": of_ours(1e-7),
        "saddlescope, rtol 1e-8": of_ours(1e-8),
        "diffrax Tsit5, rtol 1e-6": of_diffrax(diffrax.Tsit5(), 1e-6, 2_000_000),
        "SciPy DOP853, rtol 1e-6": of_scipy,
        "diffrax Kvaerno5, rtol 1e-6": of_diffrax(diffrax.Kvaerno5(), 1e-6, 100_000),
    }
    for name, run in runs.items():
        if not name.startswith(("SciPy", "diffrax Kvaerno5")):
            run()  # compiles
        (t, c, steps, whole_run), seconds = timed(run)
        error = float(np.abs(jump_times(t, c) / true - 1).max()) if whole_run else float("nan")
        rows[name] = {"seconds": seconds, "steps": steps, "error": error, "finished": bool(whole_run)}
    return rows


def full() -> dict[str, Any]:
    rows = {}
    for scale in (0.125, 0.01):
        made = DeepLinearFlow(COST, DEPTH, WIDTH, GAMMA, scale, SEED)
        found, seconds = timed(lambda made=made, scale=scale: ss.solve(made, 44 / scale**2, progress=False))
        scaled = (jump_times(found.time, found["cost"]) * scale**2).tolist()
        rows[f"scale {scale:g}"] = {"seconds": seconds, "scaled_jump_times": scaled, "outcome": found.outcome}
    return rows


def compression() -> dict[str, Any]:
    cost = random_completion(5, (3.0, 2.0), 18, 0)
    rows: dict[str, Any] = {}
    for name, width, how in (
        ("whole, width 256", 256, False),
        ("7 rounds, width 256", 256, 7),
        ("auto with its error estimate, width 256", 256, "auto"),
        ("7 rounds, width 1024", 1024, 7),
        ("7 rounds, width 4096", 4096, 7),
    ):
        made, making = timed(lambda width=width, how=how: DeepLinearFlow(cost, 4, width, 2.0, 1.0, 1, compress=how))
        until = 160.0 * width / 256
        ss.solve(made, until, rtol=1e-8, progress=False)
        found, seconds = timed(lambda made=made, until=until: ss.solve(made, until, rtol=1e-8, progress=False))
        half = float(np.interp(-0.5 * found["cost"][0], -found["cost"], found.time))
        steps = found.solver["steps_accepted"] + found.solver["steps_rejected"]
        rows[name] = {"making": making, "seconds": seconds, "steps": steps, "first_jump": half}
        if "krylov_error" in found.accuracy:
            rows[name]["estimated_error"] = found.accuracy["krylov_error"]
    return rows


def theory() -> dict[str, Any]:
    rows = {}
    ss.saddle_to_saddle_limit(COST, DEPTH, WIDTH, GAMMA, SEED)
    found, seconds = timed(lambda: ss.saddle_to_saddle_limit(COST, DEPTH, WIDTH, GAMMA, SEED))
    rows["limit of MC10"] = {"seconds": seconds, "jump_times": found.jump_times.tolist()}
    greedy, seconds = timed(lambda: ss.greedy_low_rank(COST, DEPTH))
    rows["greedy on MC10"] = {"seconds": seconds, "costs": greedy.costs.tolist()}
    large = random_completion(200, (5.0, 4.0, 3.0, 2.0, 1.0), 12_000, 0)
    greedy, seconds = timed(lambda: ss.greedy_low_rank(large, 3))
    rows["greedy on 200 x 200, rank 5, 30 % observed"] = {
        "seconds": seconds,
        "test_error": float(greedy.test_errors[-1]),
        "outcome": greedy.outcome.name,
    }
    return rows


def descent(
    steps: int = 20_000,
    rate: float = 2e-3,
    problem: ss.MatrixCompletion = COST,
    depth: int = DEPTH,
    width: int = WIDTH,
    momentum: float = 0.0,
    turns: int = 3,
) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    made = ss.GradientDescent(problem, depth, width, GAMMA, 1.0, SEED, learning_rate=rate, momentum=momentum)
    mask, values = np.asarray(problem.observed), np.asarray(problem.values)

    def cost_of(product: Any) -> float:
        return 0.5 * float(np.sum(np.where(mask, np.asarray(product) - values, 0.0) ** 2))

    def ours() -> float:
        until = steps * rate / (1 - momentum)
        return float(ss.solve(made, until, states=2, progress=False)["cost"][-1])

    def of_numpy() -> float:
        W = [np.array(layer) for layer in made.initial]
        V = [np.zeros_like(layer) for layer in W]
        for _ in range(steps):
            F = [W[0]]
            for layer in W[1:]:
                F.append(layer @ F[-1])
            back = np.where(mask, F[-1] - values, 0.0)
            slopes = []
            for k in range(len(W) - 1, 0, -1):
                slopes.append(back @ F[k - 1].T)
                back = W[k].T @ back
            slopes.append(back)
            for layer, move, slope in zip(W, V, slopes[::-1], strict=True):
                if momentum:
                    move *= momentum
                    move -= rate * slope
                    layer += move
                else:
                    layer -= rate * slope
        return cost_of(np.linalg.multi_dot(W[::-1]))

    def of_torch() -> float:
        import torch  # pyright: ignore[reportMissingImports]

        torch.set_default_dtype(torch.float64)
        W = [torch.tensor(np.array(layer), requires_grad=True) for layer in made.initial]
        seen, known = torch.tensor(mask), torch.tensor(values)
        optimiser = torch.optim.SGD(W, lr=rate, momentum=momentum)
        for _ in range(steps):
            optimiser.zero_grad()
            loss = 0.5 * torch.sum(torch.where(seen, reduce(lambda A, layer: layer @ A, W) - known, 0.0) ** 2)
            loss.backward()
            optimiser.step()
        return cost_of(reduce(lambda A, layer: layer @ A, W).detach())

    ours()
    runs = {"saddlescope": ours, "NumPy loop": of_numpy, "PyTorch loop": of_torch}
    for _ in range(turns):  # in turns, since other programs may slow this machine down for a while
        for name, run in runs.items():
            try:
                found, seconds = timed(run)
            except ImportError:
                rows[name] = {"failure": "not installed"}
                continue
            if name not in rows or seconds < rows[name]["seconds"]:
                rows[name] = {"seconds": seconds, "steps_per_second": steps / seconds, "final_cost": found}
    return rows


if __name__ == "__main__":
    what = {"flow": flow, "full": full, "compression": compression, "theory": theory, "descent": descent}
    json.dump(what[sys.argv[1]](), sys.stdout)
