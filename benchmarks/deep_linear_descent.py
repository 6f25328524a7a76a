"""Gradient descent, ours and loops in NumPy and PyTorch: `python -m benchmarks.deep_linear_descent DEPTH WIDTH STEPS`.

Prints JSON. The entries of every start are N(0, 0.01^2), whatever the width.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from benchmarks.deep_linear_jumps import COST, GAMMA, SEED, timed
from threadpoolctl import threadpool_limits

import saddlescope as ss

_RATE = 2e-3
_TURNS = 3
MASK, VALUES = np.asarray(COST.observed), np.asarray(COST.values)


def cost_of(product: Any) -> float:
    return 0.5 * float(np.sum(np.where(MASK, np.asarray(product) - VALUES, 0.0) ** 2))


def in_numpy(start: list[np.ndarray], steps: int) -> float:
    """The loop that one would write: a product from either side, then each layer."""
    W = [layer.copy() for layer in start]
    for _ in range(steps):
        F = [W[0]]
        for layer in W[1:]:
            F.append(layer @ F[-1])
        back = np.where(MASK, F[-1] - VALUES, 0.0)
        slopes = []
        for k in range(len(W) - 1, 0, -1):
            slopes.append(back @ F[k - 1].T)
            back = W[k].T @ back
        slopes.append(back)
        for layer, slope in zip(W, slopes[::-1], strict=True):
            layer -= _RATE * slope
    return cost_of(np.linalg.multi_dot(W[::-1]))


def in_numpy_on_one_thread(start: list[np.ndarray], steps: int) -> float:
    with threadpool_limits(1):
        return in_numpy(start, steps)


def in_torch(start: list[np.ndarray], steps: int) -> float:
    import torch  # pyright: ignore[reportMissingImports]

    torch.set_default_dtype(torch.float64)
    W = [torch.tensor(layer, requires_grad=True) for layer in start]
    seen, known = torch.tensor(MASK), torch.tensor(VALUES)
    optimiser = torch.optim.SGD(W, lr=_RATE)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = 0.5 * torch.sum(torch.where(seen, reduce(lambda A, layer: layer @ A, W) - known, 0.0) ** 2)
        loss.backward()
        optimiser.step()
    return cost_of(reduce(lambda A, layer: layer @ A, W).detach())


def measure(depth: int, width: int, steps: int) -> dict[str, Any]:
    """Return the fastest of some runs of each, made in turns: other programs may slow this machine for a while."""
    scale = 0.01 * width ** (GAMMA / 2)
    made = ss.GradientDescent(COST, depth, width, GAMMA, scale, SEED, learning_rate=_RATE)
    start = [np.array(layer) for layer in made.initial]
    runs: dict[str, Callable[[], float]] = {
        "saddlescope": lambda: float(ss.solve(made, steps * _RATE, states=2, progress=False)["cost"][-1]),
        "numpy": lambda: in_numpy(start, steps),
        "numpy_on_one_thread": lambda: in_numpy_on_one_thread(start, steps),
        "torch": lambda: in_torch(start, steps),
    }
    runs["saddlescope"]()
    seconds: dict[str, float] = {}
    row: dict[str, Any] = {"final_costs": []}
    for turn in range(_TURNS):
        for name, run in list(runs.items()):
            try:
                cost, spent = timed(run)
            except ImportError:
                row["torch"] = "not installed"
                del runs[name]
                continue
            seconds[name] = min(spent, seconds.get(name, np.inf))
            if turn == 0:
                row["final_costs"].append(cost)
    row |= {name: round(steps / spent) for name, spent in seconds.items()}
    return row | {"ratio": row["saddlescope"] / max(row["numpy"], row["numpy_on_one_thread"])}


if __name__ == "__main__":
    json.dump(measure(*map(int, sys.argv[1:])), sys.stdout)
