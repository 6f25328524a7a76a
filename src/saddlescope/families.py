"""The registry of families: the name that a spec gives, and the package that holds its `spec` and its `study`.

A family is one package with two modules: `spec`, whose class `Spec` holds the keys of a spec file, and `study`, whose
class `Study` runs one. It becomes known by a line below, by `register`, or by an entry point of the group
`saddlescope.families` in the metadata of an installed distribution.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saddlescope.specs.run_spec import RunSpec
    from saddlescope.study import Study
    from saddlescope.trajectory import Trajectory

DEFAULT = "single_index"  # the family of a spec that names none

_PACKAGES = {
    "single_index": "saddlescope.single_index",
    "network": "saddlescope.single_index.network",
    "deep_linear": "saddlescope.deep_linear",
    "deep_linear_distances": "saddlescope.deep_linear.landscape",
    "diagonal_linear": "saddlescope.diagonal_linear",
}


def register(name: str, package: str) -> None:
    """Make a family known to this process.

    Args:
        name: that specs give as `family`.
        package: importable name of the package that holds its modules `spec` and `study`.

    Raises:
        ArgumentError: if another package has that name.
    """
    known = packages().get(name, package)
    if known != package:
        from saddlescope.arguments import ArgumentError

        raise ArgumentError("name", f"be new: {name!r} is the family of {known}", name)
    _PACKAGES[name] = package
    packages.cache_clear()


@functools.cache
def packages() -> dict[str, str]:
    """Return name -> package of all families, those of installed entry points among them.

    >>> packages()["deep_linear"]
    'saddlescope.deep_linear'
    """
    installed = {entry.name: entry.value for entry in importlib.metadata.entry_points(group="saddlescope.families")}
    return installed | _PACKAGES


def families() -> tuple[str, ...]:
    """Return the names of all families, the one that a spec without `family` belongs to first.

    >>> families()[0], "deep_linear" in families()
    ('single_index', True)
    """
    return DEFAULT, *sorted(name for name in packages() if name != DEFAULT)


def model(family: str) -> type[RunSpec]:
    """Return the class that holds the keys of a family.

    >>> model("deep_linear").__name__
    'Spec'
    """
    return importlib.import_module(f"{packages()[family]}.spec").Spec


def study(spec: RunSpec, title: str = "") -> Study:
    """Return what runs a spec.

    Args:
        spec: as `saddlescope.specs.read` returns it.
        title: what to call it in tables and pictures; by default its own title.

    Raises:
        ArgumentError: if something in the spec cannot be made.

    >>> from saddlescope.specs import read
    >>> study(read("canonical")).title
    'Canonical order: degrees 0 to 3 are learnt one at a time'
    """
    return importlib.import_module(f"{packages()[spec.family]}.study").Study(spec, title or spec.title)


def study_of(run: Trajectory) -> type[Study]:
    """Return the study whose dynamics made a trajectory.

    Raises:
        ArgumentError: if it was made by none that is known.
    """
    for package in packages().values():
        result: type[Study] = importlib.import_module(f"{package}.study").Study
        if run.kind in result.KINDS:
            return result
    from saddlescope.arguments import ArgumentError

    raise ArgumentError("run", "be the trajectory of a dynamics of a known family", run.kind)


@functools.cache
def all_files() -> tuple[str, ...]:
    """Patterns of all files that a run of any family writes."""
    return tuple(dict.fromkeys(name for family in families() for name in model(family).FILES))
