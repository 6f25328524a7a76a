"""Compiled programs that outlive the process: JAX's persistent compilation cache, in the user's cache folder."""

from __future__ import annotations

import os

import jax
import platformdirs


def persist_compiled_programs() -> None:
    """Point JAX's compilation cache at the user's cache folder, unless the user has chosen a place or none is writable.

    A solve compiles for about two seconds the first time its shape of problem is met; from the cache it loads in a
    tenth of that.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = platformdirs.user_cache_path("saddlescope") / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
