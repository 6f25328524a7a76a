"""`saddlescope run` from end to end, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.specs import read
from saddlescope.trajectory import load

FILES = ["ladder.png", "overlaps.png", "spec.toml", "stages.json", "trajectory.nc"]


def test_files_of_a_run(finished):
    folder, done = finished
    out = folder / "first"
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert all(f"first/{name}" in done.stdout for name in FILES)
    for picture in ("ladder.png", "overlaps.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""


def test_saved_trajectory_is_the_run_and_the_table_is_what_was_measured(finished):
    folder, _ = finished
    run = load(folder / "first" / "trajectory.nc")
    assert run.outcome == "REACHED_END"
    assert run.parameters["epsilon"] == 1e-4
    record = json.loads((folder / "first" / "stages.json").read_text())
    problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
    order = ss.canonical_order(problem, levels=1)
    measured, predicted = ss.learning_times(run), order.times(1e-4)
    assert [row["degree"] for row in record["degrees"]] == [0, 1, 2, 3]
    for k, row in enumerate(record["degrees"]):
        assert row["measured_time"] == pytest.approx(measured[k], rel=1e-12)
        assert row["predicted_time"] == (pytest.approx(predicted[k], rel=1e-12) if k < 2 else None)
    # closed forms, up to terms of order sqrt(epsilon) for degree 1
    assert record["degrees"][0]["measured_over_predicted"] == pytest.approx(1, abs=1e-3)
    assert record["degrees"][1]["measured_over_predicted"] == pytest.approx(1, abs=5e-2)
    assert record["final_risk"] == run["risk"][-1]
    assert "beyond the levels" in record["degrees"][2]["remark"]


def test_saved_spec_repeats_the_run(finished, monkeypatch):
    folder, _ = finished
    monkeypatch.chdir(folder)
    assert main(["run", "first/spec.toml", "--out", "again"]) == 0
    assert tomllib.loads((folder / "again" / "spec.toml").read_text()) == tomllib.loads(
        (folder / "first" / "spec.toml").read_text()
    )
    first, second = (load(folder / name / "trajectory.nc") for name in ("first", "again"))
    assert np.array_equal(first.time, second.time)
    assert np.array_equal(first["risk"], second["risk"])
    records = [json.loads((folder / name / "stages.json").read_text()) for name in ("first", "again")]
    for record in records:
        record["solver"].pop("seconds")
    assert records[0] == records[1]


def test_output_fits_a_terminal_of_80_columns_and_has_no_escapes_in_a_pipe(finished):
    _, done = finished
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in done.stdout  # nothing was cut off
    # one row a degree, each with its number first
    assert [line.split()[0] for line in lines if line[:6].strip().isdigit()] == ["0", "1", "2", "3"]


def test_default_folder_is_named_after_the_spec_and_old_pictures_go(small, tmp_path, monkeypatch):
    (tmp_path / "canonical").mkdir()
    (tmp_path / "canonical" / "overlaps.png").write_text("of an earlier run")
    (tmp_path / "canonical" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "canonical", *small]) == 0
    expected = sorted([*(f for f in FILES if f != "overlaps.png"), "notes.txt"])
    assert sorted(p.name for p in (tmp_path / "canonical").iterdir()) == expected


def test_a_result_that_cannot_be_written_is_still_shown_and_leaves_the_old_one(small, tmp_path, monkeypatch, capsys):
    (tmp_path / "trajectory.nc").write_text("old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("saddlescope.plot.save", full)
    assert main(["run", "canonical", *small, "--out", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "Outcome" in out
    assert "Wrote" not in out
    assert err == f"saddlescope: the result could not be written to {tmp_path}: No space left on device.\n"
    assert [p.name for p in tmp_path.iterdir()] == ["trajectory.nc"]
    assert (tmp_path / "trajectory.nc").read_text() == "old"


def test_a_run_that_does_not_reach_its_end_is_kept_and_told_by_the_exit_code(small, tmp_path, capsys):
    assert main(["run", "canonical", *small, "--solver.max_steps", "60", "--out", str(tmp_path / "o")]) == 1
    assert "Stopped at the limit on the number of steps" in " ".join(capsys.readouterr().out.split())
    assert load(tmp_path / "o" / "trajectory.nc").outcome == "STEP_LIMIT"


def test_sampled_neurons_are_told_from_the_limit_of_the_prediction(tmp_path, capsys):
    settings = ["--dynamics.epsilon", "1e-4", "--dynamics.neurons", "64", "--theory.levels", "1"]
    assert main(["run", "canonical", *settings, "--out", str(tmp_path)]) == 0
    assert "64 particles with sampled weights" in capsys.readouterr().out
    assert load(tmp_path / "trajectory.nc").parameters["neurons"] == 64


LONG = """
import sys
from saddlescope.cli import main
from saddlescope.solve.progress import Progress
Progress.update = lambda self, t, risk: print("alive", t, flush=True)
sys.exit(main(sys.argv[1:]))
"""


def interrupt(folder, *words):
    """Start a long run, press Ctrl-C once it has come some way, and return what it says."""
    # a tolerance that takes minutes; the run says between chunks how far it has come
    slow = ["--solver.rtol", "1e-13", "--dynamics.epsilon", "1e-12", "--dynamics.particles", "1024"]
    running = subprocess.Popen(
        [sys.executable, "-c", LONG, "run", "canonical", *slow, "--theory.levels", "1", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    try:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("alive") and float(line.split()[1]) > 1e-10:
                break
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    finally:
        running.kill()
    return running.returncode, out, err


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_keeps_the_partial_result(tmp_path):
    code, out, err = interrupt(tmp_path, "--out", "out")
    assert code == 130, err
    assert err == "saddlescope: stopped by the user; the partial result is kept.\n"
    assert "Stopped by the user." in out
    partial = load(tmp_path / "out" / "trajectory.nc")
    assert partial.outcome == "INTERRUPTED"
    assert 1e-10 < partial.time[-1] < read("canonical").dynamics.until
    assert json.loads((tmp_path / "out" / "stages.json").read_text())["outcome"] == "INTERRUPTED"
    assert (tmp_path / "out" / "ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_does_not_replace_an_earlier_result(finished, tmp_path):
    folder, _ = finished
    earlier = {p.name: p.read_bytes() for p in (folder / "first").iterdir()}
    code, out, _ = interrupt(folder, "--out", "first")
    assert code == 130
    assert {p.name: p.read_bytes() for p in (folder / "first").iterdir() if p.is_file()} == earlier
    assert "first/interrupted/trajectory.nc" in out
    assert load(folder / "first" / "interrupted" / "trajectory.nc").outcome == "INTERRUPTED"
