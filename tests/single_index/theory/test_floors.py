"""What stays of the risk: beside the limit of SGD at rest, SGD itself, and degrees that an activation lacks."""

from typing import Any

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.single_index.problem.multi_index import MultiIndex
from saddlescope.single_index.theory.floors import noise_floor, unlearnable


@pytest.mark.parametrize("sphere", [True, False])
@pytest.mark.parametrize(
    ("functions", "teachers", "copies", "epsilon"),
    [("erf", 2, 1, float("inf")), ("erf", 1, 2, 1.0), ([0, 1, 0.4], 1, 1, float("inf"))],
)
def test_label_noise_leaves_the_floor_of_the_limit_of_sgd(functions, teachers, copies, epsilon, sphere):
    """The limit, run to its rest from near the teachers; what is left of the difference is of relative order delta."""
    delta, m = 0.01, teachers * copies
    u = np.zeros((m, 1000))
    for i in range(m):
        u[i, i % teachers], u[i, teachers + i] = 0.98, (1 - 0.98**2) ** 0.5
    sgd = ss.OnePassSGD(
        MultiIndex(functions, functions, directions=teachers),
        epsilon,
        step_size=delta / 1000,
        initial=(np.ones(m), u),
        sphere=sphere,
        label_noise=0.5,
    )
    run = ss.solve(ss.SGDLimit(sgd), until=400.0, error_estimate=False)
    assert run["risk"][-1] == pytest.approx(run.accuracy["noise_floor"], rel=5 * delta)


def test_sgd_itself_rests_at_the_floor_with_what_its_second_layer_adds():
    """A linear neuron in one dimension, both layers learning: step / epsilon is as large as step x d."""
    problem = ss.SingleIndex([0, 1.0], [0, 1.0])
    sgd = ss.OnePassSGD(
        problem, 0.05, step_size=5e-4, runs=100, label_noise=0.5, initial=([1.0], np.eye(1, 40)), sphere=False
    )
    run = ss.solve(sgd, until=8.0, states=2)
    late = run["risk"][run.time > 4.0].mean(axis=0)
    error = late.std() / 10
    assert abs(late.mean() - run.accuracy["noise_floor"]) < 4 * error + 0.05 * late.mean()
    first = noise_floor(sgd.problem, 5e-4 * 40, 0.5, run["second_layer"][-1], run["norm"][-1])
    assert late.mean() - first > 5 * error  # the second layer counts


def test_degrees_that_an_activation_lacks_stay():
    problem = MultiIndex([1.0, 1.0, 0.5], "erf", directions=2, weights=[1.0, -1.0])
    # of degree 0 the two teachers cancel; of degree 2 each has (0.5 / 2)^2 / 2
    assert unlearnable(problem) == pytest.approx(2 * 0.25**2 / 2)
    assert unlearnable(MultiIndex("erf", "relu")) == pytest.approx(0.5 * (1 / (6 * np.pi) / 4), rel=0.3)


def test_floors_are_told_and_drawn():
    problem = ss.SingleIndex([0.0, 1.0, 0.5], "erf")
    sizes: dict[str, Any] = {"epsilon": 1.0, "neurons": 2, "dimension": 50}
    flow = ss.solve(ss.NetworkFlow(problem, **sizes), until=20.0)
    sgd = ss.solve(ss.OnePassSGD(problem, step_size=1e-2, label_noise=0.5, **sizes), until=20.0)
    assert flow.accuracy["unlearnable_risk"] == 0.125
    assert "noise_floor" not in flow.accuracy
    from saddlescope.single_index.compare.description_table import compare_descriptions

    table = " ".join(str(compare_descriptions({"flow": [flow], "SGD": [sgd]}, None)).split())
    assert "0.125 of the risk is in degrees that the activation lacks." in table
    assert f"risks are without its 0.125, and it leaves about {sgd.accuracy['noise_floor']:.2g}" in table
    ax = ss.plot.descriptions({"flow": flow, "SGD": sgd}, scale="log")
    written = {text.get_text() for text in ax.texts}
    assert {"degrees that the activation lacks", "left by noise of labels"} <= written
    dotted = [float(np.ravel(line.get_ydata())[0]) for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert dotted == pytest.approx([0.125, 0.125 + sgd.accuracy["noise_floor"]], rel=0.01)
