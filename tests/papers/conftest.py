"""A catalogue of small made-up experiments in a package of its own."""

import importlib
import itertools
import sys

import pytest

EXPERIMENT = """
from pathlib import Path
from saddlescope.papers import Criterion, Experiment, Result
from saddlescope.papers.framework.drawing import axes, finished, measured

def run(parameters):
    with open({log!r}, "a") as file:
        file.write("{name} {{}}\\n".format(parameters["size"]))
    {body}
    return Result({{"value": {value}}}, curves=[1.0, 2.0])

def draw(found):
    ax = axes()
    measured(ax, [1.0, 2.0], found.curves, 0, "measured")
    return finished(ax, "size", "value")

EXPERIMENT = Experiment(
    title="Made up {name}", claim="The value is one <exactly>.", source="a test",
    criteria=(Criterion("value", "the value", "absolute", 0.1, "rounding", claimed=1.0, {more}),),
    quick={{"size": 1}}, full={{"size": 2}}, run=run, draw=draw,
)
"""
PAPER = 'PLACE, TITLE, REFERENCE, ORDER = {place}, "Paper {name}", "Somebody (1999)", ("second",)\n'
_numbers = itertools.count()


class Made:
    """A package of made-up papers: `add` experiments, look at the `runs` made."""

    def __init__(self, folder):
        self.root = f"made_up_papers_{next(_numbers)}"
        self.folder, self.log = folder / self.root, folder / "runs.txt"
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()

    def add(self, paper, name, value="1.05", body="pass", more=""):
        place = self.folder / paper
        if not place.exists():
            place.mkdir()
            (place / "__init__.py").write_text(PAPER.format(place=len(list(self.folder.iterdir())), name=paper))
        text = EXPERIMENT.format(log=str(self.log), name=name, value=value, body=body, more=more)
        (place / f"{name}.py").write_text(text)
        # a module of the same name may have been imported, or its absence noted
        sys.modules.pop(f"{self.root}.{paper}.{name}", None)
        importlib.invalidate_caches()

    @property
    def runs(self):
        return self.log.read_text().split("\n")[:-1] if self.log.exists() else []


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Made(tmp_path)
    for name in [name for name in sys.modules if name.startswith("made_up_papers_")]:
        del sys.modules[name]
