"""A family that costs nothing, from `campaigns`, so that sweeps of hundreds of tasks take a second."""

import os
import sys
from pathlib import Path

import pytest

from saddlescope import families

ROOT = Path(__file__).parents[2]
COMMAND = (
    "import sys; sys.path.insert(0, {path!r}); from saddlescope.families import register;"
    "register('relaxation', 'campaigns.relaxation'); from saddlescope.cli import main; sys.exit(main({words!r}))"
)


@pytest.fixture
def relaxation(monkeypatch):
    """The family, known to this process and those it starts; the tables of a spec."""
    monkeypatch.syspath_prepend(ROOT)
    families.register("relaxation", "campaigns.relaxation")
    yield {"family": "relaxation", "dynamics": {}}
    families._PACKAGES.pop("relaxation")
    families.packages.cache_clear()


@pytest.fixture
def command():
    """Words of a command that runs `saddlescope WORDS` in a process that knows the family."""

    def of(*words):
        return [sys.executable, "-c", COMMAND.format(path=str(ROOT), words=list(map(str, words)))]

    return of


@pytest.fixture
def environment():
    """What a child process is told, so that it finds the package that is tested."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "MPLBACKEND": "agg"}
