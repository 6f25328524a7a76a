"""One-pass SGD against the gradient flow it discretises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import exponent
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import NetworkFlow, OnePassSGD
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _start(neurons: int, dimension: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(dimension)
    a = 3**0.5 * (2 * np.arange(neurons) + 1 - neurons) / neurons
    u = random.standard_normal((neurons, dimension))
    return a, u / np.linalg.norm(u, axis=1, keepdims=True)


def _gap(parameters: Mapping[str, Any], dimension: int, share: float) -> tuple[float, Any]:
    """Largest gap in risk to the flow from the same start, mean over runs."""
    learnt, epsilon, until = problem([1.0, -1.0, 1.0]), parameters["epsilon"], parameters["until"]
    start = _start(parameters["neurons"], dimension)
    sgd = solve(OnePassSGD(learnt, epsilon, step_size=share / dimension, initial=start, runs=parameters["runs"]), until)
    flow = solve(NetworkFlow(learnt, epsilon, initial=start), until)
    limit = np.interp(sgd.time, flow.time, flow["risk"])
    return float(np.abs(sgd["risk"] - limit[:, None]).max(axis=0).mean()), (sgd, flow)


def _run(parameters: Mapping[str, Any]) -> Result:
    shares, dimensions = np.array(parameters["shares"]), np.array(parameters["dimensions"])
    by_share = [_gap(parameters, parameters["dimension"], share) for share in shares]
    by_dimension = [_gap(parameters, int(d), parameters["share"])[0] for d in dimensions]
    gaps = np.array([gap for gap, _ in by_share])
    return Result(
        {"rate": exponent(shares, gaps).value, "dimension": exponent(dimensions, by_dimension).value},
        curves=(shares, gaps, dimensions, np.array(by_dimension), by_share[-1][1]),
    )


def _draw(result: Result) -> Axes:
    shares, gaps, _, _, (sgd, flow) = result.curves
    left, right = two_axes()
    for number in range(sgd["risk"].shape[1]):
        name = "SGD, each run" if number == 0 else "_"
        left.plot(sgd.time, sgd["risk"][:, number], color="#56B4E9", linewidth=1.0, alpha=0.7, label=name)
    predicted(left, flow.time, flow["risk"], "gradient flow")
    finished(left, "time $t$ = steps × step size", "excess risk", columns=2)
    measured(right, shares, gaps, 4, "largest gap in risk")
    predicted(right, shares, gaps[0] * (shares / shares[0]) ** 0.5, "power 1/2")
    finished(right, r"step size × dimension, $\eta d$", "largest gap in risk", log="xy", columns=2)
    return left


EXPERIMENT = Experiment(
    title="One-pass SGD follows the flow",
    claim="SGD on fresh samples with step size eta follows the gradient flow up to an error that is at most of order "
    "(eta d)^(1/2): with eta of order 1/d it does so in any dimension.",
    source="Berthier, Montanari, Zhou (2023), finite samples and SGD",
    criteria=(
        Criterion(
            "rate",
            "power of eta d in the largest gap in risk",
            "at least",
            0.1,
            "the bound is an upper one: the gap may fall faster; a mean over few runs scatters by a tenth",
            claimed=0.5,
            finite_size="d = 200, eta d from 0.4 to 0.025",
        ),
        Criterion(
            "dimension",
            "power of d in the gap at constant eta d",
            "at most",
            0.1,
            "no growth with d; it may fall, since the noise of a step is of order eta^(1/2)",
            claimed=0.0,
            finite_size="d up to 1000 (full: 10^4)",
        ),
    ),
    quick={
        "epsilon": 0.1,
        "neurons": 10,
        "until": 1.5,
        "runs": 8,
        "dimension": 200,
        "shares": [0.4, 0.2, 0.1, 0.05, 0.025],
        "share": 0.1,
        "dimensions": [100, 300, 1000],
    },
    full={
        "epsilon": 0.1,
        "neurons": 10,
        "until": 1.5,
        "runs": 32,
        "dimension": 200,
        "shares": [0.4, 0.2, 0.1, 0.05, 0.025],
        "share": 0.1,
        "dimensions": [100, 300, 1000, 3000, 10000],
    },
    run=_run,
    draw=_draw,
)
