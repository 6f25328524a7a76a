"""Packages whose public names are imported when they are first asked for."""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType
from typing import Any


def lazy(package: str) -> None:
    """Let a package carry out the imports under its `if TYPE_CHECKING:` one by one, each when its name is asked for.

    Type checkers read those imports as they stand, so that they and the running package cannot differ.

    Args:
        package: full name of the package, whose `__init__` calls this at its end.
    """
    sys.modules[package].__class__ = _LazyPackage


class _LazyPackage(ModuleType):
    """A module that looks up missing names in the imports of its own source."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in _imports(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        home, original = _imports(self)[name]
        # what is imported stays: to look through it for cycles again and again makes the import an eighth longer
        collecting = gc.isenabled()
        gc.disable()
        try:
            if home == self.__name__:
                value: Any = importlib.import_module(f"{home}.{original}")
            else:
                value = getattr(importlib.import_module(home), original)
        finally:
            if collecting:
                gc.enable()
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        own = [name for name in self.__dict__ if name.startswith("__")]
        return sorted({*own, *self.__dict__.get("__all__", ())})

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Pickled by name, as other modules are by those libraries that pickle functions."""
        return importlib.import_module, (self.__name__,)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ()):
            # the import system binds every loaded submodule to its parent, and a function of the same name, such as
            # saddlescope.solve, would turn into a module
            if _imports(self).get(name, ("",))[0] == self.__name__:
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)


def _imports(package: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the module and the name there of every name that a package imports under TYPE_CHECKING."""
    known = _known.get(package.__name__)
    if known is None:
        import ast
        import inspect

        known = _known[package.__name__] = {}
        for block in ast.parse(inspect.getsource(package)).body:
            if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
                for line in block.body:
                    assert isinstance(line, ast.ImportFrom)
                    assert line.module is not None
                    known |= {alias.asname or alias.name: (line.module, alias.name) for alias in line.names}
    return known


_known: dict[str, dict[str, tuple[str, str]]] = {}
