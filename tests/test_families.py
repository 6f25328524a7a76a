"""A family is one package and one registration: a toy family in a package of its own gets everything else."""

import json
import sys

import matplotlib.image
import numpy as np
import pytest

import saddlescope as ss
from saddlescope import families
from saddlescope.cli import main

SPEC = '''
from typing import ClassVar, Literal
from pydantic import Field
from saddlescope.specs.checks import Positive, Table
from saddlescope.specs.run_spec import RunSpec

class Dynamics(Table):
    """How it moves."""
    rate: Positive = Field(description="of the decay")
    until: Positive = Field(description="end of the time range")

class Spec(RunSpec):
    """An exponential decay."""
    FILES: ClassVar = ("trajectory.nc", "stages.json", "decay.png", "spec.toml")
    family: Literal["toy"] = Field("toy", description="which family of problems")
    dynamics: Dynamics
'''
STUDY = """
import math
import numpy as np
from saddlescope.study import Column, Comparison, Remark
from saddlescope.study import Study as Base
from saddlescope.trajectory import Trajectory

class Study(Base):
    KINDS = ("Decay",)
    def __init__(self, spec, title):
        self.spec, self.title = spec, title
    def predict(self):
        return math.log(2) / self.spec.dynamics.rate
    def solve(self, folder=None):
        time = np.linspace(0.0, self.spec.dynamics.until, 101)
        return Trajectory(
            kind="Decay", observables={"risk": np.exp(-self.spec.dynamics.rate * time)}, dims={"risk": ("time",)},
            coords={"time": time}, parameters={"rate": self.spec.dynamics.rate}, outcome="REACHED_END", message="Done.",
        )
    def compare(self, solved, predicted):
        return compared(solved, predicted, self.title)
    def pictures(self, solved, predicted):
        from saddlescope.plot import new_axes
        def draw():
            ax = new_axes()
            ax.plot(solved.time, solved["risk"])
            return ax
        return {"decay.png": draw}
    def trajectories(self, solved):
        return {"trajectory.nc": solved}
    @classmethod
    def compare_run(cls, run):
        return compared(run, math.log(2) / run.parameters["rate"], "Decay")

def compared(run, predicted, title):
    measured = float(np.interp(-0.5, -run["risk"], run.time))
    columns = (Column("event", "event", words=True), Column("predicted", "predicted"), Column("measured", "measured"))
    row = {"event": "half", "predicted": math.nan if predicted is None else predicted, "measured": measured}
    return Comparison(title, "", columns, (row,), remarks=(Remark("Outcome", run.message),), record={"half": measured})
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    package = tmp_path / "toy_family"
    package.mkdir()
    for name, text in {"__init__": "", "spec": SPEC, "study": STUDY}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    known = dict(families._PACKAGES)
    families.register("toy", "toy_family")
    families.all_files.cache_clear()
    yield package
    families._PACKAGES.clear()
    families._PACKAGES.update(known)
    families.packages.cache_clear()
    families.all_files.cache_clear()
    for name in [name for name in sys.modules if name.startswith("toy_family")]:
        del sys.modules[name]


TEXT = 'family = "toy"\ntitle = "A decay"\n[dynamics]\nrate = 2.0\nuntil = 5.0\n'


def test_a_new_family_is_run_compared_saved_loaded_and_drawn(toy, tmp_path, capsys):
    (tmp_path / "decay.toml").write_text(TEXT)
    assert main(["run", "decay.toml", "--dynamics.rate", "4", "--out", "out"]) == 0
    assert "half" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    assert record["half"] == pytest.approx(np.log(2) / 4, abs=2e-3)
    run = ss.load(tmp_path / "out" / "trajectory.nc")
    result = ss.compare(run)
    assert result.values()["predicted"] == pytest.approx([np.log(2) / 4])
    assert float(result.dataset["measured"].sel(event="half")) == pytest.approx(np.log(2) / 4, abs=2e-3)
    picture = matplotlib.image.imread(tmp_path / "out" / "decay.png")
    assert picture.ndim == 3


def test_keys_of_a_new_family_are_listed_and_checked(toy, tmp_path, capsys):
    assert main(["settings", "toy"]) == 0
    assert "--dynamics.rate" in capsys.readouterr().out
    (tmp_path / "decay.toml").write_text(TEXT)
    assert main(["run", "decay.toml", "--dynamics.rat", "4"]) == 2
    assert "did you mean `--dynamics.rate`" in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused(toy):
    with pytest.raises(ss.ArgumentError, match="`name` must be new"):
        families.register("deep_linear", "toy_family")


def test_a_run_of_no_family_is_refused():
    run = ss.Trajectory("Nobody", {}, {}, {"time": np.array([0.0, 1.0])}, outcome=ss.Outcome.REACHED_END)
    with pytest.raises(ss.ArgumentError, match="known family"):
        ss.compare(run)


@pytest.mark.parametrize("what", ["predict", "compare", "draw"])
def test_what_was_computed_survives_what_comes_after(toy, tmp_path, capsys, what):
    study = (toy / "study.py").read_text()
    broken = {
        "predict": ("return math.log(2) / self.spec.dynamics.rate", "raise KeyError('product')"),
        "compare": ("return compared(solved, predicted, self.title)", "return compared(solved, 1 / predicted[0], '')"),
        "draw": ('ax.plot(solved.time, solved["risk"])', "raise ValueError('no such colour')"),
    }[what]
    assert broken[0] in study
    study = study.replace(*broken)
    if what == "compare":  # without a theory there is nothing that fails
        study = study.replace("1 / predicted[0]", "None if predicted is None else 1 / predicted[0]")
    (toy / "study.py").write_text(study)
    (tmp_path / "decay.toml").write_text(TEXT)
    assert main(["run", "decay.toml", "--out", "out"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert {
        "predict": "Doubt Nothing is predicted: KeyError: 'product'.",
        "compare": "Doubt The prediction could not be set beside the run: TypeError:",
        "draw": "Doubt Picture decay.png could not be drawn: ValueError: no such colour.",
    }[what] in printed
    assert ss.load(tmp_path / "out" / "trajectory.nc").kind == "Decay"
    assert json.loads((tmp_path / "out" / "stages.json").read_text())["half"] > 0


@pytest.mark.parametrize("what", ["compare", "pictures", "stopped"])
def test_a_trajectory_stands_where_nothing_else_can_be_made_of_it(toy, tmp_path, capsys, what):
    study = (toy / "study.py").read_text()
    broken = {
        "compare": ("return compared(solved, predicted, self.title)", "raise IndexError('no row')"),
        "pictures": ('return {"decay', "raise LookupError('no canvas')\n        return {\"decay"),
        "stopped": ("return math.log(2) / self.spec.dynamics.rate", "raise KeyboardInterrupt"),
    }[what]
    assert broken[0] in study
    (toy / "study.py").write_text(study.replace(*broken))
    (tmp_path / "decay.toml").write_text(TEXT)
    assert main(["run", "decay.toml", "--out", "out"]) == (130 if what == "stopped" else 1)
    printed = " ".join(capsys.readouterr().out.split())
    doubt = {
        "compare": "Nothing is compared: IndexError: no row.",
        "pictures": "No picture could be drawn: LookupError: no canvas.",
        "stopped": "Nothing is predicted: that was stopped by the user.",
    }[what]
    assert f"Doubt {doubt}" in printed
    run = ss.load(tmp_path / "out" / "trajectory.nc")
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    if what == "compare":
        assert "trajectory.nc" in printed
        assert record["runs"][0]["end"] == run.time[-1]
    else:
        assert record["half"] == pytest.approx(np.log(2) / 2, abs=2e-3)
