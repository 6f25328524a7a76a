"""Descents of ours beside the PyTorch loops that people write: `python -m benchmarks.torch_side_by_side WHAT ...`.

Prints JSON: microseconds a step, wall and processor, the fastest of some runs made in turns in one process. Ours
observe some 170 times in a run of any length, told apart (`once`, microseconds): a step is what one more adds. WHAT is
`descent DEPTH WIDTH STEPS` (a deep linear network on the completion MC10), `sgd` (one sample a step, m = 100, d = 1000)
or `full` (1000 fixed samples, m = 100, d = 100). Loops are of autograd and `torch.optim.SGD`, in float64 and float32,
on one thread and on two (`--one-thread`: not on two, whose threads spin where others want the processor); with
`--compiled` also with `torch.compile`, which takes a C++ compiler and minutes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from benchmarks.deep_linear_jumps import COST, GAMMA, SEED

import saddlescope as ss

_RATE = 2e-3
_LONGER = "saddlescope, five times as long"
_TURNS = 2
_SINGLE = ss.SingleIndex(link=[0, 1, 0.5], activation=[0, 1, 0.5, 0.3])
_EPSILON, _ETA, _NEURONS = 0.3, 1e-4, 100


def turns(ours: Callable[[int], Any], loop: Callable[[Any, bool, int], float], steps: int) -> dict[str, Any]:
    """Time all in turns; `ours` is told how many steps, `loop` before that its precision and whether to compile."""
    import torch  # pyright: ignore[reportMissingImports]

    runs: dict[str, Callable[[], Any]] = {"saddlescope": lambda: ours(steps), _LONGER: lambda: ours(5 * steps)}
    for precision in ("float64", "float32"):
        for threads in (1,) if "--one-thread" in sys.argv else (1, 2):

            def plain(precision: str = precision, threads: int = threads) -> float:
                torch.set_num_threads(threads)
                return loop(getattr(torch, precision), False, steps)

            runs[f"torch, {precision}, {threads} thread{'s' * (threads > 1)}"] = plain

    def compiled() -> float:
        torch.set_num_threads(1)
        return loop(torch.float64, True, steps)

    if "--compiled" in sys.argv:
        runs["torch, float64, 1 thread, compiled"] = compiled
    rows: dict[str, Any] = {}
    for turn in range(_TURNS + 1):  # the first compiles
        for name, run in list(runs.items()):
            wall, processor = time.perf_counter(), time.process_time()
            try:
                last = run()
            except Exception as error:  # what torch.compile needs is not everywhere
                rows[name] = {"failure": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:80]}"}
                del runs[name]
                continue
            spent = 1e6 * (time.perf_counter() - wall) / steps, 1e6 * (time.process_time() - processor) / steps
            if turn > 0:
                row = rows.setdefault(name, {"wall": np.inf, "processor": np.inf, "ends": float(last)})
                row |= {"wall": min(row["wall"], spent[0]), "processor": min(row["processor"], spent[1])}
    longer, own = rows.pop(_LONGER), rows["saddlescope"]
    for kind in ("wall", "processor"):
        step = (longer[kind] - own[kind]) / 4  # both are of all their steps over the same number
        own |= {f"once, {kind}": steps * (own[kind] - step), kind: step}
    for row in rows.values():
        if "wall" in row:
            row["ratio"] = row["processor"] / rows["saddlescope"]["processor"]
    return rows | {"load": os.getloadavg()[0]}


def descent(depth: int, width: int, steps: int) -> dict[str, Any]:
    """Full gradient descent of a deep linear network."""
    import torch  # pyright: ignore[reportMissingImports]

    made = ss.GradientDescent(COST, depth, width, GAMMA, 0.01 * width ** (GAMMA / 2), SEED, learning_rate=_RATE)
    start = [np.array(layer) for layer in made.initial]
    seen = torch.tensor(np.asarray(COST.observed))

    def loss_of(W: list[Any], known: Any) -> Any:
        return 0.5 * torch.sum(torch.where(seen, reduce(lambda A, layer: layer @ A, W) - known, 0.0) ** 2)

    compiled = torch.compile(loss_of)

    def loop(precision: Any, fast: bool, steps: int) -> float:
        W = [torch.tensor(layer, dtype=precision, requires_grad=True) for layer in start]
        known, loss = torch.tensor(np.asarray(COST.values), dtype=precision), torch.zeros(())
        optimiser = torch.optim.SGD(W, lr=_RATE)
        for _ in range(steps):
            optimiser.zero_grad()
            loss = (compiled if fast else loss_of)(W, known)
            loss.backward()
            optimiser.step()
        return float(loss)

    def ours(steps: int) -> float:
        return float(ss.solve(made, steps * _RATE, states=2, progress=False)["cost"][-1])

    return turns(ours, loop, steps)


def _of_network(torch: Any, a: Any, u: Any, x: Any, y: Any) -> Any:
    z = x @ u.T
    sigma = z + 0.5 * (z * z - 1) / 2**0.5 + 0.3 * (z**3 - 3 * z) / 6**0.5
    return 0.5 * torch.mean((y - sigma @ a / _NEURONS) ** 2)


def _network(made: Any, start: Any, draw: Callable[[Any, Any], Any], steps: int) -> dict[str, Any]:
    import torch  # pyright: ignore[reportMissingImports]

    start_a, start_u = np.array(start._a[0]), np.array(start._u[0])
    compiled = torch.compile(_of_network)

    def loop(precision: Any, fast: bool, steps: int) -> float:
        a = torch.tensor(start_a, dtype=precision, requires_grad=True)
        u = torch.tensor(start_u, dtype=precision, requires_grad=True)
        rates = [{"params": [a], "lr": _ETA * _NEURONS / _EPSILON}, {"params": [u], "lr": _ETA * _NEURONS}]
        optimiser, loss = torch.optim.SGD(rates), torch.zeros(())
        samples = draw(torch, precision)
        for _ in range(steps):
            x = samples()
            s = x[:, 0]
            y = s + 0.5 * (s * s - 1) / 2**0.5
            optimiser.zero_grad()
            loss = (compiled if fast else _of_network)(torch, a, u, x, y)
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                u /= torch.linalg.vector_norm(u, dim=1, keepdim=True)
        return float(loss)

    def ours(steps: int) -> float:
        return float(ss.solve(made, _ETA * steps, states=2, progress=False)["risk"][-1])

    return turns(ours, loop, steps)


def sgd(steps: int = 2000) -> dict[str, Any]:
    """A fresh sample at every step, drawn by each."""
    made = ss.OnePassSGD(_SINGLE, _EPSILON, _NEURONS, 1000, _ETA)
    whole = ss.OnePassSGD(_SINGLE, _EPSILON, _NEURONS, 1000, _ETA, method="direct")
    return _network(made, whole, lambda torch, precision: lambda: torch.randn(1, 1000, dtype=precision), steps)


def full(steps: int = 300) -> dict[str, Any]:
    """The same samples at every step."""
    made = ss.SampleDescent(_SINGLE, _EPSILON, _NEURONS, 100, _ETA, samples=1000)

    def draw(torch: Any, precision: Any) -> Callable[[], Any]:
        x = torch.randn(1000, 100, dtype=precision)
        return lambda: x

    return _network(made, made, draw, steps)


if __name__ == "__main__":
    what = {"descent": descent, "sgd": sgd, "full": full}
    json.dump(what[sys.argv[1]](*(int(a) for a in sys.argv[2:] if a.isdigit())), sys.stdout)
