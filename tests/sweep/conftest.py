"""A family that costs nothing, in a package of its own, so that sweeps of hundreds of tasks take a second."""

import os
import sys

import pytest

from saddlescope import families

SPEC = '''
from typing import ClassVar, Literal
from pydantic import Field
from saddlescope.specs.checks import Count, CountFromZero, Positive, Table, Text
from saddlescope.specs.run_spec import RunSpec

class Dynamics(Table):
    """How it relaxes."""
    rate: Positive = Field(description="of the decay")
    amplitude: Positive = Field(1.0, description="at the start")
    seed: CountFromZero = Field(0, description="of nothing")
    terms: Count = Field(1, description="rows of the table")
    seconds: Positive | None = Field(None, description="that it takes")
    fault: Text = Field("", description="what goes wrong")
    at: Positive = Field(1e300, description="rates from which that happens")

class Spec(RunSpec):
    """An exponential decay."""
    family: Literal["relaxation"] = Field("relaxation", description="which family of problems")
    dynamics: Dynamics
'''
STUDY = """
import math
import os
import signal
import time
import numpy as np
from saddlescope.arguments import ArgumentError
from saddlescope.solve.control import in_charge
from saddlescope.study import Column, Comparison
from saddlescope.study import Study as Base
from saddlescope.trajectory import Trajectory

class Study(Base):
    KINDS = ("Relaxation",)
    def __init__(self, spec, title):
        self.spec, self.title = spec, title
        if spec.dynamics.rate == 13:
            raise ArgumentError("rate", "be no unlucky number", spec.dynamics.rate)
    def predict(self):
        return math.log(2) / self.spec.dynamics.rate
    def solve(self, folder=None):
        how = self.spec.dynamics
        outcome = "REACHED_END"
        if how.rate >= how.at:
            if how.fault == "raise":
                raise ZeroDivisionError("division by zero")
            if how.fault == "limit":
                outcome = "STEP_LIMIT"
            if how.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how.fault == "memory":
                kept = [np.ones(10**7) for _ in range(200)]
                time.sleep(5)
        asked = in_charge()
        end = time.monotonic() + (how.seconds or 0.0)
        while time.monotonic() < end and not asked.ended:
            time.sleep(0.005)
        if asked.ended:
            outcome = asked.ended
        t = np.linspace(0.0, 3.0 / how.rate, 301)
        return Trajectory(
            kind="Relaxation",
            observables={"risk": how.amplitude * np.exp(-how.rate * t), "state": np.ones((3, 2))},
            dims={"risk": ("time",), "state": ("state_time", "entry")},
            coords={"time": t, "state_time": np.arange(3.0)}, outcome=outcome,
            parameters={"rate": how.rate, "terms": how.terms},
        )
    def compare(self, solved, predicted):
        columns = (Column("term", "term"), Column("measured", "measured"), Column("predicted", "predicted"))
        half = float(np.interp(-0.5 * solved["risk"][0], -solved["risk"], solved.time))
        rows = tuple(
            {"term": k, "measured": half * k, "predicted": math.nan if predicted is None else predicted * k}
            for k in range(1, self.spec.dynamics.terms + 1)
        )
        complete = solved.outcome.complete
        return Comparison(self.title, "", columns, rows, record={"final_risk": float(solved["risk"][-1])},
                          complete=complete, interrupted=solved.outcome in ("INTERRUPTED", "DEADLINE"))
    def pictures(self, solved, predicted):
        return {}
    def trajectories(self, solved):
        return {"trajectory.nc": solved}
"""
COMMAND = (
    "import sys; sys.path.insert(0, {path!r}); from saddlescope.families import register;"
    "register('relaxation', 'toy_relaxation'); from saddlescope.cli import main; sys.exit(main({words!r}))"
)


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The folder that the package of the family lies in."""
    folder = tmp_path_factory.mktemp("family")
    (folder / "toy_relaxation").mkdir()
    for name, text in {"__init__": "", "spec": SPEC, "study": STUDY}.items():
        (folder / "toy_relaxation" / f"{name}.py").write_text(text)
    return folder


@pytest.fixture
def relaxation(package, monkeypatch):
    """The family, known to this process and those it starts; the tables of a spec."""
    monkeypatch.syspath_prepend(package)
    families.register("relaxation", "toy_relaxation")
    yield {"family": "relaxation", "dynamics": {}}
    families._PACKAGES.pop("relaxation")
    families.packages.cache_clear()
    for name in [name for name in sys.modules if name.startswith("toy_relaxation")]:
        del sys.modules[name]


@pytest.fixture
def command(package):
    """Words of a command that runs `saddlescope WORDS` in a process that knows the family."""

    def of(*words):
        return [sys.executable, "-c", COMMAND.format(path=str(package), words=list(map(str, words)))]

    return of


@pytest.fixture
def environment():
    """What a child process is told, so that it finds the package that is tested."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MPLBACKEND": "agg"}
