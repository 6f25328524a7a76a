"""The infinitely wide network of two layers beside its closed form, SciPy, finite networks, and its two limits."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import sqrtm

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.deep_linear import lazy_limit, mixed_mode, mixed_mode_time


@pytest.mark.parametrize("k", [1e-8, 1e-3, 0.7, 300.0])
def test_modes_take_their_closed_form(k):
    strength = np.array([3.0, 1.0])
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((2, 2)))[0]
    end = 1.3 * float(mixed_mode_time(0.99, 1.0, k))
    run = ss.solve(ss.WideLinearFlow(ss.LeastSquares(turn * strength), scale=k**0.5), end)
    learnt = np.einsum("ji,tjk->tik", turn, run["product"])
    exact = mixed_mode(run.time[:, None], strength, k)
    assert np.allclose(np.einsum("tii->ti", learnt), exact, rtol=1e-4, atol=1e-6 * min(k, 1.0))
    assert run.accuracy["integration_error"] < 1e-5
    assert run.doubts == ()


def test_the_closed_form_solves_its_equation_and_is_inverted():
    for s, k in ((2.0, 1e-6), (0.5, 3.0), (1.0, 1e4), (1e-5, 1.0)):
        r = np.hypot(s, k)
        times = np.array([0.01, 0.5, 2.0]) / r
        twin = solve_ivp(lambda t, a: 2 * np.hypot(a, k) * (s - a), (0, times[-1]), [0.0], "DOP853", times,  # noqa: B023
                         rtol=1e-12, atol=1e-14 * min(s, k))  # fmt: skip
        assert mixed_mode(times, s, k) == pytest.approx(twin.y[0], rel=1e-9)
        assert mixed_mode_time(mixed_mode(times, s, k), s, k) == pytest.approx(times, rel=1e-9)
    assert mixed_mode_time(1.0, 1.0, 0.1) == np.inf
    assert mixed_mode_time(0.0, 1.0, 0.1) == 0.0
    assert mixed_mode(3.0, 0.0, 1.0) == 0.0


def test_a_completion_of_any_shape_follows_the_equation_as_it_is_written():
    random = np.random.default_rng(3)
    target, seen, k = random.standard_normal((3, 5)), random.random((3, 5)) < 0.7, 0.3
    run = ss.solve(ss.WideLinearFlow(ss.MatrixCompletion(target, observed=seen), scale=k**0.5), 6.0)

    def velocity(_, y):
        A = y.reshape(3, 5)
        G = np.where(seen, A - target, 0.0)
        left, right = sqrtm(A @ A.T + k**2 * np.eye(3)), sqrtm(A.T @ A + k**2 * np.eye(5))
        return -(np.real(left) @ G + G @ np.real(right)).ravel()

    twin = solve_ivp(velocity, (0, 6.0), np.zeros(15), "DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
    scaled = run["product"][-1] - twin.reshape(3, 5)
    assert np.abs(scaled).max() < 2e-5
    assert run["cost_rate"][1:].max() <= 0


def test_networks_of_growing_width_tend_to_it_like_one_over_the_square_root():
    target = np.diag([2.0, 1.0, 0.4])
    gaps = []
    for width in (100, 6400):
        far = []
        for seed in range(3):
            flow = ss.DeepLinearFlow(ss.LeastSquares(target), 2, width, gamma=1.0, scale=1.0, seed=seed)
            ends = ss.solve(flow, 1.0, error_estimate=False)["product"][-1]
            far.append(np.linalg.norm(ends - ss.solve(ss.WideLinearFlow(ss.LeastSquares(target)), 1.0)["product"][-1]))
        gaps.append(np.mean(far))
    assert 4.0 < gaps[0] / gaps[1] < 16.0  # sqrt(64) = 8


def test_a_large_start_is_lazy():
    cost = ss.LeastSquares([[2.0, 0.3], [0.0, -1.0]])
    k = 1e5
    run = ss.solve(ss.WideLinearFlow(cost, scale=k**0.5), 2.0 / k)
    lazy = lazy_limit(cost, np.zeros((2, 2)), 2, k, run.time)
    assert np.abs(run["product"] - lazy).max() < 1e-4


def test_the_table_tells_lazy_from_active():
    flow = ss.WideLinearFlow(ss.LeastSquares(np.diag([4.0, 0.1])), scale=0.1)  # k = .01
    table = ss.compare(ss.solve(flow, 60.0))
    strong, weak = table.rows
    assert strong["measured"] == pytest.approx(strong["predicted"], rel=1e-4)
    assert strong["predicted"] == pytest.approx(strong["active"], rel=1e-3)
    assert weak["measured"] == pytest.approx(weak["predicted"], rel=1e-4)
    assert weak["predicted"] < 0.5 * weak["lazy"]
    completion = ss.WideLinearFlow(
        ss.MatrixCompletion([[1.0, np.nan], [0.5, 1.0]], observed=np.array([[True, False], [True, True]]))
    )
    assert any("Nothing is predicted" in d for d in ss.compare(ss.solve(completion, 2.0)).doubts)


def test_arguments():
    cost = ss.LeastSquares([[1.0]])
    with pytest.raises(ss.ArgumentError, match="`scale` must be at least"):
        ss.WideLinearFlow(cost, scale=1e-6)
    with pytest.raises(ss.ArgumentError, match="`cost` must be a cost"):
        ss.WideLinearFlow(np.eye(2))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ss.ArgumentError, match="`k` must be finite and positive"):
        mixed_mode(1.0, 1.0, 0.0)
    with pytest.raises(ss.ArgumentError, match="`level` must be at most the target"):
        mixed_mode_time(2.0, 1.0, 1.0)


def test_a_spec_of_it_runs_from_the_command_line(tmp_path, capsys):
    assert main(["run", "mixed_modes", "--out", str(tmp_path / "out"), "--dynamics.until", "20"]) == 0
    told = capsys.readouterr().out
    assert "infinite width, k 0.1" in told
    run = ss.load(tmp_path / "out" / "trajectory.nc")
    assert run.kind == "WideLinearFlow"
    exact = mixed_mode(run.time[:, None], [5.0, 1.0, 0.2, 0.04], 0.1)
    assert np.abs(run["singular_values"] - exact).max() < 1e-4
    assert (tmp_path / "out" / "singular_values.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("--network.scale=1e-9", "`network.scale` must be another one with network.limit: k ="),
        ("--network.depth=3", "`network.depth` in spec mixed_modes must be 2 with network.limit"),
        ("--dynamics.until=auto", "`dynamics.until` in spec mixed_modes must be a number with network.limit"),
        ("--dynamics.weight_decay=0.1", "`dynamics.weight_decay` in spec mixed_modes must be 0 with network.limit"),
    ],
)
def test_what_a_limit_cannot_be_is_said(change, said, tmp_path, capsys):
    assert main(["run", "mixed_modes", "--out", str(tmp_path / "out"), *change.split("=")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
