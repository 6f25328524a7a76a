"""One competitor and saddlescope, in turns in one process: `python -m benchmarks.side_by_side NAME`.

Prints JSON. A process of its own, so that its BLAS can be held to one thread (numpy is loaded before a test
can say so) and a competitor that does not finish can be ended.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.competitors import Ladder, solvers
from benchmarks.reference import Answer, answer_of_ours, answer_of_steps, ours, reference

_OURS_PER_ROUND = 5
# ours, from coarse to fine: the first that is at least as exact as the competitor is timed too
_EQUAL = tuple(10 ** (-p / 4) for p in range(12, 45))


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a result, its wall seconds and its processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - processor


def compare(name: str, rtol: float, ladder: Ladder, rounds: int) -> dict[str, Any]:
    true = reference(ladder)
    theirs = solvers(ladder)[name]
    # compiles, where there is something to compile
    compile_seconds = timed(lambda: theirs(1e-3, ladder.epsilon))[1]

    def summary(answer: Answer, rtol: float) -> dict[str, Any]:
        errors = {"times": answer.error_of_times(true), "risk": answer.error_of_risk(true)}
        return errors | {"steps": answer.steps, "rtol": rtol, "seconds": []}

    steps, *first = timed(lambda: theirs(rtol, ladder.until))
    results = {"theirs": summary(answer_of_steps(ladder, steps), rtol)}
    results["theirs"]["seconds"].append(first)
    results["theirs"] |= {"work": steps.work, "compile_seconds": compile_seconds}
    results["ours"] = summary(answer_of_ours(ladder, ours(ladder, rtol)), rtol)
    for finer in _EQUAL:
        equal = summary(answer_of_ours(ladder, ours(ladder, finer)), finer)
        if all(equal[error] <= results["theirs"][error] for error in ("times", "risk")):
            results["ours_equal"] = equal
            break

    def our_turn() -> None:
        for key in results.keys() - {"theirs"}:
            for _ in range(_OURS_PER_ROUND):
                results[key]["seconds"].append(timed(lambda key=key: ours(ladder, results[key]["rtol"]))[1:])

    our_turn()
    for _ in range(rounds - 1):
        results["theirs"]["seconds"].append(timed(lambda: theirs(rtol, ladder.until))[1:])
        our_turn()
    return {"name": name, "load": os.getloadavg()[0], **results}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--rtol", type=float, default=1e-8)
    parser.add_argument("--epsilon", type=float, default=1e-8)
    parser.add_argument("--particles", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ladder = Ladder(options.particles, options.epsilon)
    json.dump(compare(options.name, options.rtol, ladder, options.rounds), sys.stdout)


if __name__ == "__main__":
    main()
