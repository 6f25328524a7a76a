"""One warm run of sampled neurons in a fresh process: `python -m benchmarks.one_size 4096`; prints JSON.

A process of its own, since the peak memory of a process never falls again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from benchmarks.side_by_side import timed

import saddlescope as ss
from saddlescope.measure import learning_times


def peak_megabytes() -> float:
    """Largest resident size of this program so far (getrusage would count the parent it was forked from)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("neurons", type=int)
    parser.add_argument("--epsilon", type=float, default=1e-8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])

    def solve(neurons: int):
        flow = ss.MeanFieldFlow(problem, options.epsilon, neurons=neurons, seed=0)
        return ss.solve(flow, 3.0, states=16, progress=False)

    solve(64)
    before = peak_megabytes()
    trajectory = solve(options.neurons)
    seconds = [timed(lambda: solve(options.neurons))[1:] for _ in range(options.rounds)]
    a = trajectory["second_layer"][0]
    json.dump(
        {
            "neurons": options.neurons,
            "epsilon": options.epsilon,
            "outcome": trajectory.outcome,
            "learning_times": np.nan_to_num(learning_times(trajectory), nan=-1.0).tolist(),
            "variance": float(np.var(a)),
            "risk_end": float(trajectory["risk"][-1]),
            "attempts": trajectory.solver["steps_accepted"] + trajectory.solver["steps_rejected"],
            "seconds": seconds,
            "megabytes_before": before,
            "megabytes": peak_megabytes(),
            "load": os.getloadavg()[0],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
