"""What JAX is told before its first array, whoever loads it: float64, and compiled programs that persist."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType


_programs_kept = False


def keep_programs(yes: bool = True) -> None:
    """Keep programs ready to run for the next process, see `saddlescope.solve.machine.ready`.

    Only for a process that runs no code but this package's, as the command line does: it is the text of this package
    that programs are known by, and a user may have changed what was loaded of it.

    Args:
        yes: or no longer.
    """
    global _programs_kept
    _programs_kept = yes


def programs_are_kept() -> bool:
    """Whether they are."""
    return _programs_kept


def apply_when_loaded() -> None:
    """Apply the settings as soon as JAX is imported in this process, or now if it has been.

    JAX takes the longest of all imports, and reading curves or refusing a spec needs none of it. Where it is imported
    first, by a module of ours or by the user, must not decide on the precision of an array.
    """
    if "jax" in sys.modules:
        _apply()
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


class _Watch:
    """Waits for the import of JAX, finds it as usual, and has the settings applied once it is loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "jax":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_apply(module: ModuleType) -> None:
            load(module)
            # only now: a Ctrl-C may have stopped it, and the next try must not be without settings
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            _apply()

        spec.loader.exec_module = load_and_apply
        return spec


def _apply() -> None:
    import jax

    # Learning dynamics span ten decades of time and residuals of order epsilon: float32 stalls or skips escapes.
    jax.config.update("jax_enable_x64", True)
    _persist_compiled_programs()


def _persist_compiled_programs() -> None:
    """Point JAX's compilation cache at the user's cache folder, unless the user has chosen a place or none is writable.

    A solve compiles for about two seconds the first time its shape of problem is met; from the cache it loads in a
    tenth of that.
    """
    import jax
    import platformdirs

    if jax.config.values["jax_compilation_cache_dir"] is not None or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = platformdirs.user_cache_path("saddlescope") / "programs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
