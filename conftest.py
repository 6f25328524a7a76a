"""The test environment: programs compiled once for all workers and child processes, kept apart from the user's."""

import os
from importlib.metadata import version
from pathlib import Path

import pytest

# before JAX is loaded; child processes inherit it
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent / ".pytest_cache" / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
# Tests compile many thousands of programs for a few calls each, most of them of one operation: these settings of XLA
# make that three times as fast. Where a variable asks for others, those count; a version of XLA that does not know one
# would end the process, so later ones go without.
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    _QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    os.environ["XLA_FLAGS"] = f"{_QUICK} {os.environ.get('XLA_FLAGS', '')}".strip()


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """A worker of the tests compiles thousands of programs, more than a process can hold."""
    yield
    from saddlescope.solve.machine.programs import make_room

    make_room(now=True)
