"""A second layer that is held fixed: one word, the same as an infinite epsilon, in every description."""

import json
import math

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.specs import SpecError, read

INF = float("inf")
LADDER = ss.SingleIndex([1.0, -1.0, 1.0], [1.0, 1.0, 0.5])
COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2)
ONES = {"law": "point_masses", "points": [1.0]}
SIZES = {"neurons": 3, "dimension": 40, "seed": 2}
STEPS = SIZES | {"step_size": 0.01}


@pytest.mark.parametrize(
    ("kind", "problem", "sizes"),
    [
        (ss.NetworkFlow, COMMITTEE, SIZES),
        (ss.OnePassSGD, COMMITTEE, STEPS),
        (ss.SampleDescent, COMMITTEE, STEPS | {"samples": 60}),
        (ss.MeanFieldFlow, LADDER, {"neurons": 3}),
    ],
)
def test_fixed_is_epsilon_infinite_and_weights_of_one(kind, problem, sizes):
    word = ss.solve(kind(problem, second_layer="fixed", **sizes), until=2.0, states=20)
    number = ss.solve(kind(problem, INF, second_layer=ONES, **sizes), until=2.0, states=20)
    both = kind(problem, INF, second_layer="fixed", **sizes)
    assert word.parameters == number.parameters == both.describe()
    assert np.array_equal(word["risk"], number["risk"])
    assert np.all(word["second_layer"] == 1)
    assert word["risk"][-1] < 0.9 * word["risk"][0]  # the first layer has learnt


def test_given_weights_stay_as_they_are():
    u = np.eye(3, 8)
    a = np.array([0.3, -1.0, 2.0])
    flow = ss.NetworkFlow(LADDER, second_layer="fixed", initial=(a, np.roll(u, 1, axis=1)))
    sgd = ss.OnePassSGD(LADDER, second_layer="fixed", step_size=1e-3, initial=(a, u))
    for run in (ss.solve(flow, until=1.0), ss.solve(sgd, until=1.0)):
        assert np.all(run["second_layer"] == a)


def test_with_its_second_layer_held_one_neuron_turns_as_in_closed_form():
    """y = h_1, f = a h_1 with a = 1: s' = 1 - s^2, so that s = tanh(t + artanh s(0))."""
    problem = ss.SingleIndex([0.0, 1.0], [0.0, 1.0])
    u = np.array([[0.01, math.sqrt(1 - 0.01**2)]])
    run = ss.solve(ss.NetworkFlow(problem, second_layer="fixed", initial=([1.0], u)), until=8.0, rtol=1e-8)
    exact = np.tanh(run["state_time"] + math.atanh(0.01))
    assert np.abs(run["overlap"][:, 0] - exact).max() < 1e-6


@pytest.mark.parametrize("kind", [ss.NetworkFlow, ss.MeanFieldFlow, ss.OnePassSGD])
def test_what_contradicts_it_is_refused(kind):
    sizes = {ss.NetworkFlow: SIZES, ss.MeanFieldFlow: {}, ss.OnePassSGD: STEPS}[kind]
    with pytest.raises(ss.ArgumentError, match=r"Argument `epsilon` must be inf or left out beside second_layer=\"fix"):
        kind(LADDER, 0.1, second_layer="fixed", **sizes)
    with pytest.raises(ss.ArgumentError, match=r"Argument `epsilon` must be given \(or else second_layer=\"fixed\"\)"):
        kind(LADDER, **sizes)


def test_nothing_is_predicted_of_an_order_that_needs_a_second_layer():
    with pytest.raises(ss.ArgumentError, match=r'`second_layer` must be "fixed" or name a known law'):
        ss.NetworkFlow(LADDER, 0.1, 3, second_layer="frozen")
    flow = ss.MeanFieldFlow(LADDER, second_layer="fixed")
    table = str(ss.compare(ss.solve(flow, until=2.0)))
    assert "second layer fixed" in table
    assert "theory" not in table


SPEC = """
family = "network"

[problem]
link = [0.0, 1.0]
activation = [0.0, 1.0]

[dynamics]
until = 3.0
neurons = 3
dimension = 40
second_layer = "fixed"

[[run]]
name = "flow"
kind = "network"

[[run]]
name = "SGD"
kind = "sgd"
step_size = 1e-2
"""


def test_a_spec_says_it_in_the_same_word(tmp_path, capsys):
    path = tmp_path / "fixed.toml"
    path.write_text(SPEC)
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "second layer fixed" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    assert record["epsilon"] == "infinite"
    assert record["predicted_times"] is None
    assert (tmp_path / "out" / "descriptions.png").exists()
    assert np.all(ss.load(tmp_path / "out" / "trajectory_SGD.nc")["second_layer"] == 1)
    # what was written repeats the run, and the number says the same
    assert read(str(tmp_path / "out" / "spec.toml")).dynamics.epsilon is None  # pyright: ignore
    path.write_text(SPEC.replace('"fixed"', '{ law = "point_masses", points = [1.0] }\nepsilon = inf'))
    first = {n: f[0].describe() for n, f in read(str(path)).flows().items()}  # pyright: ignore
    assert first["flow"]["epsilon"] == INF


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("until = 3.0", "until = 3.0\nepsilon = 0.1"), "`dynamics.epsilon` .* must be inf or left out beside second_"),
        (('second_layer = "fixed"', ""), r"`dynamics.epsilon` .* must be given \(or else second_layer = \"fixed\"\)"),
        (("until = 3.0", "until = 3.0\nepsilon = -1"), "`dynamics.epsilon` .* must be positive"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(tmp_path, change, message):
    path = tmp_path / "fixed.toml"
    path.write_text(SPEC.replace(*change))
    with pytest.raises(SpecError, match=message):
        read(str(path))
