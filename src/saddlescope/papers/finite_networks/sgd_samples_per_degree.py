"""How many fresh samples each degree needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.single_index import NetworkFlow, OnePassSGD, SingleIndex
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINK = [1.0, -1.0, 1.0]
_ACTIVATION = [1.0, 1.0, 0.5]  # no degree beyond the link's, which at this epsilon would keep degree 2 half learnt


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt, epsilon, m = SingleIndex(_LINK, _ACTIVATION), parameters["epsilon"], parameters["neurons"]
    dimensions = np.array(parameters["dimensions"])
    samples, expected = np.zeros((2, len(dimensions), 3))
    for i, d in enumerate(dimensions):
        step = parameters["share"] / d
        flow = solve(NetworkFlow(learnt, epsilon, m, int(d), seed=1), parameters["until"])
        sgd = solve(OnePassSGD(learnt, epsilon, m, int(d), step, seed=1, runs=parameters["runs"]), parameters["until"])
        results = [
            learning_times(time=sgd.time, residual=sgd["residual"][:, run], target=_LINK)
            for run in range(parameters["runs"])
        ]
        samples[i] = np.mean(results, axis=0) / step
        others = [
            learning_times(solve(NetworkFlow(learnt, epsilon, m, int(d), seed=1 + run), parameters["until"]))
            for run in range(1, parameters["runs"])
        ]
        expected[i] = np.mean([learning_times(flow), *others], axis=0) / step
    ratios = samples[-1] / expected[-1]
    return Result(
        {f"degree-{k}": float(ratios[k]) for k in range(3)}
        | {"control-order": float(samples[-1, 2] / expected[-1, 1])},
        curves=(dimensions, samples, expected),
    )


def _draw(result: Result) -> Axes:
    dimensions, samples, expected = result.curves
    ax = axes()
    for k in range(3):
        measured(ax, dimensions, samples[:, k], k, f"degree {k}")
        predicted(ax, dimensions, expected[:, k], "flow's time over step size")
    return finished(ax, "dimension $d$", "samples until the degree is learnt", log="xy")


def _criterion(degree: int) -> Criterion:
    return Criterion(
        f"degree-{degree}",
        f"samples until degree {degree} is learnt, over the flow's learning time divided by the step size",
        "relative",
        0.1,
        "SGD follows the flow to the order of eta d times the square of output weights, which grow to several; runs "
        "scatter by a few percent",
        claimed=1.0,
        finite_size="d = 300 (full: 1000), eta d = 0.01, 4 (8) starts; at eta d = 0.05 degree 2 "
        "needs 30 % more than the flow",
        power="a clock other than steps times step size; noise that drowns a degree",
    )


EXPERIMENT = Experiment(
    title="Samples that each degree needs",
    claim="With a step size of order 1/d, degree l is learnt after (learning time of the flow) / eta samples: a number "
    "proportional to d, times the separated scales of the degrees.",
    source="Berthier, Montanari, Zhou (2023), sample complexity of one-pass SGD",
    criteria=(
        *(_criterion(k) for k in range(3)),
        Criterion(
            "control-order",
            "samples for degree 2, beside those that the flow's time for degree 1 gives",
            "relative",
            0.1,
            "the bound of the true rows",
            claimed=1.0,
            control=True,
        ),
    ),
    quick={"epsilon": 0.1, "neurons": 20, "until": 2.0, "share": 0.01, "runs": 4, "dimensions": [100, 300]},
    full={
        "epsilon": 0.1,
        "neurons": 20,
        "until": 2.0,
        "share": 0.01,
        "runs": 8,
        "dimensions": [100, 300, 1000],
    },
    run=_run,
    draw=_draw,
)
