"""Work that does not depend on the machine: `python -m benchmarks.smoke` counts it and holds it to the record.

Steps, evaluations of the field, factorisations and compiled programs of a dozen small runs, under two minutes. It fails
where one of them grew by more than a tenth over `smoke.json`; `--write` records what there is, to be committed together
with the change that is the reason. Errors stand beside, so that fewer steps are not bought with them: it fails where
one doubles.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from benchmarks.deep_linear_jumps import COST
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

import saddlescope as ss
from saddlescope.measure import learning_times

RECORD = Path(__file__).with_name("smoke.json")
_GROWTH, _WORSE, _NOISE = 1.1, 2.0, 1e-7
_COUNTS = ("steps", "evaluations", "factorisations", "programs", "programs_again")

LADDER = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
SLOW = ss.SingleIndex(link=[0, 1e-6, 1, 0.1], activation=[0, 1, 1, 0.5])
RELU = ss.SingleIndex(link="relu", activation="relu")


def _completion() -> ss.DeepLinearFlow:
    """The reference completion at depth 4 past its saddles, compressed."""
    from benchmarks.deep_linear_flow import problem

    return problem(whole=False, scale=0.125)[0]


# name -> (flow, end)
RUNS: dict[str, tuple[Callable[[], Any], float]] = {
    "ladder, 256 particles, epsilon 1e-8": (lambda: ss.MeanFieldFlow(LADDER, 1e-8, particles=256), 3.0),
    "ladder, 256 particles, epsilon 1e-14": (lambda: ss.MeanFieldFlow(LADDER, 1e-14, particles=256), 0.1),
    "relu learns relu, 64 particles": (lambda: ss.MeanFieldFlow(RELU, 1e-4, particles=64), 1.0),
    "network, m = 25, epsilon 1e-4": (lambda: ss.NetworkFlow(LADDER, 1e-4, 25), 1.0),
    "network, m = 25, epsilon 1e-6, d = 100": (lambda: ss.NetworkFlow(LADDER, 1e-6, 25, 100), 1.0),
    "network driven by 1e-6": (
        lambda: ss.NetworkFlow(SLOW, 1.0, 12, seed=2, second_layer=ss.Normal(1.5, 0.5)),
        20.0,
    ),
    "SGD limit, m = 4": (lambda: ss.SGDLimit(ss.OnePassSGD(LADDER, 0.1, 4, 1000, 1e-3)), 1.0),
    "completion, depth 4, width 100, compressed": (_completion, 5120.0),
    "completion, depth 3, width 20": (lambda: ss.DeepLinearFlow(COST, 3, 20, gamma=1.0, scale=0.1, seed=100), 20.0),
    "product of 25 x 25, ROCK4": (
        lambda: ss.DeepLinearFlow(ss.LeastSquares(np.diag(np.linspace(1, 2, 25))), 3, 25, gamma=0.5, scale=0.3, seed=0),
        2.0,
    ),
    "diagonal network": (lambda: ss.DiagonalFlow([[1.0, 0.2], [0.1, 1.0]], [2.0, -1.0], scale=1e-8), 40.0),
}


def count(make: Callable[[], Any], until: float) -> dict[str, Any]:
    """Return what one run takes, the first time and again, and its error beside a run of a tolerance of 1e-10."""
    programs: list[str] = []

    def compiled(event: str, duration_secs: float, **_: Any) -> None:
        if "backend_compile" in event:
            programs.append(event)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(compiled)
    run = ss.solve(make(), until, progress=False)
    first = len(programs)
    ss.solve(make(), until, progress=False)
    again = len(programs) - first
    jax.monitoring.clear_event_listeners()
    solver = run.solver
    result = {"method": solver["method"], "steps": solver["steps_accepted"] + solver["steps_rejected"]}
    result |= {name: solver[name] for name in ("evaluations", "factorisations") if name in solver}
    return result | {"programs": first, "programs_again": again, "error": error(run, make, until)}


def error(run: ss.Trajectory, make: Callable[[], Any], until: float) -> float:
    """The relative error of learning times, or of the time at which the risk or cost is half of what it was."""
    exact = ss.solve(make(), until, rtol=1e-10, progress=False)
    if "residual" in run.observables and np.any(np.isfinite(learning_times(exact))):
        ours, right = learning_times(run), learning_times(exact)
    else:
        ours, right = half_time(run), half_time(exact)
    return float(np.nanmax(np.abs(ours / right - 1)))


def half_time(run: ss.Trajectory) -> np.ndarray:
    """When a run is half-way down, on the cubic through its points and rates."""
    name = "cost" if "cost" in run.observables else "risk"
    half = 0.5 * (run[name][0] + run[name][-1])
    curve = CubicHermiteSpline(run.time, run[name] - half, run[f"{name}_rate"])
    after = int(np.argmax(run[name] < half))
    return np.array([brentq(curve, run.time[after - 1], run.time[after], xtol=1e-300, rtol=np.float64(1e-12))])


def compare(result: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """Sentences on what grew."""
    said = []
    for name, row in result.items():
        before = record.get(name)
        if before is None:
            said.append(f"{name}: it is not in the record.")
            continue
        for what in _COUNTS:
            if row.get(what, 0) > max(_GROWTH * before.get(what, 0), before.get(what, 0) + 1):
                said.append(f"{name}: {what} grew from {before.get(what, 0)} to {row[what]}.")
        if row["error"] > _WORSE * max(before["error"], _NOISE):
            said.append(f"{name}: the error grew from {before['error']:.1e} to {row['error']:.1e}.")
    return said


def main() -> int:
    result = {}
    for name, (make, until) in RUNS.items():
        result[name] = count(make, until)
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in result[name].items())}", flush=True)
    if "--write" in sys.argv[1:]:
        RECORD.write_text(json.dumps(result, indent=1) + "\n")
        print(f"Recorded in {RECORD}.")
        return 0
    said = compare(result, json.loads(RECORD.read_text()))
    print("\n".join(said) or "Nothing grew.")
    if said:
        print("Where that is meant: make bench-smoke WRITE=1, and commit the record with the change.")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
