"""What the front page says is what happens."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np

from saddlescope.cli import main

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import pages  # noqa: E402  # pyright: ignore[reportMissingImports]

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_block_prints_what_the_page_says():
    assert not pages.run(ROOT / "README.md")


def test_the_table_is_that_of_the_run():
    import saddlescope as ss

    rows = re.findall(r"^ +([0-3]) +-?1 (\S+) +(\S+) +(\S+)", README, flags=re.MULTILINE)
    problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
    flow = ss.MeanFieldFlow(problem, epsilon=1e-8)
    order = ss.canonical_order(problem, flow.second_layer)
    run = ss.solve(flow, until=3.0)
    measured, predicted = ss.learning_times(run), order.times(1e-8)
    assert [int(row[0]) for row in rows] == [0, 1, 2, 3]
    for k, (_, said_predicted, said_measured, said_ratio) in enumerate(rows):
        assert pages.same(said_predicted, f"{predicted[k]:.3e}")
        assert pages.same(said_measured, f"{measured[k]:.3e}")
        assert pages.same(said_ratio, f"{measured[k] / predicted[k]:.4f}")
    # the whole table, where edges of plateaus lie between steps and move by some per cent with them
    table = re.search(r"^degree phi_k.*?^ +end[^\n]*$", README, flags=re.MULTILINE | re.DOTALL)
    assert table is not None
    printed = [line.split() for line in str(ss.compare(run)).splitlines()]
    for line in table[0].splitlines()[2:]:
        words = line.split()
        (shown,) = [row for row in printed if row[:1] == words[:1] and len(row) == len(words)]
        for said, now in zip(words, shown, strict=True):
            assert said == now or np.isclose(float(said), float(now), rtol=0.1, atol=0), (line, shown)
    assert "18 % later" in README
    assert round(100 * (measured[2] / order.leading_times(1e-8)[2] - 1)) == 18


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
