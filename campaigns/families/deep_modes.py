"""Deep linear flows whose modes part: every mode a chain with a reference of its own, however tiny it starts."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import first_time, graph_distance, thinned
from campaigns.draws import flip, integer, one_of, sign, size
from campaigns.references.integration import ReferenceFailedError, Solution
from campaigns.references.modes import Chain
from campaigns.stated import stated_error

# numbers from which a mode escapes in a time that can be run, by depth
_SMALLEST = {1: 1e-13, 2: 1e-13, 3: 1e-5, 4: 1e-3, 5: 1e-2}
_LONGEST = 1e7


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """One to three modes of one to five layers: learnt already, tiny, of the wrong sign, equal, balanced or not."""
    depth, n = integer(rng, 1, 5), one_of(rng, [2, 3], [2, 1])
    targets, chains = [], []
    for mode in range(n):
        repeated = mode > 0 and flip(rng, 0.25)
        s = targets[-1] if repeated else float(np.round(rng.uniform(0.3, 3), 2))
        targets.append(s)
        start = one_of(rng, ["learnt", "tiny", "small", "order one", "above"], [3, 4, 3, 1, 1])
        if start == "learnt":
            chain = [s ** (1 / depth)] * depth
        else:
            low, high = {
                "tiny": (_SMALLEST[depth], max(1e-4, 10 * _SMALLEST[depth])),
                "small": (max(1e-4, _SMALLEST[depth]), 0.3),
                "order one": (0.3, 1.0),
                "above": (1.0, 2.5),
            }[start]
            if flip(rng, 0.5):
                chain = [size(rng, low, high)] * depth
            else:
                chain = [size(rng, low, high) for _ in range(depth)]
            signs = [sign(rng) for _ in range(depth)]
            if flip(rng, 0.8):
                signs[0] = float(np.prod(signs[1:]))  # on the side of its target
            chain = [w * x for w, x in zip(chain, signs, strict=True)]
        chains.append(chain)
    return {
        "depth": depth,
        "targets": targets,
        "chains": chains,
        "mode": integer(rng, 0, n - 1),
        "past": one_of(rng, [0.9, 1.001, 1.05, 1.5, 5.0]),
        "extra": one_of(rng, [0, 2, 20], [3, 2, 1]),
        "turned": flip(rng, 0.4),
        "seed": integer(rng, 0, 999),
        "compress": one_of(rng, ["auto", False]),
        "way": one_of(rng, ["plain", "finer", "rescaled"], [4, 1, 1]),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Run the flow of all modes, and every chain by itself."""
    depth, targets = p["depth"], np.array(p["targets"])
    chains = [Chain(s, np.array(w)) for s, w in zip(targets, p["chains"], strict=True)]
    try:
        until = p["past"] * _half_time(chains, p["mode"])
        right = [chain.solve(1.05 * until) for chain in chains]
        other = [chain.solve(1.05 * until, "Radau", 1e-9) for chain in chains]
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    smallest = min(float(np.abs(chain.weights).min()) for chain in chains)
    # turned frames round at 1e-16 of the largest number, which a small mode takes for a part of its start
    largest = max(float(np.abs(chain.weights).max()) for chain in chains)
    turned = p["turned"] and smallest > 1e-5 * largest and all(chain.grows for chain in chains)
    # a weak mode that is learnt first turns towards a stronger one, at the rate s_i^(1 - 2 / L) (s_j - s_i): only exact
    # zeros between the modes keep it where it is, and rounding of turned frames does not
    turning = max(s ** (1 - 2 / depth) * (targets.max() - s) for s in targets)
    turned = turned and turning * until < 15
    cost, layers = _network(p, targets, turned)
    keys: dict[str, Any] = {"rtol": 1e-8, "atol": min(1e-10 * smallest, 0.1)} if p["way"] == "finer" else {}
    factor = 2.0 if p["way"] == "rescaled" else 1.0
    flow = ss.DeepLinearFlow(
        ss.LeastSquares(factor * cost),
        initial=[factor ** (1 / depth) * W for W in layers],
        compress=p["compress"],
    )
    clock = factor ** (2 - 2 / depth)
    run = ss.solve(flow, until / clock, max_steps=30_000, **keys)

    def products(t: np.ndarray, solutions: list[Solution]) -> np.ndarray:
        return np.stack([c.product(y, t) for c, y in zip(chains, solutions, strict=True)], axis=1)

    def total(t: np.ndarray, solutions: list[Solution] = right) -> np.ndarray:
        return 0.5 * np.sum((products(t, solutions) - targets) ** 2, axis=1)

    stated = stated_error(run)
    # where the cost starts at zero, its unit is that of an error of the size that is stated
    scale = max(float(total(np.zeros(1))[0]), stated * float(targets @ targets))
    reached = 1.05 * until
    at = np.unique(np.concatenate([y.times for y in other]))
    at = at[np.unique(np.linspace(0, len(at) - 1, 200).astype(int))]
    rounding = 1e-15 * largest / smallest if turned else 0.0
    unsure = graph_distance(at, total(at, other), total, scale, reached) + rounding
    times, values = thinned(run.time, run["cost"])
    checks = [Check("cost", graph_distance(times * clock, values / factor**2, total, scale, reached), stated, unsure)]
    times, singular = thinned(run.time, run["singular_values"])
    for mode in range(len(targets)):

        def size_of(t: np.ndarray, mode: int = mode) -> np.ndarray:
            return -np.sort(-np.abs(products(t, right)), axis=1)[:, mode]

        unit = float(targets.max())
        error = graph_distance(times * clock, singular[:, mode] / factor, size_of, unit, reached)
        checks.append(Check(f"singular value {mode}", error, stated, unsure))
    # that data leave something open is no doubt about the run
    doubts = tuple(doubt for doubt in run.doubts if doubt not in flow.remarks)
    return Answer(run.outcome, doubts, tuple(checks))


def _network(p: dict[str, Any], targets: np.ndarray, turned: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """The target and the layers, in frames that are random where `turned`."""
    rng, n, depth = np.random.default_rng(p["seed"]), len(targets), p["depth"]
    sizes = [n] + [n + p["extra"]] * (depth - 1) + [n]
    frames = [np.linalg.qr(rng.standard_normal((k, k)))[0] if turned else np.eye(k) for k in sizes]
    layers = []
    for level in range(depth):
        W = np.zeros((sizes[level + 1], sizes[level]))
        W[:n, :n] = np.diag([chain[level] for chain in p["chains"]])
        layers.append(frames[level + 1] @ W @ frames[level].T)
    return frames[-1] @ np.diag(targets) @ frames[0].T, layers


def _half_time(chains: list[Chain], mode: int) -> float:
    """The time at which a mode has come half way to its target, or a few of its time-scales where it never does."""
    chain = chains[mode]
    depth, horizon = len(chain.weights), 2.0
    unit = max(chain.s, float(np.abs(chain.weights).max()) ** depth) ** (2 - 2 / depth)
    begun = abs(float(np.prod(chain.weights)) - chain.s)
    if not chain.in_logs or begun < 1e-9 or not chain.grows:
        return 5.0 / unit
    while horizon < _LONGEST:
        solution = chain.solve(horizon)

        def left(t: np.ndarray, solution: Solution = solution) -> np.ndarray:
            return np.abs(chain.product(solution, t) - chain.s)

        result = first_time(left, 0.5 * begun, solution.grid())
        if np.isfinite(result):
            return max(result, 0.1 / unit)
        horizon *= 8
    raise UnsuitableError("the mode takes too long")


FAMILY = Family("deep linear modes", 6.0, draw, judge)
