"""`saddlescope run` on deep linear networks: from end to end, and what each row of its table says."""

import json
import math
from typing import Any

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, greedy_low_rank, saddle_to_saddle_limit
from saddlescope.deep_linear.compare.saddles import SaddlePath, saddle_rows
from saddlescope.deep_linear.until_learnt import lowest_cost, solve_until_learnt, time_to_learn
from saddlescope.families import study
from saddlescope.solve import Outcome
from saddlescope.solve.run import _ATTEMPTS, _RTOL
from saddlescope.specs import read
from saddlescope.trajectory import Trajectory, load

# two modes at depth 3: a second, and jump times that the limit predicts to a few per cent
SPEC = """
family = "deep_linear"
title = "Two modes"

[problem]
kind = "target"
matrix = [[3.0, 0.0, 0.0], [0.0, 1.5, 0.0]]

[network]
depth = 3
width = 12
gamma = 2.0
scale = 0.1
seed = 1
"""
COMPARED = """
[[compare]]
name = "a/b"
gamma = 0.5
scale = 1.0

[[compare]]
name = "a b"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run and its record."""
    folder = tmp_path_factory.mktemp("deep")
    (folder / "two.toml").write_text(SPEC)
    assert main(["run", str(folder / "two.toml"), "--out", str(folder / "out")]) == 0
    return folder / "out", json.loads((folder / "out" / "stages.json").read_text())


def test_files_of_a_run(run):
    out, record = run
    files = ["descent.png", "plane.png", "singular_values.png", "spec.toml", "stages.json", "trajectory.nc"]
    assert sorted(p.name for p in out.iterdir()) == files == sorted(record["files"])
    assert all((out / name).read_bytes().startswith(b"\x89PNG") for name in files if name.endswith("png"))


def test_table_is_the_limit_beside_the_run(run):
    out, record = run
    cost = LeastSquares([[3.0, 0.0, 0.0], [0.0, 1.5, 0.0]])
    limit = saddle_to_saddle_limit(cost, 3, 12, 2.0, 1)
    rows = record["saddles"]
    assert [row["rank"] for row in rows] == [0, 1, 2]
    # closed forms: half the squares of the modes not learnt, gradients that are the modes themselves
    assert np.allclose([row["predicted_cost"] for row in rows], [5.625, 1.125, 0.0], atol=1e-9)
    assert np.allclose([row["strength"] for row in rows[:2]], [3.0, 1.5], rtol=1e-6)
    assert np.allclose([row["exponent"] for row in rows[:2]], [0.5, 1.0], rtol=1e-6)
    assert np.allclose([row["predicted_time"] for row in rows[:2]], limit.times(0.1), rtol=1e-9)
    assert np.allclose([row["measured_over_predicted"] for row in rows[:2]], 1.0, atol=0.05)
    assert np.allclose([row["measured_cost"] for row in rows[:2]], [5.625, 1.125], rtol=1e-3)
    assert all(row["flat"] for row in rows[:2])
    assert all(row["off_path"] < 0.5 for row in rows[:2])
    run = load(out / "trajectory.nc")
    assert run["cost"][-1] == pytest.approx(record["final_cost"])
    assert run["cost"][-1] / run["cost"][0] <= 1e-6 < run["cost"][-5] / run["cost"][0]
    assert "fell to 1e-06 of its start" in record["message"]


def test_saved_spec_repeats_the_run(run, tmp_path, capsys):
    out, record = run
    assert main(["run", str(out / "spec.toml"), "--out", str(tmp_path), "--picture.plane", "false"]) == 0
    again = json.loads((tmp_path / "stages.json").read_text())
    assert again["saddles"] == record["saddles"]
    assert not (tmp_path / "plane.png").exists()
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= max(80, len(str(tmp_path)) + 40)
    assert "The run rests at rank 0, 1." in printed
    assert "jacot2021" in printed
    assert "…" not in printed


def test_run_that_ends_before_the_second_jump(run, tmp_path, capsys):
    out, record = run
    end = (record["saddles"][0]["measured_time"] + record["saddles"][1]["measured_time"]) / 2
    assert main(["run", str(out / "spec.toml"), "--dynamics.until", str(end), "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "stages.json").read_text())["saddles"]
    assert rows[0]["measured_time"] == pytest.approx(record["saddles"][0]["measured_time"], rel=1e-4)
    assert rows[1]["measured_time"] is None
    assert rows[1]["measured_cost"] == pytest.approx(1.125, rel=1e-2)
    assert rows[2]["measured_cost"] is None
    assert "rests at rank 0, 1." in capsys.readouterr().out


def test_several_starts_side_by_side(tmp_path, capsys):
    (tmp_path / "two.toml").write_text(SPEC + COMPARED)
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "two.toml"), "--out", str(out)]) == 0
    files = ["regimes.png", "spec.toml", "stages.json", "trajectory_a_b.nc", "trajectory_a_b_2.nc"]
    assert sorted(p.name for p in out.iterdir()) == files
    runs = json.loads((out / "stages.json").read_text())["runs"]
    assert runs["a/b"]["regime"]["predicted"] == "lazy"
    card = runs["a b"]["regime"]
    assert card["predicted"] == card["measured"]
    assert "saddle" in card["measured"]
    assert card["flat_share"] > 0.5
    # the card and the curves are of one run
    assert card["test_error"] == runs["a b"]["final_test_error"]
    assert f"a b: {card['verdict']}" in " ".join(capsys.readouterr().out.split())
    assert load(out / "trajectory_a_b.nc").parameters["gamma"] == 0.5
    # the next run in this folder is a single one: nothing of the old result stays
    (tmp_path / "one.toml").write_text(SPEC)
    assert main(["run", str(tmp_path / "one.toml"), "--out", str(out), "--network.depth", "2"]) == 0
    assert not {"regimes.png", "trajectory_a_b.nc", "trajectory_a_b_2.nc"} & {p.name for p in out.iterdir()}
    assert "At depth 2 jump times are predicted to leading order" in " ".join(capsys.readouterr().out.split())


def test_ratings_from_a_file(tmp_path, capsys):
    lines = [
        f"{i},{j},{(i + 1) * (j + 1)}" for i in range(4) for j in range(5) if (i, j) not in {(3, 4), (0, 0), (2, 2)}
    ]
    (tmp_path / "ratings.csv").write_text("row,column,value\n" + "\n".join(lines) + "\n")
    network = "[network]\ndepth = 3\nwidth = 12\ngamma = 2.5\n"
    problem = '[problem]\nkind = "ratings"\nfile = "ratings.csv"\nheld_out = 0.2\n'
    (tmp_path / "r.toml").write_text(f'family = "deep_linear"\n{problem}{network}[theory]\nmax_rank = 2\n')
    assert main(["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    # a table of rank one: what was held back is found
    assert [row["rank"] for row in record["saddles"]] == [0, 1]
    assert record["final_test_error"] < 0.01
    assert "ratings 4 x 5" in capsys.readouterr().out


@pytest.mark.parametrize("depth", [2, 3])
def test_a_table_of_people_and_items_is_learnt_with_train_and_test_error(tmp_path, capsys, depth):
    """A small twin of the 943 x 1682 tables that are public: whole numbers from 1 to 5, tabs, no header."""
    random = np.random.default_rng(0)
    taste = 3.5 + 0.8 * random.standard_normal((60, 2)) @ random.standard_normal((2, 90))
    rated = random.permutation(60 * 90)[:2500]
    stars = np.clip(np.rint(taste), 1, 5).ravel()[rated].astype(int)
    lines = [f"{p // 90 + 1}\t{p % 90 + 1}\t{star}\t881250949" for p, star in zip(rated, stars, strict=True)]
    (tmp_path / "u.data").write_text("\n".join(lines) + "\n")
    problem = '[problem]\nkind = "ratings"\nfile = "u.data"\nlabels = true\nheld_out = 0.2\ncentre = true\n'
    network = f"[network]\ndepth = {depth}\nwidth = 4\ngamma = 1.0\nscale = 0.3\n"
    # until the two directions of taste are learnt, and not the rounding
    until = 0.5 if depth == 2 else 1.0
    how = f'[dynamics]\nkind = "sgd"\nlearning_rate = 1e-3\nuntil = {until}\n[solver]\nstates = 3\n'
    (tmp_path / "u.toml").write_text(f'family = "deep_linear"\n{problem}{network}{how}[theory]\nsaddles = false\n')
    assert main(["run", str(tmp_path / "u.toml"), "--out", str(tmp_path / "out")]) == 0
    fitted, held_out = json.loads((tmp_path / "out" / "stages.json").read_text())["root_mean_squares"]
    assert fitted < held_out < 0.6 * np.std(stars)
    assert f"Root mean square error {fitted:.4g} of an observed entry" in " ".join(capsys.readouterr().out.split())


def test_large_tables_tell_their_memory_and_are_not_predicted_unasked(tmp_path):
    lines = [f"{i},{(7 * i) % 800},{i % 5 + 1}" for i in range(400)]
    (tmp_path / "r.csv").write_text("\n".join(lines) + "\n0,799,3\n")
    problem = '[problem]\nkind = "ratings"\nfile = "r.csv"\n'
    network = "[network]\ndepth = 2\nwidth = 5\ngamma = 2.0\n"
    (tmp_path / "r.toml").write_text(f'family = "deep_linear"\n{problem}{network}')
    job: Any = study(read(str(tmp_path / "r.toml"), []), "large")
    assert job.doing == "Solving, in about 0.027 GB of memory ..."
    assert "400 x 800, unless theory.max_rank" in job.predict()
    assert lowest_cost(job.cost, 2, 5) == 0.0  # at once: no path is followed


def test_phase_diagram(tmp_path, capsys):
    grid = ["--grid.widths", "16,64", "--grid.gammas", "0.5,2.0", "--network.depth", "2"]
    assert main(["run", "distances", *grid, "--out", str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["distances.json", "phase_diagram.png", "spec.toml"]
    record = json.loads((tmp_path / "distances.json").read_text())
    assert record["predicted_slopes"] == {"d_m": [-0.25, 0.0], "d_s": [0.25, -0.5]}
    assert record["slopes"]["d_m"][0] == pytest.approx(-0.25, abs=0.1)
    assert record["slopes"]["d_s"] == pytest.approx([0.25, -0.5], abs=0.12)
    printed = " ".join(capsys.readouterr().out.split())
    assert "At width 64, a minimum for gamma 0.5; a saddle for gamma 2." in printed


def test_a_phase_diagram_that_is_stopped_keeps_the_seeds_that_are_done(tmp_path, monkeypatch, capsys):
    import sys

    from saddlescope.deep_linear import distance_grid, distances

    asked = []

    def stopped(cost, weights):
        asked.append(weights)
        if len(asked) > 6:
            raise KeyboardInterrupt
        return distances(cost, weights)

    monkeypatch.setattr(sys.modules[distance_grid.__module__], "distances", stopped)
    grid = ["--grid.widths", "8,16", "--grid.gammas", "0.5,2.0", "--network.depth", "2", "--network.samples", "3"]
    assert main(["run", "distances", *grid, "--network.seed", "4", "--out", str(tmp_path)]) == 130
    out, err = capsys.readouterr()
    assert "the partial result is kept" in err
    assert "Stopped by the user: seed 4 only." in " ".join(out.split())
    record = json.loads((tmp_path / "distances.json").read_text())
    cost = LeastSquares(np.diag([2.0, 1.5, 1.0, 0.5]))
    asked.clear()
    alone = distance_grid(cost, 2, gammas=[0.5, 2.0], widths=[8, 16], seeds=[4])
    assert record["d_m"] == alone.minimum.tolist()


def test_one_layer_and_a_lazy_start_have_no_saddles(tmp_path, capsys):
    (tmp_path / "two.toml").write_text(SPEC)
    words = ["run", str(tmp_path / "two.toml"), "--out", str(tmp_path / "out")]
    assert main([*words, "--network.depth", "1"]) == 0
    assert "neither saddles nor regimes" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "--network.gamma", "0.5", "--network.scale", "1"]) == 0
    assert "Verdict" in capsys.readouterr().out
    assert {"regimes.png", "singular_values.png"} <= {p.name for p in (tmp_path / "out").iterdir()}


def test_a_narrow_network_ends_at_the_saddle_it_can_hold(tmp_path):
    (tmp_path / "two.toml").write_text(SPEC)
    assert main(["run", str(tmp_path / "two.toml"), "--network.width", "1", "--out", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    assert [row["rank"] for row in record["saddles"]] == [0, 1]
    assert record["final_cost"] == pytest.approx(1.125, rel=1e-5)
    assert "minimum 1.125" in record["message"]


def made_up(cost, rate, time):
    return Trajectory(
        kind="MadeUp",
        observables={"cost": cost, "cost_rate": rate},
        dims={},
        coords={"time": time},
        outcome=Outcome.REACHED_END,
    )


def path(costs):
    escapes = greedy_low_rank(LeastSquares(np.diag([3.0, 2.0, 1.0])), 2).escapes[: len(costs) - 1]
    products = np.zeros((len(costs), 3, 3))
    times = np.full(len(costs) - 1, math.nan)
    return SaddlePath(np.array(costs), np.arange(len(costs)), products, times, escapes, None, True, "", ())


def test_jumps_are_half_way_and_plateaus_where_the_cost_falls_slowest():
    time = np.linspace(0.0, 30.0, 3001)
    cost = 4 / (1 + np.exp(4 * (time - 10))) + 2 / (1 + np.exp(4 * (time - 20)))
    rows = saddle_rows(made_up(cost, np.gradient(cost, time), time), path([6.0, 2.0, 0.0]))
    assert [row.measured_time for row in rows[:2]] == pytest.approx([10.0, 20.0], abs=1e-3)
    assert [row.measured_cost for row in rows] == pytest.approx([6.0, 2.0, 0.0], abs=1e-6)
    assert [row.flat for row in rows[:2]] == [True, True]
    # the second saddle is passed: jumps too close for the cost to rest
    cost = 4 / (1 + np.exp(4 * (time - 10))) + 2 / (1 + np.exp(4 * (time - 10.5)))
    rows = saddle_rows(made_up(cost, np.gradient(cost, time), time), path([6.0, 2.0, 0.0]))
    assert [row.flat for row in rows[:2]] == [True, False]


def test_time_to_learn_is_of_the_right_order():
    cost = LeastSquares(np.diag([2.0, 1.0]))
    for depth, gamma, scale in ((2, 2.0, 1e-3), (3, 0.5, 1.0), (3, 2.0, 0.2)):
        flow = DeepLinearFlow(cost, depth, 16, gamma, scale)
        run = solve_until_learnt(flow, 1e-2)
        assert run.outcome == "REACHED_TARGET"
        assert 0.02 < run.time[-1] / time_to_learn(flow) < 50


def test_a_cost_that_stays_high_is_doubted():
    # the start is at a saddle for good: nothing breaks the symmetry
    flow = DeepLinearFlow(LeastSquares(np.diag([2.0, 1.0])), initial=[np.zeros((2, 2))] * 3)
    run = solve_until_learnt_quickly(flow)
    assert any("give dynamics.until" in doubt for doubt in run.doubts)


def solve_until_learnt_quickly(flow):
    import saddlescope.deep_linear.until_learnt as module

    original, module.time_to_learn = module.time_to_learn, lambda flow: 0.01
    try:
        return solve_until_learnt(flow, 1e-6)
    finally:
        module.time_to_learn = original


def test_defaults_of_a_spec_are_those_of_the_library():
    import inspect

    spec = read("saddle_to_saddle")
    known = {n: p.default for n, p in inspect.signature(ss.solve).parameters.items()}
    assert spec.solve_arguments()["atol"] is known["atol"] is None
    # what `solve` takes for None, for a flow
    assert (spec.solve_arguments()["rtol"], spec.solve_arguments()["max_steps"]) == (_RTOL, _ATTEMPTS)
    assert known["rtol"] is known["max_steps"] is None
    known = {n: p.default for n, p in inspect.signature(DeepLinearFlow).parameters.items()}
    assert type(spec.network).model_fields["scale"].default == known["scale"]
    assert type(spec.network).model_fields["seed"].default == known["seed"]
    assert spec.solver.compress
    assert known["compress"] == "auto"


def test_a_second_run_that_is_stopped_leaves_the_first(tmp_path, monkeypatch, capsys):
    import saddlescope.deep_linear.until_learnt as module

    solved, asked = module.solved, []

    def stopped(flow, **arguments):
        asked.append(flow)
        if len(asked) > 1:
            raise KeyboardInterrupt
        return solved(flow, **arguments)

    monkeypatch.setattr(module, "solved", stopped)
    (tmp_path / "two.toml").write_text(SPEC + COMPARED)
    assert main(["run", str(tmp_path / "two.toml"), "--out", str(tmp_path / "out")]) == 130
    out, err = capsys.readouterr()
    assert "the partial result is kept" in err
    printed = " ".join(out.split())
    assert "a b: The regime is not measured, since the run was stopped." in printed
    assert "a/b: The run is lazy as predicted" in printed
    files = {"regimes.png", "spec.toml", "stages.json", "trajectory_a_b.nc"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == files
