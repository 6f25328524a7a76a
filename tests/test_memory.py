"""Requests that no machine can hold or finish are refused by the number, before anything is allocated."""

import pytest

import saddlescope as ss
from saddlescope.deep_linear.network.starts import gaussian_start, orthogonal_start
from saddlescope.deep_linear.problem.reference_problems import random_completion
from saddlescope.memory import check_fits, machine_memory

PROBLEM = ss.SingleIndex(link=[0, 1, 1], activation=[0, 1, 1])
HUGE = 10**12


def sgd(**changes):
    asked = {"neurons": 4, "dimension": 10, "step_size": 1e-3} | changes
    return ss.OnePassSGD(PROBLEM, 1.0, **asked)


@pytest.mark.parametrize(
    ("make", "blamed"),
    [
        (lambda: sgd(batch_size=HUGE), "batch_size"),
        (lambda: sgd(batch_size=HUGE, dimension=10**14), "batch_size"),
        (lambda: sgd(runs=HUGE), "runs"),
        (lambda: sgd(neurons=HUGE), "neurons"),
        (lambda: sgd(dimension=10**16, method="direct"), "dimension"),
        (lambda: ss.SampleDescent(PROBLEM, 1.0, neurons=4, dimension=10, step_size=1e-3, samples=HUGE), "samples"),
        (lambda: ss.NetworkFlow(PROBLEM, 1.0, neurons=10**8), "neurons"),
        (lambda: ss.MeanFieldFlow(PROBLEM, 1.0, neurons=10**14), "neurons"),
        (lambda: ss.DeepLinearFlow(ss.LeastSquares([[1.0]]), depth=3, width=10**8, gamma=2.0), "width"),
        (lambda: gaussian_start((2, 2), 10**15, 2, 0.0), "depth"),
        (lambda: gaussian_start((2, 2), 2, 10**15, 1.0), "width"),
        (lambda: orthogonal_start((2, 2), 3, 10**8), "width"),
        (lambda: random_completion(10**8, (1.0,), 5, 0), "size"),
        (lambda: ss.Uniform(-1, 1).sample(10**15, 0), "n"),
    ],
)
def test_what_cannot_fit_is_refused_with_both_sizes(make, blamed):
    with pytest.raises(ss.ArgumentError, match=r"GB, as at least .* GB of memory are needed") as refused:
        make()
    assert refused.value.argument == blamed


def test_what_fits_is_not_refused():
    check_fits(machine_memory() / 8, width=1)
    with pytest.raises(ss.ArgumentError, match="`width`"):
        check_fits(machine_memory() / 8 * 1.01, width=3, depth=2)
    # a wide network in a huge dimension is simulated in few coordinates
    assert sgd(dimension=10**15, neurons=8).method == "gram"


def test_a_flow_is_weighed_by_all_that_a_run_holds(monkeypatch):
    cost = ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]])
    layers = 8 * (2 * 300 + 300**2 + 300 * 2)
    memory = {"bytes": 20.0 * layers}
    monkeypatch.setattr("saddlescope.memory.machine_memory", lambda: memory["bytes"])
    with pytest.raises(ss.ArgumentError, match="`width` must be smaller") as refused:
        ss.DeepLinearFlow(cost, depth=3, width=300, gamma=1.5, compress=False)
    assert refused.value.argument == "width"
    # the narrow network in its place fits, and so does descent, which saves no more than it steps with
    ss.DeepLinearFlow(cost, depth=3, width=300, gamma=1.5)
    ss.GradientDescent(cost, depth=3, width=300, gamma=1.5, learning_rate=1e-3, compress=False)


def test_the_memory_of_the_machine_is_plausible():
    assert machine_memory() > 10**8


@pytest.mark.parametrize("until", [1e300, 1e12])
def test_steps_that_take_years_are_refused(until):
    with pytest.raises(ss.ArgumentError, match="steps of size"):
        ss.solve(sgd(), until=until)


def test_a_request_of_a_spec_is_refused_by_its_key(capsys):
    from saddlescope.cli import main

    assert main(["run", "saddle_to_saddle", "--network.width", str(10**8)]) == 2
    assert "`network.width`" in capsys.readouterr().err
