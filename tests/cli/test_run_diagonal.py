"""`saddlescope run` on diagonal networks: from end to end, and what each row of its table says."""

import inspect
import json

import numpy as np
import pytest

import saddlescope as ss
from saddlescope import plot
from saddlescope.arguments import ArgumentError
from saddlescope.cli import main
from saddlescope.families import study
from saddlescope.specs import read
from saddlescope.trajectory import load

# uncorrelated coordinates: each jumps to y_i / x at the time 1 / |slope_i|, here 1 and 2
SPEC = """
family = "diagonal_linear"
title = "Two coordinates"

[problem]
kind = "given"
inputs = [[1.0, 0.0], [0.0, 1.0]]
outputs = [-1.0, 2.0]

[start]
log_scale = 200.0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run and its record."""
    folder = tmp_path_factory.mktemp("diagonal")
    (folder / "two.toml").write_text(SPEC)
    assert main(["run", str(folder / "two.toml"), "--out", str(folder / "out")]) == 0
    return folder / "out", json.loads((folder / "out" / "stages.json").read_text())


def test_files_and_table_of_a_run(run):
    out, record = run
    assert sorted(p.name for p in out.iterdir()) == ["jumps.png", "spec.toml", "stages.json", "trajectory.nc"]
    assert (out / "jumps.png").read_bytes().startswith(b"\x89PNG")
    rows = record["saddles"]
    assert [row["support"] for row in rows] == [[], [1], [0, 1]]
    assert np.allclose([row["predicted_cost"] for row in rows], [1.25, 0.25, 0.0])
    assert np.allclose([row["measured_cost"] for row in rows], [1.25, 0.25, 0.0], atol=1e-6)
    assert np.allclose([row["predicted_time"] for row in rows[:2]], [1.0, 2.0])
    assert np.allclose([row["measured_time"] for row in rows[:2]], [1.0, 2.0], rtol=0.01)
    assert np.allclose([row["coefficients_off"] for row in rows], 0.0, atol=1e-6)
    assert rows[2]["measured_time"] is None
    assert record["final_cost"] == load(out / "trajectory.nc")["cost"][-1]


def test_saved_spec_repeats_the_run_and_an_early_end_is_no_number(run, tmp_path, capsys):
    out, record = run
    assert main(["run", str(out / "spec.toml"), "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "stages.json").read_text())["saddles"] == record["saddles"]
    printed = capsys.readouterr().out
    assert "pesme2023" in printed
    assert max(map(len, printed.splitlines())) <= max(80, len(str(tmp_path)) + 40)
    assert main(["run", str(out / "spec.toml"), "--dynamics.until", "1.5", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "stages.json").read_text())["saddles"]
    assert rows[0]["measured_time"] == pytest.approx(1.0, rel=0.01)
    assert rows[1]["measured_cost"] == pytest.approx(0.25, rel=1e-6)
    assert [rows[1]["measured_time"], rows[2]["measured_cost"]] == [None, None]
    assert main(["run", str(out / "spec.toml"), "--theory.jumps", "false", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "stages.json").read_text())["saddles"] == []


def test_compare_in_python_is_the_table_of_the_command(run):
    out, record = run
    flow = ss.DiagonalFlow(np.eye(2), [-1.0, 2.0], log_scale=200.0)
    solved = ss.solve(flow, until=2 * (1.2 + 5 / 200), states=20)
    result = ss.compare(solved)
    assert np.allclose(result.values()["measured_time"][:2], [row["measured_time"] for row in record["saddles"][:2]])
    loaded = load(out / "trajectory.nc")
    with pytest.raises(ArgumentError, match="flow"):
        ss.compare(loaded)
    assert result.rows == ss.compare(loaded, flow=flow).rows


def test_picture_has_both_staircases():
    flow = ss.DiagonalFlow(np.eye(2), [-1.0, 2.0], log_scale=200.0)
    solved = ss.solve(flow, until=3.0)
    cost, coefficients = plot.jumps(solved, ss.jump_sequence(np.eye(2), [-1.0, 2.0]))
    steps = next(line for line in cost.lines if line.get_label() == "predicted")
    assert np.allclose(steps.get_xydata(), [[0, 1.25], [1, 1.25], [1, 0.25], [2, 0.25], [2, 0], [3, 0]])
    assert [text.get_text() for text in coefficients.texts] == [r"$\beta_{1}$", r"$\beta_{0}$"]
    with pytest.raises(ArgumentError, match="scale"):
        plot.jumps(solved, scale="loglog")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--problem.outputs", "[1.0]"], "problem.outputs"),
        (["--problem.outputs", "[0.0, 0.0]"], "something to learn"),
        (["--start.log_scale", "-1"], "start.log_scale"),
        (["--start.log_scale", "1e9"], "at most 1e"),
        (["--dynamics.until", "soon"], 'be "auto" or a positive number'),
    ],
)
def test_specs_that_cannot_be_run_are_refused(change, message, tmp_path, capsys):
    (tmp_path / "two.toml").write_text(SPEC)
    assert main(["run", str(tmp_path / "two.toml"), *change, "--out", str(tmp_path / "out")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_sparse_problems_that_do_not_fit_are_refused(tmp_path, capsys):
    for change, message in (("[1.0, 2.0, 3.0]", "at most 2 numbers"), ("[0.0]", "not all be zero")):
        words = ["run", "diagonal", "--problem.dimension", "2", "--problem.coefficients", change]
        assert main([*words, "--out", str(tmp_path / "out")]) == 2
        assert message in " ".join(capsys.readouterr().err.split())


def test_the_shipped_spec_drops_a_coordinate_again():
    spec = read("diagonal")
    path = study(spec).predict()
    assert [len(support) for support in path.supports] == [0, 1, 2, 3, 3]
    assert not set(path.supports[3]) <= set(path.supports[4])
    known = {n: p.default for n, p in inspect.signature(ss.solve).parameters.items()}
    assert spec.solve_arguments()["max_steps"] == 1_000_000
    assert all(spec.solve_arguments()[name] == known[name] for name in ("atol", "risk_below"))


def test_deep_networks_and_descent_run_from_a_spec(tmp_path, capsys):
    deep = ["--network.depth", "3", "--network.parametrization", "difference", "--start.log_scale", "5.0"]
    assert main(["run", "diagonal", *deep, "--out", str(tmp_path / "deep")]) == 0
    record = json.loads((tmp_path / "deep" / "stages.json").read_text())
    assert all(0.95 < row["measured_over_predicted"] < 1.05 for row in record["saddles"][:2])
    steps = ["--dynamics.kind", "sgd", "--dynamics.learning_rate", "0.02", "--dynamics.until", "2.0"]
    batches = ["--dynamics.batch_size", "4", "--start.log_scale", "6.0"]
    assert main(["run", "diagonal", *steps, *batches, "--out", str(tmp_path / "steps")]) == 0
    assert "600 steps of 0.00333333 in time" in " ".join(capsys.readouterr().out.split())
    assert main(["run", "diagonal", *steps, "--dynamics.kind", "flow", "--out", str(tmp_path / "flow")]) == 2
    assert "`dynamics.learning_rate`" in capsys.readouterr().err
