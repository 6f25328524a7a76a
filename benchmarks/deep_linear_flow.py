"""Flow past saddles, ours and another solver's, in turns: `python -m benchmarks.deep_linear_flow WHO [--whole]`.

Prints JSON. WHO is `saddlescope` (a row for each tolerance), `reference` (what another method says of the reference
that errors are measured against), or a competitor, with saddlescope at no larger error beside it. The same network has
600 unknowns by Krylov compression, and 22 000 with `--whole`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.deep_linear_jumps import (
    COST,
    DEPTH,
    GAMMA,
    HALF_WAY,
    SEED,
    WIDTH,
    Curve,
    apart,
    curve_of,
    jump_times,
    reading_error,
    timed,
)
from jax.experimental.compilation_cache import compilation_cache
from scipy.integrate import DOP853

import saddlescope as ss
from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
from saddlescope.deep_linear.network.krylov import compress

_REFERENCE = 1e-11
_EQUAL = tuple(10 ** (-p / 8) for p in range(32, 80))  # ours, from coarse to fine
_TURNS = 5
_ENOUGH = 60.0  # seconds of a competitor's runs
_LIMIT = 10_000_000  # attempted steps


def problem(whole: bool, scale: float) -> tuple[DeepLinearFlow, float]:
    """Return the flow and how long it runs: so narrow a network as the compressed one jumps later."""
    made = DeepLinearFlow(COST, DEPTH, WIDTH, GAMMA, scale, SEED, compress=False)
    if whole:
        return made, 44 / scale**2
    return DeepLinearFlow(COST, initial=compress(made.initial, 2).weights, compress=False), 80 / scale**2


def ours(flow: DeepLinearFlow, until: float, rtol: float) -> Curve:
    return curve_of(ss.solve(flow, until, rtol=rtol, states=2, progress=False))


def of_diffrax(
    solver: Any, flow: DeepLinearFlow, until: float, jumps: np.ndarray
) -> Callable[[float], Callable[[], Curve]]:
    """rtol -> a compiled run; cost and rate are saved at 20 000 times, most of them near the jumps."""
    system, y0 = flow.start()
    dense = [jump * np.linspace(0.99, 1.01, 6000) for jump in jumps]
    times = np.sort(np.concatenate([np.linspace(0, until, 2000), *dense]))

    def observe(t: Any, y: Any, args: Any) -> Any:
        seen = system.observables(y, system.vector_field(y))
        return seen["cost"], seen["cost_rate"]

    @jax.jit
    def run(y: jax.Array, times: jax.Array, rtol: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: system.vector_field(y)),  # pyright: ignore[reportArgumentType]
            solver,
            0.0,
            times[-1],
            1e-3,
            y,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol * flow.scale()),
            saveat=diffrax.SaveAt(ts=times, fn=observe),
            max_steps=_LIMIT,
            throw=False,
        )

    def curve(rtol: float, times: np.ndarray) -> Curve:
        result = run(y0, jnp.asarray(times), rtol)
        if result.result != diffrax.RESULTS.successful:
            raise RuntimeError(f"diffrax says: {result.result}")
        cost, rate = map(np.asarray, result.ys)
        return Curve(times, cost, rate, int(result.stats["num_steps"]))

    def compiled(rtol: float) -> Callable[[], Curve]:
        curve(rtol, 1e-5 * times)
        return lambda: curve(rtol, times)

    return compiled


def of_scipy(flow: DeepLinearFlow, until: float, jumps: np.ndarray) -> Callable[[float], Callable[[], Curve]]:
    """rtol -> a run of DOP853; the cost comes with the right-hand side, so that it takes no evaluation of its own."""
    del jumps
    system, y0 = flow.start()

    @jax.jit
    def evaluate(y: jax.Array) -> Any:
        rate = system.vector_field(y)
        return rate, system.observables(y, rate)["cost"]

    def run(rtol: float) -> Curve:
        latest = 0.0

        def field(t: float, y: np.ndarray) -> np.ndarray:
            nonlocal latest
            rate, cost = evaluate(y)
            latest = float(cost)
            return np.asarray(rate)

        atol: Any = rtol * flow.scale()
        stepper = DOP853(field, 0.0, np.asarray(y0), until, rtol=rtol, atol=atol)
        points = [(0.0, float(evaluate(y0)[1]), -float(stepper.f @ stepper.f))]
        while stepper.status == "running":
            stepper.step()  # whose last evaluation is at its end
            end = (stepper.t, latest, -float(stepper.f @ stepper.f))
            if np.any((points[-1][1] > HALF_WAY) & (latest <= HALF_WAY)):  # else nobody reads within the step
                dense = stepper.dense_output()
                for t in np.linspace(points[-1][0], stepper.t, 33)[1:-1]:
                    rate, cost = evaluate(dense(t))
                    points.append((float(t), float(cost), -float(rate @ rate)))
            points.append(end)
        if stepper.status != "finished":
            raise RuntimeError(f"SciPy says: {stepper.status}")
        return Curve(*np.array(points).T, attempted=stepper.nfev // 12)

    evaluate(y0)
    return lambda rtol: lambda: run(rtol)


COMPETITORS = {
    "diffrax Tsit5": partial(of_diffrax, diffrax.Tsit5()),
    "SciPy DOP853": of_scipy,
    "diffrax Kvaerno5": partial(of_diffrax, diffrax.Kvaerno5()),
}


def compare(name: str, flow: DeepLinearFlow, until: float, rtol: float) -> dict[str, Any]:
    """The fastest run of a competitor, and of ours at the coarsest tolerance that leaves no larger error."""
    true = jump_times(ours(flow, until, _REFERENCE))
    run = COMPETITORS[name](flow, until, true)(rtol)
    theirs, *spent = timed(run)
    error = apart(jump_times(theirs), true)
    row = {"steps": theirs.attempted, "error": error, "reading_error": reading_error(theirs)}
    errors: list[float] = []
    for finer in _EQUAL:
        errors.append(apart(jump_times(ours(flow, until, finer)), true))
        if max(errors[-2:]) <= error and len(errors) > 1:  # the finer one too: not by luck
            break
    else:
        raise RuntimeError(f"none of our tolerances leaves an error of {error:.1e} or less")
    equal = _EQUAL[len(errors) - 2]
    our_spent = []
    for _ in range(_TURNS):
        our_spent.append(timed(lambda: ours(flow, until, equal))[1])
        if sum(spent) < _ENOUGH:
            spent.append(timed(run)[1])
    seconds, our_seconds = min(spent), min(our_spent)
    own = {"our_rtol_at_no_larger_error": equal, "our_error": errors[-2], "our_seconds": our_seconds}
    return {"seconds": seconds} | row | own | {"ratio": seconds / our_seconds}


def our_rows(flow: DeepLinearFlow, until: float, scale: float, tolerances: list[float]) -> dict[str, Any]:
    """A row for each tolerance; the first has the time of the first run of the process too, which compiles."""
    rows: dict[str, Any] = {}
    cold = timed(lambda: ours(flow, until, tolerances[0]))[1]
    true = jump_times(ours(flow, until, _REFERENCE))
    for rtol in tolerances:
        run = ours(flow, until, rtol)
        fastest = min(timed(lambda rtol=rtol: ours(flow, until, rtol))[1] for _ in range(_TURNS))
        row = {"seconds": fastest, "steps": run.attempted, "error": apart(jump_times(run), true)}
        row |= {"reading_error": reading_error(run), "scaled_jump_times": (jump_times(run) * scale**2).tolist()}
        rows[f"saddlescope, rtol {rtol:g}"] = row
    rows[f"saddlescope, rtol {tolerances[0]:g}"]["seconds_cold"] = cold
    return rows


def confirm(flow: DeepLinearFlow, until: float) -> dict[str, Any]:
    """How far the jump times of DOP853 are from those of the reference, at the reference's tolerance."""
    true = jump_times(ours(flow, until, _REFERENCE))
    other, seconds = timed(of_scipy(flow, until, true)(_REFERENCE))
    results = {"seconds": seconds, "steps": other.attempted, "error": apart(jump_times(other), true)}
    return results | {"reading_error": reading_error(other)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("who", choices=("saddlescope", "reference", *COMPETITORS))
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--scale", type=float, default=0.125)
    parser.add_argument("--rtol", type=float, nargs="+", default=[1e-6])
    asked = parser.parse_args()
    jax.config.update("jax_enable_compilation_cache", False)  # the disk may hold the programs of an earlier process
    compilation_cache.reset_cache()
    flow, until = problem(asked.whole, asked.scale)
    if asked.who == "saddlescope":
        result = our_rows(flow, until, asked.scale, asked.rtol)
    elif asked.who == "reference":
        result = confirm(flow, until)
    else:
        result = compare(asked.who, flow, until, asked.rtol[0])
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
