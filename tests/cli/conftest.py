"""Runs that several tests look at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_MAIN = "import sys; from saddlescope.cli import main; sys.exit(main())"
# A run of a second: few particles without refinement, and predictions in closed form only.
_SMALL = ["--dynamics.epsilon", "1e-4", "--dynamics.particles", "64", "--theory.levels", "1"]


@pytest.fixture(scope="session")
def small():
    """Settings that make a run of a second of `canonical`."""
    return _SMALL


@pytest.fixture(scope="session")
def command():
    """Run the command line in a process of its own, as a user does."""

    def run(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", _MAIN, *words],
            cwd=folder,
            env=os.environ | {"COLUMNS": "80"} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def finished(command, tmp_path_factory):
    """A folder with the result of a small run, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    done = command("run", "canonical", "--out", "first", *_SMALL, "--picture.overlaps", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done
