"""A thousand different problems in one warm process: no compilation after the first."""

import jax
import numpy as np

import saddlescope as ss
from saddlescope.measure import learning_times

RUNS = 1000
ACTIVATION = [1, 1, 0.5, 0.3]


def test_a_thousand_runs(benchmark, record):
    rng = np.random.default_rng(0)
    epsilons = 10 ** rng.uniform(-10, -2, RUNS)
    links = rng.normal(size=(RUNS, 4))

    def solve(epsilon, link):
        problem = ss.SingleIndex(link=list(link), activation=ACTIVATION)
        return ss.solve(ss.MeanFieldFlow(problem, epsilon, particles=256), 3.0, progress=False)

    solve(1e-6, [1, -1, 1, 1])
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, duration_secs, **_: compiled.append(event) if "backend_compile" in event else None
    )
    results = []

    def all_of_them():
        for epsilon, link in zip(epsilons, links, strict=True):
            trajectory = solve(epsilon, link)
            results.append((trajectory.outcome, trajectory["risk"], learning_times(trajectory)[0]))

    benchmark.pedantic(all_of_them, rounds=1)
    total = benchmark.stats.stats.total
    record("many runs", {"kind": "many", "runs": RUNS, "seconds": total, "compilations": len(compiled)})
    assert {outcome for outcome, _, _ in results} == {"REACHED_END"}
    for (_, risk, t0), epsilon in zip(results, epsilons, strict=True):
        assert np.all(np.diff(risk) <= 1e-6 * risk[0])  # a gradient flow only falls
        if epsilon < 1e-6:
            # degree 0 decays as exp(-t / epsilon) before anything else moves
            assert abs(t0 / (epsilon * np.log(2)) - 1) < 1e-3
    assert len(compiled) == 0
