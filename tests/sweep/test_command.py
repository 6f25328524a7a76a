"""`saddlescope sweep` from end to end, on a family that costs nothing."""

import csv
import signal
import subprocess
import time

import numpy as np
import pytest
import xarray

from saddlescope.cli import main

SPEC = """
family = "relaxation"
title = "Half-times of decays"
[dynamics]
terms = 2
[sweep]
measure = "mine.py:half"
[sweep.axes]
"dynamics.rate" = { logspace = [1, 100], points = 5 }
"""
MEASURE = "import numpy as np\ndef half(run):\n    return {'half': float(np.interp(-0.5, -run['risk'], run.time))}\n"


@pytest.fixture
def written(relaxation, tmp_path, monkeypatch):
    del relaxation
    (tmp_path / "mine.toml").write_text(SPEC)
    (tmp_path / "mine.py").write_text(MEASURE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_picture_status_and_export_of_one_sweep(written, capsys):
    assert main(["sweep", "mine.toml", "--engine", "serial"]) == 0
    said = capsys.readouterr().out
    assert "5 REACHED_END" in said
    lines = [line.split() for line in said.splitlines()]
    assert ["10", "1", "0.06932", "0.06931", "0.06932"] in lines
    assert max(map(len, said.splitlines())) <= 80
    assert (written / "mine" / "mine.png").read_bytes().startswith(b"\x89PNG")
    # a second time, everything is known; one more axis makes new tasks
    assert main(["sweep", "mine.toml"]) == 0
    assert "5 of them known before" in capsys.readouterr().out
    assert main(["sweep", "mine.toml", "--status"]) == 0
    assert capsys.readouterr().out == "mine: 5 tasks, 5 complete, 0 failed, 0 left.\n"
    assert main(["sweep", "mine.toml", "--status", "--axis", "dynamics.seed={seeds=2}"]) == 0
    assert "10 tasks, 5 complete, 0 failed, 5 left" in capsys.readouterr().out
    for name in ("all.nc", "all.csv"):
        assert main(["sweep", "mine.toml", "--export", name]) == 0
    with xarray.open_dataset("all.nc", engine="h5netcdf") as result:
        assert result.measured.dims == ("rate", "term")
        assert np.allclose(result.half, np.log(2) / result.rate, rtol=1e-4)
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert rows[3]["outcome"] == "REACHED_END"
    assert float(rows[3]["predicted"]) == pytest.approx(2 * np.log(2) / float(rows[3]["rate"]))


@pytest.mark.parametrize("kind", ["zarr", "parquet"])
def test_export_to_formats_whose_libraries_are_there(written, capsys, kind):
    pytest.importorskip({"zarr": "zarr", "parquet": "pyarrow"}[kind])
    assert main(["sweep", "mine.toml", "--engine", "serial"]) == 0
    assert main(["sweep", "mine.toml", "--export", f"all.{kind}"]) == 0
    assert f"Wrote     all.{kind}" in capsys.readouterr().out
    if kind == "zarr":
        assert xarray.open_zarr("all.zarr", consolidated=False).sizes["rate"] == 5
        assert main(["sweep", "mine.toml", "--export", "all.zarr"]) == 0  # another time, in its place
    else:
        import pandas

        assert len(pandas.read_parquet("all.parquet")) == 10


def test_failures_are_counted_and_named_and_the_exit_code_is_one(written, capsys):
    words = ["sweep", "mine.toml", "--engine", "serial", "--dynamics.fault", "raise", "--dynamics.at", "50"]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "4 REACHED_END, 1 FAILED" in said
    assert "rate 100: ZeroDivisionError: division by zero." in said
    assert main([*words, "--again", "FAILED"]) == 1
    assert "4 of them known before" in capsys.readouterr().out


def test_shares_of_a_job_array_together_are_the_whole(written, capsys):
    for share in ("1/3", "2/3", "3/3"):
        assert main(["sweep", "mine.toml", "--engine", "serial", "--array", share]) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("Share")] == [
        "Share 1 of 3: 2 tasks, 0 of them failed.",
        "Share 2 of 3: 2 tasks, 0 of them failed.",
        "Share 3 of 3: 1 tasks, 0 of them failed.",
    ]
    assert main(["sweep", "mine.toml"]) == 0
    assert "5 of them known before" in capsys.readouterr().out


def test_pruning_removes_results_only_when_that_is_meant(written, capsys):
    assert main(["sweep", "mine.toml", "--engine", "serial"]) == 0
    (written / "mine" / "results" / "00").mkdir(exist_ok=True)
    left = written / "mine" / "results" / "00" / ".half-written.partial"
    left.write_text("x")
    other = ["sweep", "mine.toml", "--out", "mine", "--dynamics.seed", "1"]
    capsys.readouterr()
    assert main([*other, "--prune"]) == 0
    said = capsys.readouterr().out
    assert "Removed 1 files that no result needs." in said
    assert "There are 5 files" in said
    assert not left.exists()
    assert len(list((written / "mine" / "results").rglob("*.json"))) == 5
    assert main([*other, "--prune", "--yes"]) == 0
    assert not list((written / "mine" / "results").rglob("*.json"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine.tml"], "no shipped spec or sweep 'mine.tml'"),
        (["mine.toml", "--dynamics.rate", "3"], "`--dynamics.rate` is an axis of sweep mine.toml"),
        (["mine.toml", "--dynamics.term", "3"], "did you mean `--dynamics.terms`"),
        (["mine.toml", "--axis", "dynamics.sed=[1]"], "did you mean `dynamics.seed`"),
        (["mine.toml", "--axis", "dynamics.seed"], "`--axis` must be KEY=VALUES"),
        (["mine.toml", "--axis", "dynamics.seed=[1,"], "`--axis` must give values"),
        (["mine.toml", "--axis", "dynamics.seed={seeds=3000000}", "--status"], "at most 1e7 tasks"),
        (["mine.toml", "--memory", "much"], "`--memory` must be a size"),
        (["mine.toml", "--workers", "0"], "`workers` must be a whole number of at least 1"),
        (["mine.toml", "--engine", "nonsense"], "`engine` must be auto, serial"),
        (["mine.toml", "--array", "4/3"], "`--array` must be N/M"),
        (["mine.toml", "--export", "all.xls"], "end in one of .nc, .zarr, .parquet, .csv"),
        (["mine.toml", "--status", "--out", "nowhere"], "There is no sweep in nowhere."),
        (["mine.toml", "--out", "."], "is not empty and holds no sweep"),
        (["mine.toml", "--measure", "mine.py:halb"], "did you mean `half`"),
        (["canonical"], "must name at least one axis"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(written, capsys, words, said):
    assert main(["sweep", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (written / "mine").exists()


def test_a_table_of_a_sweep_says_which_of_its_keys_is_not_known(written, capsys):
    (written / "mine.toml").write_text(SPEC.replace("[sweep]", '[sweep]\nkep = "all"'))
    assert main(["sweep", "mine.toml"]) == 2
    assert "Key `sweep.kep` in sweep mine.toml is not known (did you mean `sweep.keep`?)." in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_control_c_ends_cleanly_and_the_same_command_goes_on(written, command, environment, engine):
    words = command("sweep", "mine.toml", "--engine", engine, "--workers", "2", "--dynamics.seconds", "0.4")
    started = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    results, deadline = written / "mine" / "results", time.monotonic() + 60
    while time.monotonic() < deadline and not list(results.rglob("*.json")):
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    out, error = started.communicate(timeout=60)
    assert started.returncode == 130, error
    assert "tasks are left; the same command goes on from here." in error
    assert error.count("\n") == 1
    done = len(list(results.rglob("*.json")))
    assert 1 <= done < 5
    assert not list((written / "mine" / "claims").iterdir())
    assert out == ""
    after = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert after.returncode == 0, after.stderr
    assert f"{done} of them known before: 5 REACHED_END" in after.stdout
