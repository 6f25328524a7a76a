"""Fifteen logs of real formats: what is read, what is told, and the plateaus on it, beside the truth."""

import json
from pathlib import Path

import numpy as np
import pytest

import saddlescope as ss

CASES = Path(__file__).parent / "cases"
TRUTH = json.loads((CASES / "cases.json").read_text())["cases"]


def questions():
    """Each way in which a case asks for a curve: file, how, points, plateaus."""
    for case in TRUTH:
        if case["refuse"]:
            continue
        yield pytest.param(
            case["file"], case["how"], case["points"], case["expected"], id=f"{case['file']}:{case['how']['y']}"
        )
        for also in case["also"]:
            how = {**case["how"], **also["how"]}
            points = also.get("points", case["points"])
            name = f"{case['file']}:{how['y']}:{how['time_axis']}"
            yield pytest.param(case["file"], how, points, also["expected"], id=name)


@pytest.mark.parametrize(("file", "how", "points", "expected"), list(questions()))
def test_case(file, how, points, expected):
    curve = ss.read_curve(CASES / file, y=how["y"])
    assert len(curve) == points
    assert curve.x in (how["x"], "step")  # nanoGPT prints validation by `step`, training by `iter`
    assert np.all(np.diff(curve.time) > 0)
    assert np.all(np.isfinite(curve.value))
    # as truth says, and as the command judges without being told how: `auto` may take another axis of values, and must
    # find the same
    for values in (how["value_axis"], "auto"):
        agrees(file, curve, ss.plateaus(curve, values=values, time_axis=how["time_axis"]), expected)


def agrees(file, curve, stages, expected):
    if file == "nanogpt_stdout.log" and len(stages) == 1:
        # a last stretch of the power law is accepted where it is said to fall still, 3.59 → 3.35
        assert stages[0].start > 2000
        assert any(note.startswith("Plateau 1 still falls, from 3.5") for note in stages.notes)
        return
    if any("still" in note for note in stages.notes):  # the foot of a gradual drop, and no noise
        assert stages[-1].first > 1.1 * stages[-1].last > 0
    assert len(stages) == len(expected), stages
    span = curve.time[-1] - curve.time[0]
    for result, true in zip(stages, expected, strict=True):
        near = true.get("height_absolute", true["height_relative"] * abs(true["height"]))
        assert abs(result.height - true["height"]) <= near
        assert result.over is not true["runs_to_the_end"]
        for at, edge in ((result.start, true["start"]), (result.end, true["end"])):
            factor = max(at / edge, edge / at)
            assert factor <= true["time_factor"] or abs(at - edge) <= true.get("time_fraction", 0) * span, (at, edge)


@pytest.mark.parametrize(
    ("file", "y", "told"),
    [
        ("keras_training.log", None, ("epoch counts from 0, which is kept: time is epoch + 1.",)),
        ("trainer_state.json", None, ("The summary record (train_loss, train_runtime) is no point of the curve.",)),
        ("lightning_metrics.csv", "val_loss", ("720 of 1120 rows have no val_loss and are no points.",)),
        ("sb3_progress.csv", None, ("x is time/total_timesteps; other counters are time/iterations (--x).",)),
        (
            "detectron2_metrics.json",
            None,
            (
                "3 runs in one file (1, 20 and 300 points); the last is taken (--run for another).",
                "1 of 322 rows have no total_loss and are no points.",
            ),
        ),
        ("nanogpt_stdout.log", None, ("Times, rates and sizes are no curves: time (in ms), mfu (in %).",)),
        ("grok_accuracy.txt", None, ("There is no header: columns are named by number.",)),
        (
            "run-finetune-tag-loss.csv",
            None,
            ("Step starts at 250020: counted from the start of the file (time is Step - 250000).",),
        ),
        (
            "messy.csv",
            None,
            (
                "6 rows without a finite value are left out (4 nan, 2 inf), the first at line 44.",
                "The header is repeated at line 304; steps go on, so this is one run.",
            ),
        ),
    ],
)
def test_what_must_be_told(file, y, told):
    curve = ss.read_curve(CASES / file, y)
    assert set(told) <= set(curve.notes)


@pytest.mark.parametrize(
    ("file", "y"),
    [
        ("keras_training.log", "loss"),
        ("trainer_state.json", "loss"),
        ("sb3_progress.csv", "rollout/ep_rew_mean"),
        ("detectron2_metrics.json", "total_loss"),
        ("ultralytics_results.csv", "train/box_loss"),
        ("nanogpt_stdout.log", "loss"),
        ("run-finetune-tag-loss.csv", "Value"),
        ("messy.csv", "loss"),
        ("overfit.tsv", "train_loss"),
        ("saturated.jsonl", "test_acc"),  # train_acc is constant
    ],
)
def test_what_is_usually_meant(file, y):
    assert ss.read_curve(CASES / file).y == y


def test_an_exported_chart_is_one_curve_a_run():
    file = next(CASES.glob("wandb_export*"))
    curves = ss.read_curves(file)
    assert [(curve.run, len(curve)) for curve in curves] == [("amber-lake-7", 2000), ("quiet-hill-3", 600)]
    assert curves[0].time[0] == 0  # the value at the start is kept
    assert [curve.run for curve in ss.read_curves(file, "train/loss")] == ["amber-lake-7", "quiet-hill-3"]
    with pytest.raises(ss.CurveError, match=r"2 curves \(amber-lake-7, quiet-hill-3\)"):
        ss.read_curve(file)


def test_runs_by_number_and_all():
    file = CASES / "detectron2_metrics.json"
    assert [len(curve) for curve in ss.read_curves(file, "loss_cls", run="all")] == [20, 300]  # one point is no curve
    assert ss.read_curve(file, run=2).run == "2 of 3"
    with pytest.raises(ss.CurveError, match="no run 4"):
        ss.read_curve(file, run=4)


def test_a_pickle_is_refused_unread():
    with pytest.raises(ss.CurveError, match=r"refused unread; save it as CSV, JSON or npz"):
        ss.read_curve(CASES / "history.pkl")


def test_a_table_of_runs_has_no_curve():
    with pytest.raises(ss.CurveError, match=r"no column counts steps.*export the chart or the history"):
        ss.read_curve(CASES / "wandb_runs_table.csv")
