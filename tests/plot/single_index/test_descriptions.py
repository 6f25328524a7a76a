"""What a picture of descriptions shows, and one of order parameters: means, bands, samples, specialisation."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes._secondary_axes import SecondaryAxis
from matplotlib.collections import FillBetweenPolyCollection

from saddlescope.arguments import ArgumentError
from saddlescope.plot import descriptions as draw_descriptions
from saddlescope.plot import new_axes, order_parameters, save
from saddlescope.plot.parts.canvas import INK
from saddlescope.plot.single_index.order_parameters import specialised
from saddlescope.solve import Outcome
from saddlescope.trajectory import Trajectory

TIME = np.concatenate([[0.0], np.geomspace(1e-3, 100.0, 300)])


def drawn(*arguments: Any, **options: Any) -> Any:
    # matplotlib's types do not say that its lines hold arrays
    return draw_descriptions(*arguments, **options)


def level(kind, rates, **parameters):
    """A level whose runs decay as exp(-rate t)."""
    risk = np.exp(-np.outer(TIME, rates))
    several = len(rates) > 1
    return Trajectory(
        kind=kind,
        observables={"risk": risk if several else risk[:, 0]},
        dims={"risk": ("time", "run") if several else ("time",)},
        coords={"time": TIME} | ({"run": np.arange(len(rates))} if several else {}),
        parameters={"epsilon": 1e-2, "link_coefficients": [1.0, 1.0, 0.5]} | parameters,
        outcome=Outcome.REACHED_END,
    )


SGD = {"step_size": 1e-3, "batch_size": 5}


@pytest.fixture
def runs():
    return {
        "limit": level("MeanFieldFlow", [1.0]),
        "flow": [level("NetworkFlow", [0.9]), level("NetworkFlow", [1.1])],
        "SGD": level("OnePassSGD", [0.5, 1.0, 1.5, 2.0, 2.5], **SGD),
    }


def test_lines_are_means_and_bands_are_quantiles(runs):
    ax = drawn(runs)
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    assert list(lines) == ["limit", "flow, 2 runs", "SGD, 5 runs"]
    t, risk = lines["SGD, 5 runs"].get_data()
    exact = np.exp(-np.outer(t, [0.5, 1.0, 1.5, 2.0, 2.5]))
    assert np.allclose(risk, exact.mean(axis=1), atol=1e-3)
    bands = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(bands) == 2
    corners = np.asarray(bands[1].get_paths()[0].vertices)
    low, high = np.quantile(exact, [0.1, 0.9], axis=1)
    at = np.argmin(np.abs(t - 1.0))
    band = corners[np.isclose(corners[:, 0], t[at], rtol=1e-9), 1]
    assert [band.min(), band.max()] == pytest.approx([low[at], high[at]], abs=1e-3)
    assert lines["limit"].get_color() == INK
    assert len({line.get_color() for line in lines.values()}) == 3


def test_second_axis_counts_samples_where_one_map_applies(runs):
    (above,) = [child for child in drawn(runs).child_axes if isinstance(child, SecondaryAxis)]
    above.figure.draw_without_rendering()  # pyright: ignore[reportAttributeAccessIssue]
    assert above.get_xlim() == pytest.approx(np.multiply(5000, above._parent.get_xlim()))  # pyright: ignore
    assert "samples" in above.get_xlabel()
    runs["other"] = level("OnePassSGD", [1.0], step_size=1e-3, batch_size=10)
    assert not drawn(runs).child_axes
    # two step sizes, but as many samples in a unit of time
    runs["other"] = level("OnePassSGD", [1.0], step_size=2e-3, batch_size=10)
    assert len(drawn(runs).child_axes) == 1


def test_steps_are_drawn_from_the_first_one_on(runs):
    runs["late"] = level("OnePassSGD", [1.0], step_size=1e-3, batch_size=5)
    late = TIME[TIME > 0.5]
    runs["late"].coords["time"] = np.concatenate([[0.0], late])
    runs["late"].observables["risk"] = np.exp(-runs["late"].time)
    ax = drawn(runs)
    assert ax.get_lines()[-1].get_xdata()[0] == pytest.approx(late[0])


def test_prediction_and_scale(runs, order):
    order._times = np.array([np.nan, 0.7, np.nan])
    ax = drawn(runs, order, scale="log")
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["$t_{1}$"]
    assert "predicted" in {line.get_label() for line in ax.get_lines()}
    # names of predicted times stand between the axes and the one that counts samples
    (above,) = ax.child_axes
    ax.figure.draw_without_rendering()
    label = ax.texts[0].get_window_extent()
    assert label.y1 <= above.get_window_extent().y0 + 1
    assert ax.get_window_extent().y1 <= label.y0


def network(kind="NetworkFlow", seed=0):
    """Two neurons that share two teachers up to t = 10, then take one each."""
    states = TIME[::3]
    shared, parting = 0.5 / (1 + 0.1 / np.maximum(states, 1e-9)), 1 / (1 + (10 / np.maximum(states, 1e-9)) ** 4)
    own, other = shared + 0.5 * parting, shared * (1 - parting)
    overlap = np.stack([np.stack([other, own], axis=-1), np.stack([own, other], axis=-1)], axis=1)
    risk = 0.98 / (1 + (10 * TIME) ** 2) + 0.02 / (1 + (TIME / 10) ** 4)
    return Trajectory(
        kind=kind,
        observables={"risk": risk, "overlap": overlap + 0.01 * seed},
        dims={"risk": ("time",), "overlap": ("state_time", "neuron", "direction")},
        coords={"time": TIME, "state_time": states},
        outcome=Outcome.REACHED_END,
    )


def test_every_overlap_has_a_line_and_its_own_teachers_a_strong_one():
    run = network()
    ax = order_parameters(run)
    lines = [line for line in ax.get_lines() if np.size(line.get_xdata()) > 100]
    assert len(lines) == 4
    strong = [line for line in lines if line.get_linewidth() > 2]
    assert [np.asarray(line.get_ydata())[-1] for line in strong] == pytest.approx([1.0, 1.0], abs=0.01)
    t, own = (np.asarray(data) for data in strong[0].get_data())
    at = np.isin(t, run["state_time"])
    assert np.allclose(own[at], np.interp(t[at], run["state_time"], run["overlap"][:, 0, 1]), atol=1e-6)
    assert len({line.get_color() for line in strong}) == 2


def test_symmetric_plateau_is_shaded_and_ends_at_specialisation():
    run = network()
    parted = specialised(run)
    begin = run["state_time"][np.argmax(parted)]
    assert not parted[run["state_time"] < 5].any()
    assert parted[-1]
    ax = order_parameters(run)
    (above,) = ax.child_axes
    assert [text.get_text() for text in above.texts] == ["symmetric plateau"]
    (shade,) = ax.patches
    left, right = shade.get_x(), shade.get_x() + shade.get_width()  # pyright: ignore
    # the risk is within a tenth of 0.02 from t = 2.2 to t = 5.8
    assert 1.5 < left < 3
    assert 4 < right < 1.5 * begin


def test_dots_beside_and_axes_given():
    ax = new_axes()
    assert order_parameters(network(), network("OnePassSGD", seed=1), ax=ax) is ax
    dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert len(dots) == 4
    assert "SGD" in {text.get_text() for text in ax.get_legend().get_texts()}  # pyright: ignore


def test_one_teacher_and_many_runs(tmp_path):
    run = network()
    risk, overlap = np.stack([run["risk"]] * 3, axis=1), np.stack([run["overlap"][..., 0]] * 3, axis=1)
    one = Trajectory(
        kind="OnePassSGD",
        observables={"risk": risk, "overlap": overlap},
        dims={"risk": ("time", "run"), "overlap": ("state_time", "run", "neuron")},
        coords=run.coords | {"run": np.arange(3)},
        outcome=Outcome.REACHED_END,
    )
    ax = order_parameters(one)
    assert ax.get_legend() is None
    assert not specialised(one).any()
    assert save(ax, tmp_path / "o.png", dpi=30).read_bytes().startswith(b"\x89PNG")


def test_bad_input(runs):
    with pytest.raises(ArgumentError, match="`scale` must be"):
        drawn(runs, scale="lin")
    for bad in ({}, {"none": []}):
        with pytest.raises(ArgumentError, match="`runs` must hold at least one"):
            drawn(bad)
    runs["limit"].parameters.pop("epsilon")
    with pytest.raises(ArgumentError, match="`runs` must hold trajectories with a risk and an epsilon"):
        drawn(runs)
    with pytest.raises(ArgumentError, match="`trajectory` must hold overlap"):
        order_parameters(runs["SGD"])
    other = network()
    other.observables["overlap"] = other["overlap"][:, :1]
    with pytest.raises(ArgumentError, match="`beside` must hold overlaps of shape"):
        order_parameters(network(), other)
