"""The registry of families: the name that a spec gives, and the package that holds its `spec` and its `study`.

A family is one package with two modules: `spec`, whose class `Spec` holds the keys of a spec file, and `study`, whose
class `Study` runs one. It becomes known by a line below, by `register`, or by an entry point of the group
`saddlescope.families` in the metadata of an installed distribution.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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


def compare(*results: Any, labels: Sequence[str] | None = None, flow: Any = None, **options: Any) -> Any:
    """Return predicted beside measured: for one run, a curve of your own, or several descriptions of one problem.

    Args:
        results: one trajectory of any family; or a curve (a `Curve`, its `Stages`, or anything with `.time` and
            `.value`) and a spec (the name of a shipped one, a path, what `saddlescope.specs.read` returned, or a
            trajectory), whose run is set beside the curve on a free scale of time; or several trajectories of one
            single-index problem, with a `canonical_order` among them if wanted.
        labels: of several descriptions; by default what they are, with width, dimension and step size.
        flow: what made the one run, where it does not know because it was loaded from a file.
        options: for one run of a two-layer network `levels`, the degrees to predict, and `fraction`, the share of its
            target at which a degree counts as learnt; of a deep linear network `max_rank`. For several `fraction`.

    Returns:
        A `Comparison` for one run or a curve, `Descriptions` for several. Both print as tables.

    Raises:
        ArgumentError: if there is no result, or one of another problem, or no family knows it.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0])
        >>> run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-6), until=0.1)
        >>> result = ss.compare(run)
        >>> [int(row["degree"]) for row in result.rows]
        [0, 1]
        >>> bool(abs(result.values()["measured_over_predicted"][1] - 1) < 0.01)
        True
    """
    from saddlescope.trajectory import Trajectory

    if results and _measured(results[0]):
        if len(results) != 2 or labels is not None or flow is not None or options:
            from saddlescope.arguments import ArgumentError

            raise ArgumentError(
                "results", "be a curve and one spec, as in compare(curve, spec), and no more", len(results)
            )
        from saddlescope.study.curve_beside_run import compare_curve, model_of

        return compare_curve(results[0], model_of(results[1]))
    if len(results) == 1 and isinstance(results[0], Trajectory) and labels is None:
        run = results[0]
        return study_of(run).compare_run(run, **({} if flow is None else {"flow": flow}), **options)
    from saddlescope.single_index import side_by_side

    return side_by_side(*results, labels=labels, **options)


def _measured(subject: Any) -> bool:
    """Whether it is a curve or what was found on one, and no run."""
    from saddlescope.measure import Stages

    return isinstance(subject, Stages) or (
        hasattr(subject, "time") and hasattr(subject, "value") and not hasattr(subject, "observables")
    )


@functools.cache
def all_files() -> tuple[str, ...]:
    """Patterns of all files that a run of any family writes."""
    return tuple(dict.fromkeys(name for family in families() for name in model(family).FILES))
