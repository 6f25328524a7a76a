"""A warm run, and how time and memory grow with the number of neurons."""

import numpy as np
import pytest
from benchmarks.reference import LADDER_256, ours

EPSILON = 1e-8
POWERS_OF_FOUR = (1024, 4096, 16384, 65536)
POWERS_OF_TEN = (1000, 10_000, 100_000)


def predicted_t1(epsilon: float, variance: float) -> float:
    """Time at which degree 1 is half learnt, as epsilon -> 0 (phi_1 = -1, sigma_1 = 1)."""
    return 0.5 * epsilon**0.5 * np.log(4 / (variance * epsilon**0.5))


def test_warm_run(benchmark, record):
    trajectory = ours(LADDER_256, 1e-6)
    benchmark.pedantic(ours, args=(LADDER_256, 1e-6), rounds=30, warmup_rounds=2)
    assert trajectory.outcome == "REACHED_END"
    record("warm run", {"kind": "warm", "seconds": list(benchmark.stats.stats.data)})


def exponent(sizes, values) -> float:
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


@pytest.mark.parametrize("sizes", [POWERS_OF_FOUR, POWERS_OF_TEN], ids=["powers of four", "powers of ten"])
def test_growth(sizes, measured, record):
    runs = []
    for m in sizes:
        run, failure = measured("one_size", m, "--epsilon", EPSILON, limit=900)
        assert run is not None, failure
        assert run["outcome"] == "REACHED_END"
        t0, t1 = run["learning_times"][:2]
        assert abs(t0 / (EPSILON * np.log(2)) - 1) < 0.2  # the sample mean of a(0) shifts degree 0
        assert abs(t1 / predicted_t1(EPSILON, run["variance"]) - 1) < 2e-3
        runs.append(run)
    wall = [min(s[0] for s in run["seconds"]) for run in runs]
    processor = [min(s[1] for s in run["seconds"]) for run in runs]
    memory = [run["megabytes"] for run in runs]
    added = [run["megabytes"] - run["megabytes_before"] for run in runs]
    record(
        f"growth: {sizes[0]} to {sizes[-1]}",
        {
            "kind": "growth",
            "runs": runs,
            "time_exponent": exponent(sizes, wall),
            "processor_time_exponent": exponent(sizes, processor),
            "time_per_step_exponent": exponent(sizes, np.array(wall) / [run["attempts"] for run in runs]),
            "memory_exponent": exponent(sizes, memory),
            "added_memory_exponent": exponent(sizes[-2:], added[-2:]),
        },
    )
    # quadratic growth in either would be seen here, whatever else the machine is doing
    assert exponent(sizes, wall) < 1.6
    assert exponent(sizes, memory) < 1.1


def test_smallest_epsilon(measured, record):
    run, failure = measured("one_size", 1024, "--epsilon", 1e-16, limit=600)
    assert run is not None, failure
    record("epsilon 1e-16", {"kind": "smallest"} | run)
    assert run["outcome"] == "REACHED_END"
    assert abs(run["learning_times"][1] / predicted_t1(1e-16, run["variance"]) - 1) < 1e-4
    assert run["learning_times"][3] > run["learning_times"][2] > run["learning_times"][1]
