"""What a ladder shows: true areas, the measured and the predicted risk, names that do not lie on data."""

import dataclasses
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from saddlescope.arguments import ArgumentError
from saddlescope.plot import ladder as draw_ladder
from saddlescope.plot import new_axes, save
from saddlescope.plot.parts.between import between


def ladder(*arguments: Any, **options: Any) -> Any:
    # matplotlib's types do not say that its lines hold arrays
    return draw_ladder(*arguments, **options)


def lines(ax):
    return {str(line.get_label()): line for line in ax.get_lines()}


def names(ax):
    return [text.get_text() for text in ax.texts]


def test_total_line_is_the_measured_risk(run):
    t, risk = lines(ladder(run))["measured"].get_data()
    at = np.isin(t, run.time)
    assert at.sum() > 100
    assert np.allclose(risk[at], run["risk"][np.isin(run.time, t)], rtol=1e-12)
    # between the steps the curve is the closed form of the run
    residual = np.array([1.0, -1.0, 0.5]) / (1 + (np.asarray(t)[:, None] / [1e-6, 1e-3, 1e-1]) ** 4)
    assert np.allclose(risk, 0.5 * (residual**2).sum(axis=1), atol=2e-4)


def test_areas_are_truthful(run):
    ax = ladder(run)
    layers = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(layers) == 3
    tops = []
    for layer in layers:
        path = np.asarray(layer.get_paths()[0].vertices)
        early = path[np.isclose(path[:, 0], path[:, 0].min())][:, 1]
        tops.append(np.ptp(early))
    # bottom to top: degree 2, 1, 0, each as thick as its share of the risk
    assert np.allclose(tops, [0.125, 0.5, 0.5], atol=1e-3)
    assert ax.get_ylim()[0] == 0
    assert ax.get_yscale() == "linear"


def test_time_axis_starts_a_decade_before_epsilon(run):
    ax = ladder(run)
    assert ax.get_xscale() == "log"
    assert np.allclose(ax.get_xlim(), [1e-7, 10.0])
    assert "time" in ax.get_xlabel()
    assert "risk" in ax.get_ylabel()


def test_every_layer_and_plateau_is_named(run):
    result = names(ladder(run))
    assert {"degree 0", "degree 1", "degree 2"} <= set(result)
    assert {"0.625", "0.125"} <= set(result)  # heights of the plateaus after degrees 0 and 1


def test_names_come_down_with_the_ladder(run):
    ax = ladder(run)
    place = {t.get_text(): t.get_position() for t in ax.texts if "degree" in t.get_text()}
    x, y = zip(*(place[f"degree {k}"] for k in range(3)), strict=True)
    assert list(x) == sorted(x)
    assert list(y) == sorted(y, reverse=True)


def test_prediction_is_dashed_and_its_times_are_marked(run, order):
    ax = ladder(run, order)
    t, risk = lines(ax)["predicted"].get_data()
    assert np.allclose(risk, order.risk(t, 1e-6))
    assert lines(ax)["predicted"].is_dashed()
    marks = [line.get_xdata()[0] for line in ax.get_lines() if np.ptp(line.get_xdata()) == 0]
    assert np.allclose(marks, [1e-6, 1e-3, 1e-1])
    assert [n for n in names(ax) if n.startswith("$t")] == ["$t_{0}$", "$t_{1}$", "$t_{2}$"]


def test_times_without_prediction_are_not_marked(run, order):
    order._times = np.array([1e-6, np.nan, 1e9])
    assert [n for n in names(ladder(run, order)) if n.startswith("$t")] == ["$t_{0}$"]


def test_prediction_is_drawn_as_far_as_it_reaches(run, order):
    assert lines(ladder(run, order))["predicted"].get_xdata()[-1] == pytest.approx(10.0)
    # degree 2 has no prediction: a line to the end would say that it is never learnt
    order._times = np.array([1e-6, 1e-3, np.nan])
    end = lines(ladder(run, order))["predicted"].get_xdata()[-1]
    assert 1e-3 < end < 1e-2
    order._times, order._parts = np.array([1e-6]), order._parts[:1]
    assert lines(ladder(run, order))["predicted"].get_xdata()[-1] < 1e-5
    order._times = np.array([np.nan])
    assert "predicted" not in lines(ladder(run, order))


def test_legend_lies_outside_the_data(run, order):
    for scale in ("linear", "log"):
        ax = ladder(run, order, scale=scale)
        ax.figure.draw_without_rendering()
        legend, data = ax.get_legend().get_window_extent(), ax.get_window_extent()
        assert legend.y0 >= data.y1 or legend.x0 >= data.x1


def test_log_scale_has_a_line_for_each_degree(run):
    ax = ladder(run, scale="log")
    assert ax.get_yscale() == "log"
    assert {"measured", "degree 0", "degree 1", "degree 2"} <= set(lines(ax))
    colours = {lines(ax)[f"degree {k}"].get_color() for k in range(3)}
    assert len(colours) == 3


def test_thin_layers_that_stay_are_named_together(run):
    thin = run["residual"].copy()
    stuck = np.full((len(thin), 2), 0.05)
    residual = np.concatenate([thin, stuck], axis=1)
    changed = run.observables | {
        "residual": residual,
        "residual_rate": np.concatenate([run["residual_rate"], np.zeros_like(stuck)], axis=1),
        "risk_by_degree": 0.5 * residual**2,
        "risk": 0.5 * (residual**2).sum(axis=1),
    }
    ax = ladder(dataclasses.replace(run, observables=changed))
    assert "degrees 3, 4" in names(ax)


def test_risk_of_no_degree_gets_a_layer(run):
    rest = np.full_like(run["risk"], 0.5)
    changed = run.observables | {"risk_rest": rest, "risk": run["risk"] + rest}
    ax = ladder(dataclasses.replace(run, observables=changed))
    assert "higher degrees" in names(ax)
    assert np.isclose(lines(ax)["measured"].get_ydata()[-1], 0.5, atol=1e-9)


def test_axes_given_are_used_and_returned(run):
    ax = new_axes()
    assert ladder(run, ax=ax) is ax


def test_no_global_state(run):
    ladder(run)
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_saved_picture_is_whole_or_not_there(run, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"ladder.{suffix}"
    assert save(ladder(run), path) == path
    kept = path.read_bytes()
    assert kept.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    ax = ladder(run)

    def fail(partial, **_):
        partial.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ax.figure, "savefig", fail)
    with pytest.raises(OSError, match="No space"):
        save(ax, path)
    assert path.read_bytes() == kept
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input(run):
    with pytest.raises(ArgumentError, match=r"`scale` must be \"linear\" or \"log\""):
        ladder(run, scale="lin")
    with pytest.raises(ArgumentError, match="`trajectory` must hold risk_by_degree"):
        ladder(dataclasses.replace(run, observables={"risk": run["risk"]}))


def test_between_is_exact_at_the_steps_and_does_not_overshoot():
    time = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 12)])
    value = np.exp(-50 * time)[:, None]
    # rates that are rounding errors over epsilon, as on a stiff stretch
    noise = np.where(time > 0.3, 1e6, -50 * value[:, 0])[:, None]
    fine = np.geomspace(1e-4, 1.0, 500)
    for rate in (None, -50 * value, noise):
        got = between(fine, time, value, rate)
        assert np.allclose(between(time[1:], time, value, rate), value[1:], rtol=1e-12)
        assert np.all(np.diff(got[:, 0]) <= 1e-15)
    exact = np.abs(between(fine, time, value, -50 * value)[:, 0] - np.exp(-50 * fine)).max()
    blind = np.abs(between(fine, time, value)[:, 0] - np.exp(-50 * fine)).max()
    assert exact < blind
