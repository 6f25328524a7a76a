"""One competitor and saddlescope, in turns in one process: `python -m benchmarks.side_by_side NAME`; prints JSON.

A process of its own, so that its BLAS can be held to one thread (numpy is loaded before a test can say so) and a
competitor that does not finish can be ended.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

RTOL = 1e-8
_OURS_PER_ROUND = 5
# ours, from coarse to fine: the first that is at least as exact as the competitor gives the time at equal error
_EQUAL = tuple(10 ** (-p / 4) for p in range(24, 45))


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a result, its wall seconds and its processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - processor


def compare(name: str, particles: int, rounds: int) -> dict[str, Any]:
    from benchmarks.competitors import Ladder, solvers
    from benchmarks.reference import answer_of_ours, answer_of_steps, ours, reference

    ladder = Ladder(particles)
    true = reference(ladder)
    theirs = solvers(ladder)[name]
    _, compile_seconds, _ = timed(lambda: theirs(1e-3)) if name.startswith("diffrax") else (None, 0.0, 0.0)

    def errors(answer):
        return {"times": answer.error_of_times(true), "risk": answer.error_of_risk(true), "steps": answer.steps}

    our_answer = answer_of_ours(ladder, ours(ladder, RTOL))
    seconds: dict[str, list[tuple[float, float]]] = {"theirs": [], "ours": [], "ours_equal": []}

    def our_turn(key: str, rtol: float):
        for _ in range(_OURS_PER_ROUND):
            seconds[key].append(timed(lambda: ours(ladder, rtol))[1:])

    our_turn("ours", RTOL)
    steps, *spent = timed(lambda: theirs(RTOL))
    seconds["theirs"].append(tuple(spent))
    their_answer = answer_of_steps(ladder, steps)
    bound = errors(their_answer)
    equal_rtol = None
    for rtol in _EQUAL:
        candidate = errors(answer_of_ours(ladder, ours(ladder, rtol)))
        if candidate["times"] <= bound["times"] and candidate["risk"] <= bound["risk"]:
            equal_rtol, equal = rtol, candidate
            break
    for _ in range(rounds - 1):
        our_turn("ours", RTOL)
        if equal_rtol is not None:
            our_turn("ours_equal", equal_rtol)
        seconds["theirs"].append(timed(lambda: theirs(RTOL))[1:])
    our_turn("ours", RTOL)
    if equal_rtol is not None:
        our_turn("ours_equal", equal_rtol)
    return {
        "name": name,
        "rtol": RTOL,
        "theirs": bound | {"work": steps.work, "seconds": seconds["theirs"], "compile_seconds": compile_seconds},
        "ours": errors(our_answer) | {"seconds": seconds["ours"]},
        "ours_equal": None if equal_rtol is None else equal | {"rtol": equal_rtol, "seconds": seconds["ours_equal"]},
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--particles", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    json.dump(compare(options.name, options.particles, options.rounds), sys.stdout)


if __name__ == "__main__":
    main()
