"""Pictures of sweeps, by their artists: curves beside predictions, slopes, bands, maps."""

from typing import Any

import numpy as np
import pytest
import xarray

from saddlescope import plot
from saddlescope.arguments import ArgumentError
from saddlescope.plot.parts.variables import by_interest

EPSILON = np.logspace(-8, -4, 5)


def axis(name, values, kind):
    return name, (name, np.asarray(values), {"kind": kind})


def ladder(**variables):
    coords: dict[str, Any] = dict([axis("epsilon", EPSILON, "logspace")])
    coords["degree"] = ("degree", np.array([1, 2]), {})
    return xarray.Dataset({name: (("epsilon", "degree"), values) for name, values in variables.items()}, coords)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_measured_points_stand_beside_the_predicted_curve_of_their_degree():
    powers = np.stack([EPSILON**0.5, EPSILON**0.25], axis=1)
    ax = plot.sweep(ladder(measured_time=1.01 * powers, predicted_time=powers))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert labels(ax) == ["degree 1", "degree 2", "predicted"]
    lines: Any = [np.asarray(line.get_ydata()) for line in ax.get_lines() if np.size(line.get_ydata())]
    for k in range(2):
        assert any(np.allclose(line, 1.01 * powers[:, k], rtol=1e-12) for line in lines)
        assert any(np.allclose(line, powers[:, k], rtol=1e-12) for line in lines)


def test_where_nothing_is_predicted_the_slope_is_said_with_its_interval():
    ax = plot.sweep(ladder(time=np.stack([3 * EPSILON**0.5, EPSILON**0.25], axis=1)))
    assert labels(ax)[0].startswith("degree 1 slope 0.5 in [0.5, ")
    assert labels(ax)[1].startswith("degree 2 slope 0.25 in [0.25, ")


def test_times_come_before_other_results_and_what_was_put_in_comes_last():
    powers = np.stack([EPSILON**0.5, EPSILON**0.25], axis=1)
    same = np.ones((5, 2))
    given = {"target": same, "epsilon_value": EPSILON[:, None] * same}
    put_in_first = ladder(**given, left=powers, fraction_time=0.5 * same, time=powers)
    assert plot.sweep(put_in_first).get_ylabel() == "time"
    names = by_interest(put_in_first, list(map(str, put_in_first.data_vars)))
    assert names == ["time", "left", "fraction_time", "target", "epsilon_value"]
    measured = ladder(**given, predicted_cost=powers, measured_cost=powers, predicted_time=powers, measured_time=powers)
    names = by_interest(measured, list(map(str, measured.data_vars)))
    assert names[:4] == ["measured_time", "predicted_time", "measured_cost", "predicted_cost"]
    # what is predicted does not depend on a seed, and is not put in
    foretold = ladder(**given, predicted=same, measured=powers)
    assert by_interest(foretold, ["target", "predicted", "measured"]) == ["measured", "predicted", "target"]
    # a task that failed has no numbers
    done = np.where(EPSILON[:, None] > 1e-7, same, np.nan)
    broken = ladder(target=done, left=powers * done)
    assert plot.sweep(broken).get_ylabel() == "left"


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.5, 0.25, 0.1], "log"),
        ([30, 100, 300], "log"),
        ([1, 2, 3], "linear"),
        ([1, 3, 5], "linear"),
        ([1, 2], "linear"),
    ],
)
def test_a_list_that_grows_by_like_factors_is_drawn_on_a_logarithmic_axis(values, scale):
    coords = dict([axis("width", values, "list")])
    ax = plot.sweep(xarray.Dataset({"moved": (("width",), 1 + np.arange(float(len(values))))}, coords))
    assert ax.get_xscale() == scale
    if scale == "linear":  # 1.5 is no width
        assert np.allclose(ax.get_xticks(), np.round(ax.get_xticks()))


def test_over_seeds_the_mean_has_a_band_of_one_standard_deviation():
    coords = dict([axis("width", [10, 20, 30], "list"), axis("seed", np.arange(4), "seeds")])
    values = np.arange(3.0)[:, None] + np.array([1.0, 2.0, 3.0, 4.0])
    ax = plot.sweep(xarray.Dataset({"moved": (("width", "seed"), values)}, coords))
    (band,) = ax.collections
    corners: Any = band.get_paths()[0].vertices
    spread = np.std([1, 2, 3, 4], ddof=1)
    assert corners[:, 1].min() == pytest.approx(2.5 - spread)
    assert corners[:, 1].max() == pytest.approx(4.5 + spread)
    assert ax.get_ylabel() == "moved, mean over seed"


def test_two_axes_make_a_map_with_contours_and_missing_points_stay_empty():
    coords = dict([axis("gamma", [0.7, 1.0, 2.0], "list"), axis("width", [25, 50, 100, 200], "logspace")])
    values = np.outer([1.0, 10.0, 100.0], [1.0, 2.0, 3.0, 4.0])
    values[2, 3] = np.nan
    ax = plot.sweep(xarray.Dataset({"movement": (("gamma", "width"), values)}, coords), "movement")
    mesh: Any = ax.collections[0]
    drawn = np.ma.filled(mesh.get_array(), np.nan).reshape(4, 3)
    assert np.allclose(drawn, values.T, equal_nan=True)
    assert len(ax.collections) > 1  # the contours
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gamma", "width")
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")


def test_two_axes_with_a_prediction_make_a_curve_for_each_point_of_the_shorter_one():
    coords = dict([axis("epsilon", EPSILON, "logspace"), axis("neurons", [50, 100, 200], "list")])
    values = np.outer(EPSILON**0.5, [3.0, 2.0, 1.0])
    variables = {"time": (("epsilon", "neurons"), values), "predicted_time": (("epsilon", "neurons"), 1.1 * values)}
    ax = plot.sweep(xarray.Dataset(variables, coords))
    assert labels(ax) == ["neurons 50", "neurons 100", "neurons 200", "predicted"]
    lines: Any = [np.asarray(line.get_ydata()) for line in ax.get_lines() if np.size(line.get_ydata())]
    for k in range(3):
        assert any(np.allclose(line, values[:, k]) for line in lines)
        assert any(np.allclose(line, 1.1 * values[:, k]) for line in lines)


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [(0.02, 2e5, [0.1, 10.0, 1e3, 1e5]), (0.06, 60.0, [0.1, 1, 10]), (0.02, 3.0, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2])],
)
def test_contours_of_a_map_are_at_round_numbers(low, high, levels):
    coords = dict([axis("gamma", [1.0, 2.0], "list"), axis("width", [50, 100, 200], "list")])
    values = np.geomspace(low, high, 6).reshape(2, 3)
    ax = plot.sweep(xarray.Dataset({"moved": (("gamma", "width"), values)}, coords))
    drawn: Any = ax.collections[1]
    inside = [level for level in drawn.levels if low <= level <= high]
    assert inside == pytest.approx(levels)
    assert ax.get_yscale() == "log"  # doubled widths are a ladder


def test_a_contour_lies_where_the_colours_say_its_number():
    """A power law on a coarse map: straight in numbers, the line of 1 would pass where the law says .1 to .3."""
    x, y = np.logspace(-4, 0, 3), np.logspace(0, 4, 3)
    coords = dict([axis("epsilon", x, "logspace"), axis("width", y, "logspace")])
    ax = plot.sweep(xarray.Dataset({"moved": (("epsilon", "width"), np.outer(x, y))}, coords))
    lines: Any = ax.collections[1]
    drawn = dict(zip(lines.levels, lines.get_paths(), strict=True))
    assert {0.01, 1.0, 100.0} <= set(drawn)
    for level, path in drawn.items():
        corners = path.vertices[path.codes != path.CLOSEPOLY] if path.codes is not None else path.vertices
        if len(corners):
            assert np.log10(corners[:, 0] * corners[:, 1]) == pytest.approx(np.log10(level), abs=0.02)


def test_points_of_a_design_lie_in_the_plane_of_its_keys():
    coords = dict([axis("point", np.arange(5), "sobol")])
    coords |= {"epsilon": ("point", EPSILON, {}), "gamma": ("point", np.linspace(0.5, 2, 5), {})}
    ax = plot.sweep(xarray.Dataset({"time": ("point", EPSILON)}, coords))
    points: Any = ax.collections[0]
    assert np.allclose(points.get_offsets()[:, 0], EPSILON)
    assert ax.get_xscale() == "log"


def test_what_cannot_be_drawn_is_said_in_a_sentence():
    coords = dict([axis(name, [1.0, 2.0], "list") for name in "abc"])
    cube = xarray.Dataset({"time": (("a", "b", "c"), np.ones((2, 2, 2)))}, coords)
    with pytest.raises(ArgumentError, match="leave at most two axes of a, b, c"):
        plot.sweep(cube)
    assert plot.sweep(cube, at={"a": 1.0}).get_xlabel() == "b"
    with pytest.raises(ArgumentError, match="did you mean `time`"):
        plot.sweep(cube, "tme")
    with pytest.raises(ArgumentError, match="hold a variable of numbers"):
        plot.sweep(cube.drop_vars("time"))
