"""Krylov compression of wide networks: `python -m benchmarks.deep_linear_compression`; prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from benchmarks.deep_linear_jumps import apart, curve_of, half_way, jump_times, timed
from scipy.interpolate import make_interp_spline

import saddlescope as ss
from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
from saddlescope.deep_linear.problem.reference_problems import random_completion
from saddlescope.trajectory import Trajectory

COST = random_completion(5, (3.0, 2.0), 18, 0)
_RTOL = 1e-8
_TURNS = 3
_AWAY = 0.1  # from a jump, as a share of its time
_WHOLE, _NARROW = "whole, width 256", "7 rounds, width 256"


def gap_of_products(result: Trajectory, true: Trajectory, jumps: np.ndarray) -> float:
    """Largest |A(t) - A(t)| between two runs, as a share of the largest |A|, away from the jumps."""
    curve = make_interp_spline(true.time, true["product"], k=5)
    times = result.time[result.time <= true.time[-1]]
    away = np.all(np.abs(times[:, None] / jumps - 1) > _AWAY, axis=1)
    gap = result["product"][: len(times)][away] - curve(times[away])
    size = np.linalg.norm(true["product"], axis=(1, 2)).max()
    return float(np.linalg.norm(gap, axis=(1, 2)).max() / size)


def measure(depth: int, width: int, how: Any, until: float, levels: np.ndarray) -> tuple[Trajectory, dict[str, Any]]:
    """Return a run and its row; the first run, which compiles, is not timed."""
    flow, making = timed(lambda: DeepLinearFlow(COST, depth, width, 2.0, 1.0, 1, compress=how))
    result = ss.solve(flow, until, rtol=_RTOL, progress=False)
    seconds = min(timed(lambda: ss.solve(flow, until, rtol=_RTOL, progress=False))[1] for _ in range(_TURNS))
    curve = curve_of(result)
    row = {"making": making, "seconds": seconds, "steps": curve.attempted}
    if how != "auto" or result.accuracy.get("exact_compression"):  # else the seconds are those of several runs
        row["milliseconds_a_step"] = 1e3 * seconds / curve.attempted
    row |= {"narrow_width": result.accuracy.get("compressed_width"), "jump_times": jump_times(curve, levels).tolist()}
    if "krylov_error" in result.accuracy:
        row["estimated_error"] = result.accuracy["krylov_error"]
    return result, row


def main() -> None:
    rows: dict[str, Any] = {}
    runs: dict[str, Trajectory] = {}
    deep, shallow = (half_way(ss.greedy_low_rank(COST, depth).costs) for depth in (4, 2))
    for name, width, how in (
        (_WHOLE, 256, False),
        (_NARROW, 256, 7),
        ("auto with its error estimate, width 256", 256, "auto"),
        ("7 rounds, width 1024", 1024, 7),
        ("7 rounds, width 4096", 4096, 7),
    ):
        runs[name], rows[name] = measure(4, width, how, 160.0 * width / 256, deep)
    jumps = np.array(rows[_WHOLE]["jump_times"])
    for name in list(rows)[1:3]:
        rows[name]["error_of_jump_times"] = apart(np.array(rows[name]["jump_times"]), jumps)
        rows[name]["error_of_product"] = gap_of_products(runs[name], runs[_WHOLE], jumps)
    for width in (256, 1024, 4096):
        rows[f"depth 2, exact, width {width}"] = measure(2, width, "auto", 40.0, shallow)[1]
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
