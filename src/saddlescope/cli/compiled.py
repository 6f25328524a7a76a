"""Compiled programs are kept in the user's cache folder: only the first run of a kind compiles."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

# A program of the integrator is about 0.1 MB.
_MOST_BYTES = 256 * 1024**2


def keep_compiled_programs() -> bool:
    """Turn on JAX's persistent compilation cache, and return whether it was empty: this run will compile.

    Where the user chose a cache (JAX_COMPILATION_CACHE_DIR), or no cache folder can be made, nothing is
    changed.
    """
    import jax
    import platformdirs

    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return False
    # Programs for one processor can be illegal on another that shares the home folder.
    folder = platformdirs.user_cache_path("saddlescope") / "compiled" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
        _prune(folder)
    except OSError:
        return False
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return empty


def _prune(folder: Path) -> None:
    """Delete the oldest programs beyond the limit; JAX does so itself only with one package more."""
    entries = sorted(((e.stat().st_mtime, e.stat().st_size, e) for e in folder.iterdir()), reverse=True)
    total = 0
    for _, size, entry in entries:
        total += size
        if total > _MOST_BYTES:
            entry.unlink(missing_ok=True)


def _processor() -> str:
    """A short name for what this processor can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        able = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        able = platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(able.encode()).hexdigest()[:12]}"
