"""The limit of a vanishing start and the greedy algorithm: `python -m benchmarks.deep_linear_theory`; prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.deep_linear_jumps import COST, DEPTH, GAMMA, SEED, WIDTH, timed

import saddlescope as ss
from saddlescope.deep_linear.problem.reference_problems import random_completion


def main() -> None:
    rows: dict[str, Any] = {}
    ss.saddle_to_saddle_limit(COST, DEPTH, WIDTH, GAMMA, SEED)
    result, seconds = timed(lambda: ss.saddle_to_saddle_limit(COST, DEPTH, WIDTH, GAMMA, SEED))
    rows["limit of MC10"] = {"seconds": seconds, "jump_times": result.jump_times.tolist()}
    greedy, seconds = timed(lambda: ss.greedy_low_rank(COST, DEPTH))
    rows["greedy on MC10"] = {"seconds": seconds, "costs": greedy.costs.tolist()}
    large = random_completion(200, (5.0, 4.0, 3.0, 2.0, 1.0), 12_000, 0)
    greedy, seconds = timed(lambda: ss.greedy_low_rank(large, 3))
    rows["greedy on 200 x 200, rank 5, 30 % observed"] = {
        "seconds": seconds,
        "test_error": float(greedy.test_errors[-1]),
        "outcome": greedy.outcome.name,
    }
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
