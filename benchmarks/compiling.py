"""First and later runs of programs compiled in XLA's two ways, in turns in one process: seconds of the processor.

Run: python benchmarks/compiling.py. Both ways must give the same risk or cost.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import saddlescope as ss
from saddlescope.solve.machine.ready import QUICK, Compiled

loop: Any = importlib.import_module("saddlescope.solve.loop")
LADDER = ss.SingleIndex(link=[1, -1, 2 / 3, 1 / 3], activation=[1, 1, 0.5, 0.3])
BLOCK = ss.LeastSquares(np.diag([3.0, 2.5, 2.0, 1.5, 1.0]))
WAYS = {"default": loop._OPTIONS, "quick": loop._OPTIONS | QUICK}
_ROUNDS = 6

Flow = Callable[[], Any]
CASES: dict[str, tuple[Flow, float, str]] = {
    "mean field, 256": (lambda: ss.MeanFieldFlow(LADDER, 1e-8, particles=256), 3.0, "risk"),
    "mean field, 4096": (lambda: ss.MeanFieldFlow(LADDER, 1e-8, particles=4096), 3.0, "risk"),
    "network, 15": (lambda: ss.NetworkFlow(LADDER, 1e-4, neurons=15, seed=0), 1.0, "risk"),
    "network, 50": (lambda: ss.NetworkFlow(LADDER, 1e-4, neurons=50, seed=0), 1.0, "risk"),
    "network of free norm, 20": (
        lambda: ss.NetworkFlow(LADDER, 0.1, neurons=20, dimension=100, seed=0, sphere=False),
        2.0,
        "risk",
    ),
    "deep linear, 3 of 30": (lambda: ss.DeepLinearFlow(BLOCK, 3, 30, gamma=1.5, seed=0), 100.0, "cost"),
}


def main() -> None:
    """Print a row a case."""
    jax.config.update("jax_enable_compilation_cache", False)
    print("| case | " + " | ".join(f"{way}: first, s | later, s" for way in WAYS) + " |")
    print("| --- |" + " --- | --- |" * len(WAYS))
    programs = {way: Compiled(loop._advance, "capacity", "method", options=options) for way, options in WAYS.items()}
    for case, (flow, until, observed) in CASES.items():
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        ends = {}
        for _ in range(1 + _ROUNDS):
            for way, program in programs.items():
                loop._advance_small = program
                begin = time.process_time()
                run = ss.solve(flow(), until=until)
                seconds[way].append(time.process_time() - begin)
                ends[way] = float(run[observed][-1])
        if not np.allclose(list(ends.values()), ends["quick"], rtol=1e-4, atol=1e-12):
            raise SystemExit(f"{case} ends differently: {ends}")
        told = " | ".join(f"{first:.1f} | {min(later):.3f}" for first, *later in seconds.values())
        print(f"| {case} | {told} |", flush=True)


if __name__ == "__main__":
    main()
