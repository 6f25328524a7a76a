"""The families of specs: one file each, found by its name, so that a new family is a new file and nothing else."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from saddlescope.specs.run_spec import RunSpec

DEFAULT = "single_index"


@functools.cache
def families() -> tuple[str, ...]:
    """Names of all families, the one that a spec without `family` belongs to first.

    >>> families()[0], "deep_linear" in families()
    ('single_index', True)
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return DEFAULT, *(name for name in names if name != DEFAULT)


def model(family: str) -> type[RunSpec]:
    """Return the class that holds the keys of a family.

    >>> model("deep_linear").__name__
    'Spec'
    """
    return importlib.import_module(f"{__name__}.{family}").Spec


@functools.cache
def all_files() -> tuple[str, ...]:
    """Patterns of all files that a run of any family writes."""
    return tuple(dict.fromkeys(name for family in families() for name in model(family).FILES))
