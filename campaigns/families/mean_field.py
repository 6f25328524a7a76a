"""Mean-field flows of given particles, against the flow in atanh of the overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import first_time, graph_distance, thinned
from campaigns.draws import flip, integer, numbers, one_of, sign, size
from campaigns.references.integration import ReferenceFailedError, Solution
from campaigns.references.mean_field import MeanField, merged
from campaigns.stated import stated_error

_KINDS = {
    "random": 4.0,
    "tiny growth": 3.0,
    "small target": 1.0,
    "edge": 2.0,
    "alike": 2.0,
    "strong pull": 1.5,
    "fast second layer": 2.0,
    "weights": 1.0,
    "fine": 1.0,
}


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A start of one to six particles, a link and an activation of at most six coefficients."""
    kind = one_of(rng, list(_KINDS), list(_KINDS.values()))
    degree, m = integer(rng, 1, 5), integer(rng, 1, 6)
    link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
    if flip(rng, 0.3):
        link = [float(np.round(x)) for x in link]
        activation = [float(np.round(x)) for x in activation]
    epsilon = size(rng, 1e-3, 3)
    a, s = numbers(rng, m, 2), [0.0] * m
    weights: list[float] | None = None
    if kind == "tiny growth":
        # degree 0 is away or at rest, degree 1 gives the kick, a higher one the growth
        phi1 = sign(rng) * size(rng, 1e-14, 1e-3)
        link[0], link[1] = one_of(rng, [0.0, link[0]]), phi1
        activation[1] = activation[1] or 1.0
        if degree >= 2:
            link[2] = sign(rng) * (1 + abs(link[2]))
            activation[2] = sign(rng) * (1 + abs(activation[2]))
        epsilon = size(rng, 1e-3, 1)
    elif kind == "small target":
        k = integer(rng, 0, degree)
        link[k] = sign(rng) * size(rng, 1e-9, 1e-4)
        activation[k] = activation[k] or 1.0
        epsilon = size(rng, 1e-7, 1)
    elif kind == "edge":
        near = [0.0, 1.0, -1.0, 1 - 1e-3, 1 - 1e-8, 1 - 1e-13, -1 + 1e-5, 0.5, 1e-13, -1e-6]
        s = [float(one_of(rng, near)) for _ in range(m)]
    elif kind == "alike":
        half = numbers(rng, (m + 1) // 2, 1)
        a = one_of(rng, [[half[0]] * m, (half + [-x for x in half])[: max(m, 2)]])
        s = [0.0] * len(a)
        if flip(rng, 0.3):
            s = [float(rng.choice([0.3, -0.7])) if x >= 0 else 0.1 for x in a]
    elif kind == "strong pull":
        link = [x * size(rng, 1, 30) for x in link]
        epsilon = size(rng, 1e-2, 1)
    elif kind == "fast second layer":
        epsilon = size(rng, 1e-14, 1e-5)
    elif kind == "weights":
        raw = 10 ** rng.uniform(-8, 0, m)
        weights = [float(w) for w in raw / raw.sum()]
    elif kind == "fine":
        s = [float(x) for x in np.round(rng.uniform(-1, 1, m), 3)]
    link[-1] = link[-1] or 1.0
    if not any(activation):
        activation[-1] = 1.0
    if not any(a):
        a[0] = 1.0
    return {
        "kind": kind,
        "link": link,
        "activation": activation,
        "epsilon": epsilon,
        "a": a,
        "s": s,
        "weights": weights,
        "horizon": size(rng, 0.3, 100),
        "end": one_of(rng, ["horizon", "after a time"], [2, 1]),
        "degree": integer(rng, 0, degree),
        "past": one_of(rng, [1.0005, 1.01, 1.3]),
        "way": one_of(rng, ["plain", "finer", "permuted", "split", "rescaled"], [6, 1, 1, 1, 1]),
    }


def judge(p: dict[str, Any]) -> Answer:
    """Run the flow, and another of the same answer where `way` says so."""
    link, activation = _padded(p["link"], p["activation"])
    a, s = np.array(p["a"]), np.array(p["s"])
    weights = np.full(len(a), 1 / len(a)) if p["weights"] is None else np.array(p["weights"])
    model = MeanField(link, activation, p["epsilon"], *merged(a, s, weights))
    force = float(np.linalg.norm(link) * np.linalg.norm(activation)) + float(activation @ activation)
    until = p["horizon"] / min(max(force, 1e-3), 1e3)
    until = max(until, p["epsilon"] * (1 if p["epsilon"] > 1e-3 else 100))
    right, other = references(model, 1.05 * until)
    if p["end"] == "after a time":
        times = right.times()
        if np.isfinite(times[p["degree"]]) and times[p["degree"]] > 0:
            until = min(until, p["past"] * float(times[p["degree"]]))
    return compared(run(p, p["way"], until), right, other, rtol=1e-8 if p["way"] == "finer" else 1e-6)


def run(p: dict[str, Any], way: str, until: float) -> tuple[ss.Trajectory, float]:
    """The trajectory, and the factor by which link and activation were rescaled."""
    a, s = np.array(p["a"]), np.array(p["s"])
    weights = None if p["weights"] is None else np.array(p["weights"])
    link, activation = np.array(p["link"]), np.array(p["activation"])
    keys: dict[str, Any] = {}
    rescaled = 1.0
    if way == "permuted":
        order = np.argsort(a, kind="stable")
        a, s, weights = a[order], s[order], None if weights is None else weights[order]
    elif way == "split":
        shares = np.full(len(a), 1 / len(a)) if weights is None else weights
        a, s, weights = np.tile(a, 2), np.tile(s, 2), np.tile(shares / 2, 2)
    elif way == "rescaled":
        # link and activation times c: the same motion, c^2 times faster
        rescaled = 3.0
        link, activation = rescaled * link, rescaled * activation
    elif way == "finer":
        keys = {"rtol": 1e-8, "atol": 1e-18}
    flow = ss.MeanFieldFlow(ss.SingleIndex(link, activation), p["epsilon"], initial=(a, s), weights=weights)
    return ss.solve(flow, until / rescaled**2, max_steps=30_000, **keys), rescaled


def references(model: MeanField, end: float) -> tuple[Course, Course]:
    """Two references by different methods."""
    try:
        stiff = model.epsilon < 0.1
        other = model.solve(end, "Radau" if stiff else "DOP853", 1e-9 if stiff else 1e-11)
        return Course(model, model.solve(end)), Course(model, other)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None


@dataclass(frozen=True)
class Course:
    """A model and its solution."""

    model: MeanField
    solution: Solution

    def risk(self, t: np.ndarray) -> np.ndarray:
        """R at times t (N,)."""
        return self.model.risk(self.solution(t))

    def share_left(self, t: np.ndarray, degree: int) -> np.ndarray:
        """(phi_k - sigma_k M_k) / phi_k at times t (N,)."""
        return self.model.residual(self.solution(t))[:, degree] / self.model.link[degree]

    def times(self) -> np.ndarray:
        """First times at which the residual of a degree is half its target, shape (K,); nan where there is none."""
        grid = self.solution.grid()
        result = np.full(len(self.model.link), np.nan)
        for k in np.flatnonzero(self.model.link):
            result[k] = first_time(lambda t, k=int(k): self.share_left(t, k), 0.5, grid)
        return result


def compared(made: tuple[Any, float], right: Course, other: Course, rtol: float = 1e-6) -> Answer:
    """Risk and learning times beside those of the reference."""
    trajectory, rescaled = made
    end = right.solution.end
    scale = float(right.risk(np.zeros(1))[0])
    stated = stated_error(trajectory, rtol)
    at, _ = thinned(other.solution.times, other.solution.times, 200)
    unsure = graph_distance(at, other.risk(at), right.risk, scale)
    times, values = thinned(trajectory.time, trajectory["risk"])
    error = graph_distance(times * rescaled**2, values / rescaled**2, right.risk, scale, end)
    checks = [Check("risk", error, stated, unsure)]
    got, wanted, second = ss.learning_times(trajectory) * rescaled**2, right.times(), other.times()
    reached = float(trajectory.time[-1]) * rescaled**2
    for k, phi in enumerate(right.model.link):
        if phi == 0 or (np.isnan(wanted[k]) and np.isnan(got[k])):
            continue
        late = reached * (1 - 10 * stated)
        if wanted[k] > late or (np.isnan(wanted[k]) and got[k] > late):
            continue  # it comes as the run ends
        apart = abs(second[k] / wanted[k] - 1) if wanted[k] > 0 else 0.0
        if np.isnan(wanted[k]) or np.isnan(got[k]) or wanted[k] == 0:
            error = 0.0 if got[k] == wanted[k] == 0 else _missed(right, k, reached)
            checks.append(Check(f"time {k}", error, stated, 0.0 if np.isnan(apart) else apart))
            continue
        checks.append(Check(f"time {k}", abs(got[k] / wanted[k] - 1), stated, apart))
    return Answer(trajectory.outcome, tuple(trajectory.doubts), tuple(checks))


def _missed(right: Course, k: int, reached: float) -> float:
    """By how much a residual would have to change for a degree to be learnt in one of two runs only."""
    grid = right.solution.grid()
    left = right.share_left(np.append(grid[grid < reached], reached), k)
    return abs(float((left * np.sign(left[0])).min()) - 0.5)


def _padded(link: list[float], activation: list[float]) -> tuple[np.ndarray, np.ndarray]:
    degree = max(len(link), len(activation))
    return np.pad(link, (0, degree - len(link))), np.pad(activation, (0, degree - len(activation)))


FAMILY = Family("mean-field flow", 10.0, draw, judge)
