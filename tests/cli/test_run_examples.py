"""Sensing, and examples from a spec or a file, through the command line."""

import json

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.cli import main
from saddlescope.deep_linear.problem.reference_problems import random_completion
from saddlescope.deep_linear.problem.spec import Examples

NETWORK = "[network]\ndepth = 2\nwidth = 6\ngamma = 2.0\nscale = 0.3\n"


def spec(problem: str, more: str = "") -> str:
    return f'family = "deep_linear"\n[problem]\n{problem}\n{NETWORK}{more}'


def test_sensing_and_labelled_examples_run(tmp_path, capsys):
    sensing = 'kind = "sensing"\nsize = 4\nsingular_values = [2.0]\nmeasurements = 12'
    (tmp_path / "s.toml").write_text(spec(sensing, "[picture]\nplane = false\n"))
    assert main(["run", str(tmp_path / "s.toml"), "--out", str(tmp_path / "s")]) == 0
    record = json.loads((tmp_path / "s" / "stages.json").read_text())
    assert [row["rank"] for row in record["saddles"]] == [0, 1]
    assert 0 < record["final_test_error"] < 0.8

    random = np.random.default_rng(0)
    inputs = random.standard_normal((60, 4))
    np.savez(tmp_path / "data.npz", inputs=inputs, outputs=np.sign(inputs @ [1.0, 2.0, 0.0, -1.0]))
    labels = 'kind = "examples"\nloss = "logistic"\nfile = "data.npz"\nheld_out = 0.25'
    (tmp_path / "e.toml").write_text(spec(labels, "[dynamics]\nuntil = 100.0\n"))
    assert main(["run", str(tmp_path / "e.toml"), "--out", str(tmp_path / "e")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "The examples are separable: the cost has no minimiser" in printed
    assert "No minimiser at this rank" in printed
    assert json.loads((tmp_path / "e" / "stages.json").read_text())["final_test_error"] < 0.3


def test_examples_are_those_of_the_file(tmp_path):
    X, Y = np.random.default_rng(1).standard_normal((2, 6, 3))
    np.savez(tmp_path / "d.npz", inputs=X, outputs=Y, test_inputs=X[:2], test_outputs=2 * Y[:2])
    cost = Examples(kind="examples", file=str(tmp_path / "d.npz")).cost()  # type: ignore[call-arg]
    plain = Examples(kind="examples", inputs=X.tolist(), outputs=Y.tolist(), held_out=0.5, seed=3).cost()  # type: ignore[call-arg]
    A = np.random.default_rng(2).standard_normal((3, 3))
    assert float(cost.value(A)) == pytest.approx(float(np.sum((X @ A.T - Y) ** 2)) / 12)  # type: ignore[arg-type]
    missed = np.linalg.norm(X[:2] @ A.T - 2 * Y[:2]) / np.linalg.norm(2 * Y[:2])
    assert float(cost.test_error(A)) == pytest.approx(missed)  # type: ignore[arg-type]
    # half of the examples on either side
    each = np.sum((X @ A.T - Y) ** 2, axis=1)
    halves = [sum(each[list(kept)]) / 6 for kept in ((a, b, c) for a in range(6) for b in range(a) for c in range(b))]
    assert min(abs(float(plain.value(A)) - half) for half in halves) < 1e-12  # type: ignore[arg-type]
    assert np.isfinite(float(plain.test_error(A)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": [[1.0]]}, "`outputs` must be given"),
        ({"inputs": [[1.0]], "outputs": [[1.0]], "file": "x.npz"}, "`file` must stand alone"),
        ({"file": "none.npz"}, "existing .npz"),
        ({"inputs": [[1.0], [2.0]], "outputs": [[1.0]]}, "one row an example, 2"),
        ({"inputs": [[1.0], [2.0]], "outputs": [[1.0], [2.0]], "held_out": 0.1}, "on both sides"),
        ({"inputs": [[1.0], [2.0]], "outputs": [[1.0], [2.0]], "loss": "logistic"}, "-1 and 1"),
    ],
)
def test_examples_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):  # pydantic's where a table is checked
        Examples(kind="examples", **given).cost()


def test_files_that_hold_no_examples_are_refused(tmp_path):
    file = tmp_path / "d.npz"
    file.write_text("no archive")
    with pytest.raises(ArgumentError, match=r"numpy\.savez wrote"):
        Examples(kind="examples", file=str(file)).cost()  # type: ignore[call-arg]
    np.savez(file, inputs=np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="hold outputs"):
        Examples(kind="examples", file=str(file)).cost()  # type: ignore[call-arg]
    np.savez(file, inputs=np.ones((2, 2)), outputs=np.array(["a", "b"]))
    with pytest.raises(ArgumentError, match="outputs as numbers"):
        Examples(kind="examples", file=str(file)).cost()  # type: ignore[call-arg]


COMPLETION = 'kind = "completion"\nsize = 4\nsingular_values = [2.0]\nobserved = 12'


def test_descent_in_steps_runs_from_a_spec(tmp_path, capsys):
    how = '[dynamics]\nkind = "adam"\nlearning_rate = 0.01\nbatch_size = 4\nuntil = 3.0\n[picture]\nplane = false\n'
    (tmp_path / "a.toml").write_text(spec(COMPLETION, how))
    assert main(["run", str(tmp_path / "a.toml"), "--out", str(tmp_path / "a")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "300 steps of 0.01 in time" in printed
    assert "kingma2015" in printed
    run = ss.load(tmp_path / "a" / "trajectory.nc")
    by_hand = ss.GradientDescent(
        random_completion(4, (2.0,), 12, 0), 2, 6, 2.0, 0.3, optimizer=ss.optimizer.Adam(0.01), batch_size=4
    )
    assert np.allclose(run["cost"], ss.solve(by_hand, until=3.0, states=20)["cost"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ('kind = "sgd"\nuntil = 1.0', "`dynamics.learning_rate`"),
        ('kind = "sgd"\nlearning_rate = 0.1', "must be a number for descent"),
        ('kind = "adam"\nlearning_rate = 0.1\nuntil = 1.0\nmomentum = 0.5', "`dynamics.momentum`"),
        ("batch_size = 3", '`dynamics.kind` is "flow"'),
        ('kind = "sgd"\nlearning_rate = 0.1\nuntil = 1.0\n[solver]\nmethod = "tsit5"', "`solver.method`"),
        ('kind = "sgd"\nlearning_rate = 0.1\nuntil = 1.0\n[[compare]]\nname = "x"', "`dynamics.kind`"),
        ('kind = "sgd"\nlearning_rate = 0.1\nuntil = 1.0\nbatch_size = 13', "from 1 to 12"),
    ],
)
def test_descent_that_does_not_fit_is_refused(tmp_path, capsys, how, message):
    (tmp_path / "a.toml").write_text(spec(COMPLETION, f"[dynamics]\n{how}\n"))
    assert main(["run", str(tmp_path / "a.toml"), "--out", str(tmp_path / "a")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
