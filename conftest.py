"""The test environment: programs compiled once for all workers and child processes, kept apart from the user's."""

import os
from pathlib import Path

# before JAX is loaded; child processes inherit it
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent / ".pytest_cache" / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
