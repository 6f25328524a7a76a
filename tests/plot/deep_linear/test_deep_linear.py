"""Pictures of deep linear networks: curves are the data, predictions are dashed, names are there and cover nothing."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.plot import descent as draw_descent
from saddlescope.plot import new_axes, phase_diagram, plane, regimes, save
from saddlescope.plot import singular_values as draw_singular_values
from saddlescope.plot.parts.canvas import spread
from saddlescope.solve import Outcome
from saddlescope.trajectory import Trajectory


def descent(*arguments: Any, **options: Any) -> Any:
    # matplotlib's types do not say that its lines hold arrays
    return draw_descent(*arguments, **options)


def singular_values(*arguments: Any, **options: Any) -> Any:
    return draw_singular_values(*arguments, **options)


JUMPS = np.array([10.0, 20.0])
COSTS = np.array([6.5, 2.0, 0.0])
SADDLES = np.array([np.diag([0.0, 0.0, 0.0]), np.diag([3.0, 0.0, 0.0]), np.diag([3.0, 2.0, 0.0])])


def rise(time, at):
    return 1 / (1 + np.exp(-3 * (time - at)))


def made(jumps=JUMPS, **more: Any) -> Trajectory:
    time = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 400)])
    first, second = rise(time, jumps[0]), rise(time, jumps[1])
    product = 3.0 * first[:, None, None] * np.diag([1.0, 0, 0]) + 2.0 * second[:, None, None] * np.diag([0, 1.0, 0])
    singular = np.linalg.svd(product + 1e-4 * np.eye(3), compute_uv=False)
    cost = 6.5 - 4.5 * first - 2.0 * second
    return Trajectory(
        kind="MadeUp",
        observables={
            "cost": cost,
            "cost_rate": -13.5 * first * (1 - first) - 6.0 * second * (1 - second),
            "test_error": np.sqrt(np.maximum(cost, 1e-9) / 6.5),
            "product": product,
            "singular_values": singular,
        }
        | more,
        dims={},
        coords={"time": time},
        parameters={"scale": 0.5},
        outcome=Outcome.REACHED_END,
    )


@pytest.fixture
def run():
    return made()


@pytest.fixture
def path():
    segments = tuple(np.linspace(a, b, 5) for a, b in pairwise(SADDLES))
    return SimpleNamespace(costs=COSTS, ranks=np.arange(3), products=SADDLES, jump_times=JUMPS, segments=segments)


def lines(ax: Any) -> dict[str, Any]:
    return {str(line.get_label()): line for line in ax.get_lines()}


def names(ax):
    return [text.get_text() for text in ax.texts]


def marks(ax: Any):
    return sorted({float(line.get_xdata()[0]) for line in ax.get_lines() if np.ptp(line.get_xdata()) == 0})


def test_descent_is_the_cost_beside_the_staircase(run, path):
    ax = descent(run, path)
    t, cost = lines(ax)["measured"].get_data()
    inside = np.isin(t, run.time)
    assert inside.sum() > 50
    assert np.allclose(cost[inside], run["cost"][np.isin(run.time, t)], rtol=1e-12)
    stairs = lines(ax)["predicted"]
    assert stairs.is_dashed()
    for at, height in ((5.0, 6.5), (15.0, 2.0), (25.0, 0.0)):
        x, y = (np.asarray(data) for data in stairs.get_data())
        assert y[np.flatnonzero(x <= at)[-1]] == height
    assert marks(ax) == JUMPS.tolist()
    assert names(ax) == ["$t_{1}$", "$t_{2}$", "rank 0: 6.5", "rank 1: 2", "rank 2"]
    assert ax.get_xscale() == ax.get_yscale() == "linear"


def test_descent_in_log_time_and_log_cost(run, path):
    ax = descent(run, path, time="log", scale="log")
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert 0 < ax.get_xlim()[0] < JUMPS[0]
    assert marks(ax) == JUMPS.tolist()


def test_descent_without_jump_times_has_lines_at_the_costs(run, path):
    path.jump_times = np.full(2, np.nan)
    ax = descent(run, path)
    dashed = [line.get_ydata()[0] for line in ax.get_lines() if line.is_dashed()]
    assert dashed == COSTS.tolist()
    assert ax.get_xscale() == "log"
    assert "predicted" not in lines(descent(run))


def test_jump_times_of_a_limit_are_scaled(run, path):
    path.times = lambda scale: JUMPS / scale**2 / 4
    assert marks(descent(run, path)) == JUMPS.tolist()


def test_names_of_short_steps_are_left_out(run, path):
    path.jump_times = np.array([10.0, 10.2])
    assert [n for n in names(descent(run, path)) if "rank" in n] == ["rank 0: 6.5", "rank 2"]


def test_no_text_of_the_descent_leaves_the_picture_or_touches_another(run, path):
    for jumps in (JUMPS, np.full(2, np.nan)):
        path.jump_times = jumps
        ax = descent(run, path)
        ax.figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in ax.texts] + [ax.get_legend().get_window_extent()]
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
        assert all(ax.figure.bbox.x0 <= box.x0 and box.x1 <= ax.figure.bbox.x1 for box in boxes)


def test_modes_are_the_singular_values_and_the_rank_stands_above(run, path):
    ax = singular_values(run, path)
    (above,) = ax.child_axes
    t, first = lines(ax)["$s_{1}$"].get_data()
    known = np.isin(t, run.time)
    assert np.allclose(first[known], run["singular_values"][np.isin(run.time, t), 0], rtol=1e-9)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert above.get_xlim() == ax.get_xlim()
    assert "rank" in above.get_ylabel()
    assert names(ax)[:2] == ["$s_{1}$", "$s_{2}$"]
    assert [n for n in names(above) if n.startswith("$t")] == ["$t_{1}$", "$t_{2}$"]
    dashed = sorted({round(float(line.get_ydata()[0]), 9) for line in ax.get_lines() if line.is_dashed()})
    assert dashed == [2.0, 3.0]
    rank = above.get_lines()[0].get_ydata()
    assert rank[-1] == pytest.approx(np.exp(-(0.6 * np.log(0.6) + 0.4 * np.log(0.4))), rel=1e-3)


def test_plane_keeps_distances_of_saddles_that_lie_in_it(run, path):
    ax = plane(run, path)
    places = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert np.linalg.norm(places[a] - places[b]) == pytest.approx(np.linalg.norm(SADDLES[a] - SADDLES[b]))
    assert names(ax) == ["rank 0", "rank 1", "rank 2"]
    assert ax.get_aspect() == 1.0
    curve = np.column_stack(lines(ax)["run"].get_data())
    assert np.allclose(curve[-1], places[2], atol=1e-6)
    assert lines(ax)["greedy path, scale → 0"].is_dashed()
    x, y = ax.get_xlim(), ax.get_ylim()
    assert np.all((curve > [x[0], y[0]]) & (curve < [x[1], y[1]]))


def test_regimes_stand_side_by_side(run):
    other = made(jumps=JUMPS / 2)
    left, right = regimes({"small": run, "large": other})
    assert set(lines(left)) == {"small", "large"}
    assert lines(left)["small"].get_ydata()[0] == pytest.approx(1.0, abs=1e-3)
    assert len({line.get_color() for line in left.get_lines()}) == 2
    assert len({str(line.get_linestyle()) + str(line.is_dashed()) for line in left.get_lines()}) == 2
    assert left.get_xlim() == right.get_xlim()
    assert "cost" in left.get_title(loc="left")
    assert "test error" in right.get_title(loc="left")
    left, right = regimes({"one": made(test_error=np.full(401, np.nan))})
    assert left.get_legend() is None
    assert names(right) == ["nothing is held out"]


def test_phase_diagram_shows_measured_and_predicted_powers():
    gammas, widths = np.array([0.5, 1.0, 2.0]), np.array([10, 100, 1000])
    slopes = np.array([[-0.25, 0.0, 0.0], [0.25, 0.0, -0.5]])
    result: Any = SimpleNamespace(
        depth=2,
        gammas=gammas,
        widths=widths,
        minimum=widths ** slopes[0][:, None],
        saddle=widths ** slopes[1][:, None],
        slopes=slopes,
        predicted_slopes=lambda g: np.array([np.interp(g, gammas, row) for row in slopes]),
    )
    left, right = phase_diagram(result)
    (mesh,) = left.collections
    assert np.asarray(mesh.get_array()).max() == pytest.approx(1.5)  # 1000^(1/4 + 1/4)
    points = lines(right)
    assert np.array_equal(points["$d_m$, to a minimum"].get_ydata(), slopes[0])
    assert np.array_equal(points["$d_s$, to a saddle"].get_ydata(), slopes[1])
    assert points["predicted"].is_dashed()
    assert names(right) == ["lazy", "saddle to saddle"]
    shown = np.asarray(mesh.get_array())
    for name in ("gammas", "minimum", "saddle"):  # the order of gamma makes no difference to the cells
        setattr(result, name, getattr(result, name)[[1, 2, 0]])
    result.slopes = slopes[:, [1, 2, 0]]
    (mesh,) = phase_diagram(result)[0].collections
    assert np.array_equal(np.asarray(mesh.get_array()), shown)


def test_axes_given_are_used_and_returned(run, path):
    for draw in (descent, singular_values, plane):
        ax = new_axes()
        assert draw(run, path, ax=ax) is ax
    pair = new_axes(), new_axes()
    assert regimes({"one": run}, ax=pair) == pair


def test_pictures_can_be_saved(run, path, tmp_path):
    for draw in (descent, singular_values, plane):
        assert save(draw(run, path), tmp_path / "p.png", dpi=30).read_bytes().startswith(b"\x89PNG")


def test_names_move_apart_as_little_as_needed():
    assert spread([0.9, 0.5], 0.1) == [0.9, 0.5]
    moved = spread([0.50, 0.50, 0.50], 0.1)
    assert np.allclose(np.diff(moved), -0.1, atol=1e-3)
    assert np.mean(moved) == pytest.approx(0.5)


def test_bad_input(run, path):
    bare = Trajectory(
        "MadeUp", {"risk": np.ones(3)}, {"risk": ("time",)}, {"time": np.arange(3.0)}, outcome=Outcome.REACHED_END
    )
    for draw, name in ((descent, "cost"), (singular_values, "singular_values")):
        with pytest.raises(ArgumentError, match=f"`trajectory` must hold {name}"):
            draw(bare)
    with pytest.raises(ArgumentError, match="`trajectory` must hold product"):
        plane(bare, path)
    with pytest.raises(ArgumentError, match="`time` must be"):
        descent(run, time="sqrt")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="`scale` must be"):
        descent(run, scale="lin")  # pyright: ignore[reportArgumentType]
    path.products = path.products[:1]
    with pytest.raises(ArgumentError, match="`path` must visit at least two"):
        plane(run, path)
    with pytest.raises(ArgumentError, match="`result` must be distances over gamma and width"):
        phase_diagram(run)
    with pytest.raises(ArgumentError, match="`runs` must"):
        regimes({})
    with pytest.raises(ArgumentError, match="with a cost"):
        regimes({"bare": bare})
