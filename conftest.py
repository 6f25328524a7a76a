"""The test environment: programs compiled once for all workers and child processes, kept apart from the user's."""

import os
from pathlib import Path

import pytest

# before JAX is loaded; child processes inherit it
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent / ".pytest_cache" / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """A worker of the tests compiles thousands of programs, more than a process can hold."""
    yield
    from saddlescope.solve.machine.programs import make_room

    make_room(now=True)
