"""A sweep as it is written: a spec with a table `sweep`, or a spec and axes in Python."""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from saddlescope.arguments import ArgumentError, echo, shortened
from saddlescope.specs.checks import Flag, Table, Text
from saddlescope.specs.explaining import sentence
from saddlescope.specs.reading import checked, tables_of
from saddlescope.specs.refusals import SpecError, nearest
from saddlescope.specs.run_spec import RunSpec
from saddlescope.specs.shipping import shipped
from saddlescope.sweep.axes import Axis, made
from saddlescope.sweep.design import Design, designed, placed
from saddlescope.sweep.shipping import shipped_sweeps
from saddlescope.sweep.task import KEEPS, Keep


class SweepTable(Table):
    """What makes a spec a sweep."""

    spec: Text | None = Field(None, description="the spec that this one changes: a shipped one, or a file beside this")
    axes: dict[str, Any] = Field({}, description="what changes: dotted key -> values")
    measure: Text | None = Field(None, description="file.py:function, package.module:function or a name of ours")
    compare: Flag = Field(True, description="set each task beside what is predicted")
    keep: Literal["none", "observables", "all"] = Field("none", description="what is kept of trajectories")
    columns: list[Text] = Field([], description="of the printed table; by default those that fit")
    draw: list[Text] = Field([], description="what is drawn, a picture each; by default the first column")


class _Outer(Table):
    sweep: SweepTable


@dataclass(frozen=True)
class Asked:
    """A sweep that is asked for.

    Attributes:
        design: its tasks.
        name: of the spec, for a folder; title: for people.
        keep: of trajectories.
        columns, draw: what to print and to draw; empty for what fits.
    """

    design: Design
    name: str
    title: str
    keep: Keep = "none"
    columns: tuple[str, ...] = ()
    draw: tuple[str, ...] = ()


def asked_for(
    spec: Any,
    changes: Sequence[str] = (),
    *,
    axes: Mapping[str, Any] | None = None,
    measure: Any = None,
    keep: Any = None,
    compare: bool | None = None,
    yes: bool = False,
) -> Asked:
    """Return the sweep that a spec and axes make; what is given here goes before what the spec says.

    Args:
        spec: name of a shipped spec or sweep, path of a TOML file, tables, or a checked spec.
        changes: settings, as words of a command line.
        axes: see `axes.made`.
        measure: a function, or where to find one.
        keep: what is kept of trajectories.
        compare: whether to set tasks beside what is predicted.
        yes: allow more than 10^7 tasks.

    Raises:
        ArgumentError, SpecError: for bad input.
    """
    content, source, folder = _opened(spec)
    table, content, source_folder = _parted(content, source, folder)
    given = made({**table.axes, **(axes or {})} if table.axes or axes else axes)
    if keep is not None and keep not in KEEPS:
        raise ArgumentError("keep", f"be one of {', '.join(KEEPS)}", keep)
    function = _measure(table.measure, folder) if measure is None else _measure(measure, Path())
    base = _base(content, given, source, source_folder, changes)
    design = designed(
        base,
        given,
        source=source,
        folder=folder,
        measure=function,
        compare=table.compare if compare is None else bool(compare),
        yes=yes,
    )
    title = base.get("title") or source
    return Asked(
        design,
        Path(source).stem,
        title,
        table.keep if keep is None else keep,
        tuple(table.columns),
        tuple(table.draw),
    )


def _opened(spec: Any) -> tuple[dict[str, Any], str, Path]:
    if isinstance(spec, RunSpec):
        return spec.plain(), spec.title or spec.family, Path()
    if isinstance(spec, Mapping):
        return dict(spec), str(spec.get("title") or "of tables"), Path()
    if isinstance(spec, Path):
        spec = str(spec)
    if not isinstance(spec, str):
        raise ArgumentError("spec", "be the name of a spec, the path of a file, tables, or what `read` returned", spec)
    sweeps = shipped_sweeps()
    if spec in sweeps:
        return tomllib.loads(sweeps[spec]), spec, Path()
    try:
        return tables_of(spec)
    except SpecError as error:
        if "no shipped spec" in str(error):
            known = [*sweeps, *shipped()]
            hint = nearest(spec, known) or f" (shipped sweeps: {', '.join(sweeps)})"
            raise SpecError(f"There is no file and no shipped spec or sweep {echo(spec)}{hint}.") from None
        raise


def _parted(content: dict[str, Any], source: str, folder: Path) -> tuple[SweepTable, dict[str, Any], Path]:
    """The table `sweep`, the tables of the spec to be run, and the folder that its files are relative to."""
    told = content.get("sweep", {})
    try:
        table = _Outer.model_validate({"sweep": told}).sweep
    except ValidationError as error:
        raise SpecError(sentence(error, _Outer, f"sweep {source}")) from None
    own = {key: value for key, value in content.items() if key != "sweep"}
    if table.spec is None:
        return table, own, folder
    name = table.spec if table.spec in shipped() else str(folder / table.spec)
    below, _, base_folder = tables_of(name)
    if "sweep" in below:
        raise SpecError(f"Spec {shortened(name)}, which sweep {source} changes, is a sweep itself.")
    return table, _merged(below, own), base_folder


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _base(
    content: dict[str, Any], axes: tuple[Axis, ...], source: str, folder: Path, changes: Sequence[str]
) -> dict[str, Any]:
    """Tables of the first task; what changes may be missing in the spec."""
    swept = [key for axis in axes for key in axis.keys]
    named = {word[2:].partition("=")[0] for word in changes if word.startswith("--")}
    both = next((key for key in swept if key in named), None)
    if both is not None:
        raise SpecError(f"`--{both}` is an axis of sweep {source}: change its values there.")
    for axis in axes:
        for key, value in zip(axis.keys, axis.points[0], strict=True):
            content = placed(content, key, value)
    return checked(content, source, folder, changes).plain()


def _measure(given: Any, folder: Path) -> Any:
    """A function, or the one that a text names."""
    if given is None:
        return None
    if callable(given):
        return given
    if not isinstance(given, str):
        raise ArgumentError("measure", "be a function of a trajectory, or say where one is", given)
    place, colon, name = given.rpartition(":")
    try:
        if not colon:
            module: Any = importlib.import_module("saddlescope.sweep.measures")
        elif place.endswith(".py"):
            module = _from_file(folder / place)
        else:
            module = importlib.import_module(place)
    except (ImportError, OSError, SyntaxError) as error:
        raise ArgumentError("measure", f"name a module that can be imported ({error})", given) from None
    function = getattr(module, name, None)
    if not callable(function) or name.startswith("_"):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ArgumentError("measure", f"name a function{nearest(name, known)}", given)
    return function


def _from_file(path: Path) -> Any:
    """A module of the user's, known to nobody else, so that its functions are sent to workers with their code."""
    result = importlib.util.spec_from_file_location(f"saddlescope_measure_{path.stem}", path)
    if result is None or result.loader is None or not path.is_file():
        raise OSError(f"there is no file {path}")
    module = importlib.util.module_from_spec(result)
    result.loader.exec_module(module)
    return module
