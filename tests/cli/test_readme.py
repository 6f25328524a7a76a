"""What the front page says is what happens."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from saddlescope.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Names and output of the Python example, run in a folder of its own."""
    import contextlib
    import io
    import os

    code, *others = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 10
    folder, before = tmp_path_factory.mktemp("readme"), os.getcwd()
    names: dict[str, object] = {}
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "README.md", "exec"), names)
        for other in others:
            later = dict(names)
            with contextlib.redirect_stdout(io.StringIO()) as of_other:
                exec(compile(other, "README.md", "exec"), later)
            print(of_other.getvalue())
    finally:
        os.chdir(before)
    assert (folder / "run.nc").is_file()
    return code, names, out.getvalue()


def test_numbers_in_the_example_are_those_it_prints(example):
    code, _, out = example
    claimed = [[float(x) for x in re.findall(r"\d\.\d\de-\d\d", line)] for line in code.splitlines()]
    claimed = [numbers for numbers in claimed if numbers]
    printed = [np.fromstring(part, sep=" ") for part in re.findall(r"\[([^\]]*)\]", out.replace("\n", " "))]
    assert len(claimed) == len(printed) == 2
    for said, got in zip(claimed, printed, strict=True):
        assert np.allclose(said, got, rtol=6e-3)


def test_table_is_that_of_the_run_in_the_example(example):
    import saddlescope as ss

    _, names, _ = example
    run, problem, flow = names["run"], names["problem"], names["flow"]
    assert isinstance(run, ss.Trajectory)
    assert isinstance(problem, ss.SingleIndex)
    assert isinstance(flow, ss.MeanFieldFlow)
    rows = re.findall(r"^ +([0-3]) +-?1 (\S+) +(\S+) +(\S+)", README, flags=re.MULTILINE)
    measured = ss.learning_times(run)
    predicted = ss.canonical_order(problem, flow.second_layer).times(1e-8)
    assert [int(row[0]) for row in rows] == [0, 1, 2, 3]
    for k, (_, said_predicted, said_measured, said_ratio) in enumerate(rows):
        assert float(said_predicted) == pytest.approx(predicted[k], rel=1e-3)
        assert float(said_measured) == pytest.approx(measured[k], rel=1e-3)
        assert float(said_ratio) == pytest.approx(measured[k] / predicted[k], abs=1e-3)
    assert "18 % later" in README
    leading = ss.canonical_order(problem, flow.second_layer).leading_times(1e-8)
    assert round(100 * (measured[2] / leading[2] - 1)) == 18


def test_commands_exist(capsys):
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)$", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    commands = re.findall(r"^saddlescope (\w+)", README, flags=re.MULTILINE)
    assert {"run", "specs"} <= set(commands)
    for command in set(commands):
        assert main([command, "--help"]) == 0
    assert main(["specs", "canonical"]) == 0
    assert tomllib.loads(capsys.readouterr().out.split("\n# Degrees", 1)[1].split("\n", 1)[1])["dynamics"]


def test_links_and_picture_are_there():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).is_file(), target
    picture = ROOT / "docs" / "images" / "canonical.png"
    assert picture.stat().st_size < 200_000
