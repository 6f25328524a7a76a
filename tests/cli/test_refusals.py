"""Every bad input: one sentence on stderr, exit code 2, nothing computed, written or overwritten."""

import os

import pytest

from saddlescope.cli import main
from saddlescope.specs import shipped

CANONICAL = shipped()["canonical"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, words, *parts):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("saddlescope: ")
    assert err.rstrip().endswith((".", "?"))
    for part in parts:
        assert part in err
    return err


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["run"], ["SPEC requires an argument"]),
        (["rum", "canonical"], ['Did you mean "run"']),
        (["run", "cannonical"], ["no shipped spec", "did you mean `canonical`"]),
        (["run", "no/such/file.toml"], ["no/such/file.toml"]),
        (["run", "canonical", "extra"], ["'extra'", "--table.key value"]),
        (["run", "canonical", "--dynamics.epsilom", "1"], ["did you mean `--dynamics.epsilon`"]),
        (["run", "canonical", "--epsilon", "1"], ["did you mean `--dynamics.epsilon`"]),
        (["run", "canonical", "--ou", "x"], ["did you mean `--out`"]),
        (["run", "canonical", "--dynamics", "1"], ["--dynamics"]),
        (["run", "canonical", "--dynamics.epsilon", "-1"], ["`dynamics.epsilon`", "positive", "-1"]),
        (["run", "canonical", "--dynamics.epsilon", "0"], ["`dynamics.epsilon`", "positive"]),
        (["run", "canonical", "--dynamics.epsilon", "nan"], ["`dynamics.epsilon`", "nan"]),
        (["run", "canonical", "--dynamics.epsilon", "inf"], ["`dynamics.epsilon`", "finite"]),
        (["run", "canonical", "--dynamics.epsilon", "1" + "0" * 400], ["`dynamics.epsilon`", "float"]),
        (["run", "canonical", "--dynamics.epsilon", "small"], ["`dynamics.epsilon`", "'small'"]),
        (["run", "canonical", "--dynamics.epsilon", "true"], ["`dynamics.epsilon`", "True"]),
        (["run", "canonical", "--dynamics.epsilon", "2020-01-01"], ["`dynamics.epsilon`"]),
        (["run", "canonical", "--dynamics.until", "[]"], ["`dynamics.until`"]),
        (["run", "canonical", "--dynamics.kind", "sgd"], ["`dynamics.kind`", "'mean_field'", "'sgd'"]),
        (["run", "canonical", "--dynamics.particles", "0"], ["`dynamics.particles`", '"auto"']),
        (["run", "canonical", "--dynamics.particles", "1.5"], ["`dynamics.particles`"]),
        (
            ["run", "canonical", "--dynamics.neurons", "9", "--dynamics.particles", "9"],
            ["`dynamics.neurons`"],
        ),
        (["run", "canonical", "--dynamics.seed", "-1"], ["`dynamics.seed`"]),
        (["run", "canonical", "--dynamics.tolerance", "2"], ["`dynamics.tolerance`", "between 0 and 1"]),
        (["run", "canonical", "--dynamics.second_layer", "unifrom"], ["did you mean 'uniform'"]),
        (["run", "canonical", "--dynamics.second_layer.hihg", "2"], ["did you mean 'high'"]),
        (["run", "canonical", "--dynamics.second_layer.high", "-9"], ["high"]),
        (["run", "canonical", "--dynamics.second_layer", "3"], ["`dynamics.second_layer`", "table"]),
        (["run", "canonical", "--problem.link", "[]"], ["`problem.link`"]),
        (["run", "canonical", "--problem.link", "[1, 'x']"], ["`problem.link`"]),
        (["run", "canonical", "--problem.link", "rleu"], ["`link`", "did you mean 'relu'"]),
        (["run", "canonical", "--problem.activation", "[true]"], ["`problem.activation`"]),
        (["run", "canonical", "--problem.activation", "3"], ["`problem.activation`"]),
        (["run", "canonical", "--solver.rtol", "0"], ["`solver.rtol`"]),
        (["run", "canonical", "--solver.states", "1"], ["`solver.states`", "at least 2"]),
        (
            ["run", "canonical", "--solver.stop_when_still", "1"],
            ["`solver.stop_when_still`", "true or false"],
        ),
        (["run", "canonical", "--theory.levels", "-1"], ["`theory.levels`"]),
        (["run", "canonical", "--theory.fraction", "1"], ["`theory.fraction`"]),
        (["run", "canonical", "--picture.scale", "lin"], ["`picture.scale`", "'linear'", "'log'"]),
        (["specs", "cannonical"], ["did you mean `canonical`"]),
        (["settings", "all"], ["all"]),
    ],
    ids=lambda part: " ".join(part)[:60] if isinstance(part, list) else None,
)
def test_bad_words(here, capsys, words, parts):
    refused(capsys, words, *parts)
    assert listing(here) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("title = \n", ["not valid TOML", "line 1"]),
        (b"\xff\xfe", ["UTF-8"]),
        ("", ["Table `problem` is missing"]),
        (CANONICAL.replace("[problem]", "[problm]"), ["`problm`", "did you mean `problem`"]),
        (CANONICAL.replace("epsilon", "epsilom"), ["`dynamics.epsilom`", "did you mean `dynamics.epsilon`"]),
        (CANONICAL.replace("until = 3.0", ""), ["Key `dynamics.until` is missing"]),
        (CANONICAL.replace("until = 3.0", "until = -3.0"), ["`dynamics.until`", "positive", "-3.0"]),
        (CANONICAL + "[picture]\nrtol = 1e-3\n", ["`picture.rtol`", "did you mean `solver.rtol`"]),
        (CANONICAL.replace("[theory]\nlevels = 3", "") + "\n[[theory]]\nlevels = 3\n", ["`theory`", "table"]),
        ("title = 3\n" + CANONICAL.split("\n", 2)[2], ["`title`", "text"]),
    ],
)
def test_bad_files(here, capsys, text, parts):
    path = here / "bad.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(capsys, ["run", "bad.toml"], "bad.toml", *parts)
    assert listing(here) == ["bad.toml"]


def test_folder_for_a_spec(here, capsys):
    (here / "results").mkdir()
    refused(capsys, ["run", "results"], "is a folder")
    (here / "results" / "spec.toml").write_text(CANONICAL)
    refused(capsys, ["run", "results"], "did you mean results/spec.toml?")


def test_output_folder_that_is_a_file(here, capsys):
    (here / "taken").write_text("precious")
    refused(capsys, ["run", "canonical", "--out", "taken"], "taken", "is a file")
    refused(capsys, ["run", "canonical", "--out", "taken/below"], "taken", "is a file")
    assert (here / "taken").read_text() == "precious"
    assert listing(here) == ["taken"]


def test_output_folder_that_cannot_be_written(here, capsys, monkeypatch):
    # a read-only folder does not stop a superuser, so the refusal of the file system is played
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    refused(capsys, ["run", "canonical", "--out", "a/b"], "a/b", "Permission denied")
    assert listing(here) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user that a mode can stop")
def test_read_only_folder(here, capsys):
    (here / "shut").mkdir(mode=0o555)
    refused(capsys, ["run", "canonical", "--out", "shut"], "Permission denied")


def test_file_of_the_result_that_is_a_folder(here, capsys):
    (here / "out" / "ladder.png").mkdir(parents=True)
    refused(capsys, ["run", "canonical", "--out", "out"], "ladder.png", "is a folder")
    assert listing(here) == ["out", "out/ladder.png"]
