"""`saddlescope plateaus`: what it prints, its JSON, its refusals, and a file that grows."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from saddlescope.cli import main
from saddlescope.cli.curves.following import follow_file
from saddlescope.cli.curves.judging import Asked

CASES = Path(__file__).parents[1] / "curves" / "cases"
KERAS = str(CASES / "keras_training.log")
CHART = str(next(CASES.glob("wandb_export*")))


@pytest.fixture
def told(capsys):
    """Run the command and return its exit code, output and errors."""

    def run(*words):
        code = main(["plateaus", *map(str, words)])
        return code, *capsys.readouterr()

    return run


def test_one_file(told):
    code, out, err = told(KERAS)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "loss over epoch + 1, 600 points, keras_training.log (Keras CSVLogger)"
    assert lines[1].startswith("values log (factors), time log")
    assert sum("drop ×" in line for line in lines) == 2
    assert "epoch counts from 0, which is kept: time is epoch + 1." in lines
    assert "Lowest value" in out


def test_no_plateau_is_said_in_words(told):
    out = told(CASES / "ultralytics_results.csv", "--y", "train/box_loss")[1]
    assert "No plateau" in out
    assert "it falls all the time" in out


def test_a_reward_rises(told):
    out = told(CASES / "sb3_progress.csv")[1]
    assert "rise by" in out
    assert "drop" not in out.split("Other columns")[0]


def test_a_chart_gives_one_table_a_run(told):
    out = told(CHART)[1]
    assert out.count("start") == 2
    assert "run amber-lake-7" in out
    assert "run quiet-hill-3" in out


def test_several_files_side_by_side(told):
    code, out, err = told(KERAS, CASES / "overfit.tsv", "nofile.csv")
    assert code == 2
    assert "There is no file nofile.csv" in err
    assert out.count("of the run") == 1
    assert "overfit.tsv: train_loss over step" in out


def test_json_has_the_documented_keys(told):
    code, out, _ = told(CASES / "messy.csv", "--json", "--values", "log")
    result = json.loads(out)
    assert code == 0
    assert list(result) == ["file", "format", "curves"]
    (curve,) = result["curves"]
    assert list(curve) == (
        ["x", "y", "run", "points", "time_axis", "value_axis", "time_offset", "left_out", "plateaus", "notes"]
    )
    assert curve["left_out"] == {"nan": 4, "inf": 2, "first": "line 44"}
    assert curve["points"] == 794
    first, last = curve["plateaus"]
    assert list(first) == ["start", "end", "height", "first", "last", "share", "change", "drop_time"]
    assert first["change"].startswith("drop × ")
    assert last["change"] is None
    assert last["drop_time"] is None
    assert [entry["file"] for entry in json.loads(told(KERAS, CASES / "messy.csv", "--json")[1])] == [
        "keras_training.log",
        "messy.csv",
    ]


def test_standard_input(told, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((CASES / "messy.csv").read_bytes())))
    code, out, _ = told("-")
    assert code == 0
    assert out.startswith("loss over step, 794 points, standard input (CSV)")


def test_columns_are_listed_with_their_numbers(told):
    out = told(CASES / "lightning_metrics.csv", "--list")[1]
    assert any(line.split() == ["5", "val_loss", "400", "curve"] for line in out.splitlines())
    assert told(CASES / "lightning_metrics.csv", "--y", "5")[1].startswith("val_loss over step, 400 points")


def test_time_counts_from_where_it_is_asked_to(told):
    file = CASES / "run-finetune-tag-loss.csv"
    offsets = [
        json.loads(told(file, "--json", "--from", place)[1])["curves"][0]["time_offset"]
        for place in ("raw", "file", "249000")
    ]
    assert offsets == [0, 250000, 249000]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name a training log"),
        (("--wrong", KERAS), "Unknown option: --wrong"),
        ((KERAS, "--y", "los"), r"has no column 'los' (did you mean loss?); it has epoch, acc, loss"),
        ((KERAS, "--x", "stepp"), "has no column 'stepp' beside loss; there are epoch"),
        ((KERAS, "--run", "first"), "must be 'last', 'all' or a number"),
        ((KERAS, "--from", "there"), "--from takes a number"),
        ((KERAS, "--from", "1e9"), "No point has epoch of at least 1e+09"),
        ((KERAS, "--decimal", ";"), "must be '.' or ','"),
        ((KERAS, "--slope", "-1"), "`slope` must be positive"),
        ((str(CASES / "history.pkl"),), "refused unread"),
        ((str(CASES / "wandb_runs_table.csv"),), "no column counts steps"),
        ((KERAS, "--plot", "stages.xyz"), "A picture ends in .png, .pdf, .svg"),
        ((KERAS, "--plot", "no/such/stages.png"), "There is no folder no/such"),
        (("/dev/null",), "neither a file nor a folder"),
    ],
)
def test_refusals_are_one_sentence(told, words, sentence):
    code, out, err = told(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("step,loss\n", "a header and no numbers below it"),
        ("step,loss\n10,0.5\n", "one value only"),
        ("step,loss\n" + "".join(f"{k},{1 / k}\n" for k in range(1, 6)), "has 5 points after time 0"),
        (
            "Traceback (most recent call last):\n  File 'a.py', line 3, in <module>\nValueError: step 3\n",
            "traceback of a program",
        ),
        ('{"best": 0.5, "epoch": 3}', "has one value only"),
        ('{"best": [], "notes": {"lr": "high"}}', "JSON without a curve"),
        ("step,loss\n" + "".join(f"{k},nan\n" for k in range(1, 30)), "holds no curve"),
        ("a,b\n" + "".join(f"{k % 7},{k % 5}\n" for k in range(30)), "no column that counts steps"),
        ("It was a dark and stormy night.\n" * 30, "text without a table"),
    ],
)
def test_files_without_a_curve(told, tmp_path, text, sentence):
    path = tmp_path / "some.txt"
    path.write_text(text)
    code, out, err = told(path)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_names_cannot_move_the_terminal(told, tmp_path):
    path = tmp_path / "evil.csv"
    path.write_text("step,loss\x1b[2J\x07" + "x" * 500 + "\n" + "".join(f"{k},{1 / k}\n" for k in range(1, 30)))
    code, out, _ = told(path)
    assert code == 0
    assert "\x1b" not in out
    assert "\x07" not in out
    assert max(map(len, out.splitlines())) < 250


def test_the_command_needs_no_jax():
    code = (
        f"from saddlescope.cli import main\nmain(['plateaus', {KERAS!r}])\n"
        "import sys\nprint('jax' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False False"


def test_one_picture_of_all_curves(told, tmp_path):
    picture = tmp_path / "stages.svg"
    code, out, err = told(KERAS, CHART, "--plot", picture)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"Wrote {picture}"
    assert picture.read_text().count('id="axes_') == 3  # judged on different axes, each has a panel
    told(*[CASES / "messy.csv"] * 2, "--values", "log", "--plot", picture)
    assert picture.read_text().count('id="axes_') == 1
    assert json.loads(told(KERAS, "--json", "--plot", tmp_path / "one.png")[1])["file"] == "keras_training.log"
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"


def test_a_growing_file_is_followed(tmp_path, capsys):
    path = tmp_path / "run.csv"
    time = np.unique(np.round(np.logspace(0, 4.5, 800)).astype(int))
    value = 0.01 + 1 / (1 + (time / 300) ** 4)
    pieces = iter([5, 100, 200, 330, 420, 480, 560, 640, len(time)])

    def grow(_seconds=0.0):
        count = next(pieces, None)
        if count is not None:
            rows = zip(time[:count], value[:count], strict=True)
            path.write_text("step,loss\n" + "".join(f"{t},{v}\n" for t, v in rows))

    grow()
    assert follow_file(path, Asked(values="log"), pause=grow, times=9) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert "Waiting: " in captured.err
    assert lines[0].startswith("Following loss over step")
    assert sum("the plateau at 1" in line and "ended at step" in line for line in lines) == 1
    assert any("flat since step 1 (" in line for line in lines)
    # the last plateau is announced after the drop
    assert "flat since step" in lines[-1]
    assert lines[-1].endswith("at 0.01")


def test_compare_sets_a_run_of_a_spec_beside_a_curve(tmp_path, capsys):
    time = np.logspace(-9, 1, 1500)
    # the plateaus of the canonical spec at 2, 1.5 and 1, ten times later, and a floor
    value = 0.02 + np.sum([h / (1 + (time / t) ** 3) for h, t in ((0.5, 5.5e-8), (0.5, 5.0e-3), (1.0, 0.5))], axis=0)
    file = tmp_path / "own.csv"
    file.write_text("step,loss\n" + "\n".join(f"{t:.9g},{v:.9g}" for t, v in zip(time, value, strict=True)))
    spec = tmp_path / "own.toml"
    spec.write_text(
        "[problem]\nlink = [1.0, -1.0, 1.0, 1.0]\nactivation = [1.0, 1.0, 0.5, 0.3]\n"
        '[dynamics]\nkind = "mean_field"\nepsilon = 1e-8\nuntil = 1.0\n'
    )
    assert main(["plateaus", str(file), "--values", "log", "--compare", str(spec), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["curves"]
    assert result["comparison"]["compared"]
    assert result["comparison"]["time_scale"] == pytest.approx(10, rel=0.25)
    assert len(result["comparison"]["drops"]) == 3


def test_compare_refuses_an_unknown_spec_before_reading(capsys):
    assert main(["plateaus", "no/such.csv", "--compare", "canonicle"]) == 2
    assert "canonicle" in capsys.readouterr().err
