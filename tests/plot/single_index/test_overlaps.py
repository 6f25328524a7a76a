"""Which neurons carry the action."""

import dataclasses

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.plot import overlaps


def curves(ax):
    return [line for line in ax.get_lines() if len(line.get_xdata()) > 2]


def test_curves_are_saved_states_against_initial_weights(run):
    ax = overlaps(run, times=[10.0, 1e-9, 0.0])
    shown = curves(ax)
    assert len(shown) == 3
    for line, state in zip(shown, (-1, 1, 0), strict=True):
        assert np.array_equal(line.get_xdata(), run["second_layer"][0])
        assert np.array_equal(line.get_ydata(), run["overlap"][state])


def test_looks_half_way_between_learning_times_and_names_what_was_learnt(run):
    labels = [str(line.get_label()) for line in curves(overlaps(run))]
    assert len(labels) == 2  # degree 0 moves no overlap
    assert "degree 1 learnt" in labels[0]
    assert "degree 2 learnt" in labels[1]
    # T_1 = 1e-3, T_2 = 1e-1: half way is 1e-2, and the nearest saved state is within half a step of the grid
    looked = float(labels[0].split("=")[1].split()[0])
    assert abs(np.log10(looked / 1e-2)) <= 0.5 * 10 / 39 + 0.01


def test_share_of_neurons_that_carry_a_degree(run):
    # one neuron in fifty, 2 % of the weight, has all the overlap
    overlap = np.zeros_like(run["overlap"])
    overlap[1:, -1] = 0.9
    ax = overlaps(dataclasses.replace(run, observables=run.observables | {"overlap": overlap}))
    assert all("90 % of it by 2 % of the neurons" in str(line.get_label()) for line in curves(ax))


def test_degrees_learnt_at_once_share_a_curve(run):
    residual = run["residual"].copy()
    residual[:, 2] = -0.5 * residual[:, 1]
    changed = run.observables | {"residual": residual}
    changed.pop("residual_rate")
    labels = [str(line.get_label()) for line in curves(overlaps(dataclasses.replace(run, observables=changed)))]
    assert len(labels) == 1
    assert "degree 1 and 2 learnt" in labels[0]


def test_nothing_learnt_shows_the_end(run):
    residual = np.tile(run["residual"][:1], (len(run.time), 1))
    changed = run.observables | {"residual": residual}
    changed.pop("residual_rate")
    shown = curves(overlaps(dataclasses.replace(run, observables=changed)))
    assert len(shown) == 1
    assert np.array_equal(shown[0].get_ydata(), run["overlap"][-1])


def test_output_weights_instead(run):
    ax = overlaps(run, of="second_layer")
    assert np.array_equal(curves(ax)[0].get_ydata(), run["second_layer"][0])
    assert "output weight" in ax.get_ylabel()


def test_bad_input(run):
    with pytest.raises(ArgumentError, match="`of` must be"):
        overlaps(run, of="weight")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="`times` must hold finite numbers"):
        overlaps(run, times=[np.nan])
    bare = {"risk": run["risk"]}
    with pytest.raises(ArgumentError, match="`trajectory` must hold second_layer"):
        overlaps(dataclasses.replace(run, observables=bare))
