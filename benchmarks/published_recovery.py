"""Published numbers of deep matrix factorisation, by gradient descent: `python -m benchmarks.published_recovery`.

Prints the test errors as JSON. Sensing: 50 x 50, singular values 12, 6, 4, 3, 1000 Gaussian measurements; squared
relative error. Completion: 100 x 100, rank 5, 2000 entries, start 1e-3; mean square on the other entries, of a matrix
whose entries have mean square one.
"""

from __future__ import annotations

import json

import numpy as np

import saddlescope as ss
from saddlescope.deep_linear.problem.reference_problems import random_sensing


def start(depth: int, size: int, scale: float) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [scale * random.standard_normal((size, size)) for _ in range(depth)]


def sensing(depth: int) -> float:
    cost = random_sensing(50, (12.0, 6.0, 4.0, 3.0), 1000, seed=0)
    rate, until = {1: (0.1, 100.0), 2: (0.01, 100.0), 3: (0.01, 200.0)}[depth]
    descent = ss.GradientDescent(cost, initial=start(depth, 50, 1e-3), learning_rate=rate, compress=False)
    return float(ss.solve(descent, until=until)["test_error"][-1]) ** 2


def completion(depth: int) -> float:
    random = np.random.default_rng(0)
    truth = random.standard_normal((100, 5)) @ random.standard_normal((5, 100))
    truth *= 100 / np.linalg.norm(truth)
    observed = (random.permutation(10_000) < 2000).reshape(100, 100)
    rate, until = {2: (0.02, 200.0), 3: (0.01, 400.0), 4: (0.005, 3000.0)}[depth]
    cost = ss.MatrixCompletion(truth, observed=observed)
    descent = ss.GradientDescent(cost, initial=start(depth, 100, 1e-3), learning_rate=rate)
    run = ss.solve(descent, until=until, risk_below=1e-7)
    return float(run["test_error"][-1]) ** 2 * float(np.mean(truth[~observed] ** 2))


if __name__ == "__main__":
    result = {f"sensing, depth {depth}": sensing(depth) for depth in (1, 2, 3)}
    result |= {f"completion, depth {depth}": completion(depth) for depth in (2, 3, 4)}
    print(json.dumps(result))
