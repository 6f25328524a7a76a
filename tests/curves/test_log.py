"""The writer for a loop of one's own: what a crash leaves, log spacing, refusals."""

import os
import subprocess
import sys

import numpy as np
import pytest

import saddlescope as ss


def test_every_call_is_one_whole_line_at_once(tmp_path):
    path = tmp_path / "run.jsonl"
    log = ss.CurveLog(path)
    log(1, loss=0.5, acc=np.float32(0.25), other=None)
    assert path.read_text() == '{"step": 1, "loss": 0.5, "acc": 0.25}\n'  # before the log is closed
    log.close()
    log.close()
    with pytest.raises(ss.ArgumentError, match="before the log is closed"):
        log(2, loss=1.0)


def test_a_killed_process_loses_nothing(tmp_path):
    path = tmp_path / "run.jsonl"
    code = (
        "import os, saddlescope as ss\n"
        f"log = ss.CurveLog({str(path)!r})\n"
        "for step in range(1, 101): log(step, loss=1 / step)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False, timeout=60)
    curve = ss.read_curve(path)
    np.testing.assert_allclose(curve.value, 1 / np.arange(1, 101))


def test_a_line_that_a_crash_cut_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("".join(f'{{"step": {k}, "loss": {1 / k}}}\n' for k in range(1, 20)) + '{"step": 20, "lo')
    with ss.CurveLog(path) as log:
        for k in range(20, 40):
            log(k, loss=1 / k)
    np.testing.assert_array_equal(ss.read_curve(path).time, np.arange(1, 40))


def test_log_spacing_keeps_the_first_and_the_last_step(tmp_path):
    path = tmp_path / "run.jsonl"
    with ss.CurveLog(path, per_decade=10) as log:
        for step in range(12_346):
            log(step, loss=1 / (step + 1))
    time = ss.read_curve(path).time
    assert time[0] == 0
    assert time[1] == 1
    assert time[-1] == 12_345
    assert 30 < len(time) < 45
    gaps = np.diff(np.log10(time[12:-1]))
    assert gaps.min() > 0.0999
    assert gaps.max() < 0.14


def test_nan_is_written_and_counted_on_reading(tmp_path):
    path = tmp_path / "run.jsonl"
    with ss.CurveLog(path) as log:
        for step in range(1, 20):
            log(step, loss=float("nan") if step == 7 else 1 / step)
    assert str(ss.read_curve(path).left_out) == "1 nan left out, first at line 7"


@pytest.mark.parametrize(("step", "loss"), [("3", 1.0), (float("nan"), 1.0), (1, "low"), (1, [1.0, 2.0]), (True, 1.0)])
def test_what_is_no_number_is_refused_and_not_written(tmp_path, step, loss):
    path = tmp_path / "run.jsonl"
    with ss.CurveLog(path) as log, pytest.raises(ss.ArgumentError, match=r"`(step|loss)` must"):
        log(step, loss=loss)
    assert path.read_text() == ""


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ss.ArgumentError, match="path"):
        ss.CurveLog(tmp_path / "no" / "run.jsonl")
