"""The command `sweep`: many runs with one bar, a table, pictures, and what else can be done with a store."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError, in_a_sentence
from saddlescope.cli import caches
from saddlescope.cli.signals import when_asked
from saddlescope.jax_settings import keep_programs
from saddlescope.specs import SpecError

if TYPE_CHECKING:
    import xarray
    from rich.console import Console

    from saddlescope.sweep.running import Standing
    from saddlescope.sweep.spec import Asked
    from saddlescope.sweep.sweep import Sweep

_UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Wanted:
    """The options of the command, as they were given."""

    axes: tuple[str, ...] = ()
    engine: str = "auto"
    workers: int | None = None
    memory: str | None = None
    measure: str | None = None
    keep: str | None = None
    again: str | None = None
    array: str | None = None
    out: Path | None = None
    export: Path | None = None
    status: bool = False
    prune: bool = False
    tasks: bool = False
    yes: bool = False


def run_sweep(name: str, changes: Sequence[str], wanted: Wanted) -> int:
    """Carry out a sweep, or tell of it, export or clean it; return the exit code.

    Args:
        name: a shipped sweep or spec, or the path of a TOML file.
        changes: settings, as words of a command line.
        wanted: options.

    Raises:
        SpecError, ArgumentError: for bad input, before anything runs.
    """
    from saddlescope.sweep.engines import check_engine
    from saddlescope.sweep.spec import asked_for
    from saddlescope.sweep.sweep import Sweep, check_again

    # before there is a folder
    check_engine(wanted.engine, wanted.workers)
    check_again(wanted.again)
    memory, share = _memory(wanted.memory), _share(wanted.array)
    if wanted.measure is not None:  # code of the user's
        keep_programs(False)
    measure = None if wanted.measure is None else _from_here(wanted.measure)
    asked = asked_for(name, changes, axes=_axes(wanted.axes), measure=measure, keep=wanted.keep, yes=wanted.yes)
    if wanted.export is not None:
        from saddlescope.sweep.results.export import check_kind

        check_kind(wanted.export)
    folder = Path(asked.name) if wanted.out is None else wanted.out
    caches.check()

    only_read = wanted.status or wanted.export is not None
    with Sweep(asked, folder, write=not only_read) as run:
        if run.store.damaged:
            many = len(run.store.damaged)
            told = "1 result was damaged and counts" if many == 1 else f"{many} results were damaged and count"
            print(f"saddlescope: {told} as missing: {run.store.damaged[0]}.", file=sys.stderr)
        if wanted.status:
            return _tell_status(run, folder)
        if wanted.prune:
            return _prune(run, folder, yes=wanted.yes)
        if wanted.export is not None:
            from saddlescope.sweep.results.export import exported

            print(f"Wrote     {exported(run.dataset(), wanted.export)}")
            return 0
        return _carry_out(run, asked, wanted, memory, share)


def _carry_out(run: Sweep, asked: Asked, wanted: Wanted, memory: float | None, share: tuple[int, int] | None) -> int:
    from saddlescope.cli.terminal import Terminal
    from saddlescope.solve.control import Control
    from saddlescope.sweep.bar import SweepBar

    with SweepBar(tasks=wanted.tasks) as bar, Control() as control, when_asked(control.cancel):
        standing = run.run(
            engine=wanted.engine,
            workers=wanted.workers,
            memory=memory,
            again=wanted.again,
            share=share,
            watch=bar.watch,
        )
    if standing.interrupted:
        print(
            f"saddlescope: stopped by the user, {standing.left} of {standing.total} tasks are left; the same command "
            "goes on from here.",
            file=sys.stderr,
        )
        return 130
    if share is not None:
        print(f"Share {share[0]} of {share[1]}: {standing.finished} tasks, {standing.failed} of them failed.")
        return 1 if standing.failed else 0
    dataset = run.dataset()
    console = Terminal()
    _show(console, asked, dataset, standing)
    undrawn = _draw(console, asked, dataset, run.store.folder)
    return 1 if undrawn or not bool(dataset.complete.values.all()) else 0


def _show(console: Console, asked: Asked, dataset: xarray.Dataset, standing: Standing) -> None:
    from rich.text import Text

    from saddlescope.study.rendering import grid
    from saddlescope.sweep.results.table import failures, outcomes, tabulated

    console.print(Text(asked.title, style="bold"))
    heads, rows, more = tabulated(dataset, asked.columns)
    console.print()
    console.print(grid(heads, rows))
    if more:
        console.print(Text(f"... and {more} rows more: --export FILE.csv writes all.", style="dim"))
    console.print()
    ended = ", ".join(f"{count} {name}" for name, count in outcomes(dataset).items())
    console.print(Text(f"Tasks     {standing.total}, {standing.known} of them known before: {ended}."))
    for place, line in enumerate(failures(dataset)):
        console.print(Text(f"{'' if place else 'Failed':<10}{line}"), soft_wrap=True)
    said = [text for text in dataset.doubts.values.ravel() if text]
    if said:
        console.print(Text(f"Doubts    in {len(said)} tasks, such as: {said[0].splitlines()[0]}"))
    console.print(Text(f"Store     {dataset.attrs['store']}"), soft_wrap=True)


def _draw(console: Console, asked: Asked, dataset: xarray.Dataset, folder: Path) -> bool:
    """Draw what fits; return whether something that was asked for could not be drawn."""
    from rich.text import Text

    from saddlescope import plot
    from saddlescope.plot.parts.canvas import entitle

    failed = False
    for name in asked.draw or (None,):
        path = folder / (f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}.png" if name else f"{asked.name}.png")
        try:
            plot.save(entitle(plot.sweep(dataset, name), asked.title, pad=14), path)
        except ArgumentError as error:
            failed = failed or name is not None
            console.print(Text(f"Picture   none: {error}"))
        except OSError:
            raise
        except Exception as error:  # a picture is the least of a result
            failed = True
            console.print(Text(f"Picture   {path.name} could not be drawn: {in_a_sentence(error)}"))
        else:
            console.print(Text(f"Wrote     {path}"), soft_wrap=True)
    return failed


def _tell_status(run: Sweep, folder: Path) -> int:
    from saddlescope.sweep.store.runners import at_work

    known = run.outlook()
    total = len(run.asked.design)
    left = total - known.complete - known.failed
    print(f"{folder}: {total} tasks, {known.complete} complete, {known.failed} failed, {left} left.")
    for runner in at_work(folder):
        print(f"At work   {runner['runner']}, {runner.get('engine')}: {runner.get('finished')} finished")
        for line in runner.get("running", []):
            print(f"          {line}")
    return 0


def _prune(run: Sweep, folder: Path, *, yes: bool) -> int:
    from saddlescope.sweep.store.runners import at_work

    if at_work(folder):
        raise SpecError(f"The sweep in {folder} is running: it can be cleaned when it is over.")
    wanted = {identity.tobytes().hex() for identity in run.identities}
    results, rest = run.store.prunable(wanted)
    for path in rest:
        path.unlink(missing_ok=True)
    print(f"Removed {len(rest)} files that no result needs.")
    if results:
        size = sum(path.stat().st_size for path in results) / 1e6
        what = (
            f"{len(results)} files ({size:.3g} MB) of results that this sweep does not ask for, or that were replaced"
        )
        if not yes:
            print(f"There are {what}: --prune --yes removes them.")
            return 0
        for path in results:
            path.unlink(missing_ok=True)
        run.store.refresh()
        print(f"Removed {what}.")
    return 0


def _axes(given: Sequence[str]) -> dict[str, Any] | None:
    """Axes of the command line: KEY=VALUES, where VALUES are TOML."""
    results: dict[str, Any] = {}
    for text in given:
        key, equals, values = text.partition("=")
        if not equals:
            raise ArgumentError("--axis", "be KEY=VALUES, such as dynamics.epsilon=[1e-6,1e-8]", text)
        try:
            results[key.strip()] = tomllib.loads(f"values = {values}")["values"]
        except tomllib.TOMLDecodeError:
            must = "give values as a list or a table, such as {logspace = [1e-9, 1e-4], points = 6}"
            raise ArgumentError("--axis", must, text) from None
    return results or None


def _from_here(measure: str) -> str:
    """A file named on the command line is relative to where that is typed."""
    place, colon, name = measure.rpartition(":")
    return f"{Path(place).absolute()}:{name}" if colon and place.endswith(".py") else measure


def _memory(text: str | None) -> float | None:
    if text is None:
        return None
    result = re.fullmatch(r"([0-9.]+)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    try:
        size = float(result[1]) * _UNITS[result[2].upper()] if result else 0.0
    except ValueError:
        size = 0.0
    if size <= 0:
        raise ArgumentError("--memory", "be a size, such as 2GB", text)
    return size


def _share(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    result = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if result is None or not 1 <= int(result[1]) <= int(result[2]):
        raise ArgumentError("--array", "be N/M, the N-th of M shares, N from 1 to M", text)
    return int(result[1]), int(result[2])
