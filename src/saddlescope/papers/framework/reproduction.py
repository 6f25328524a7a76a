"""A run over experiments: each one's result is on disk before another begins, and none can stop the others."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from saddlescope.arguments import ArgumentError
from saddlescope.files import FolderLock, refuse_if_in_use
from saddlescope.papers.framework import report
from saddlescope.papers.framework.catalogue import Entry, Paper
from saddlescope.papers.framework.ledger import NAME, Ledger, Record, read_ledger

if TYPE_CHECKING:
    from saddlescope.engines.calls import LostError

FIGURES = "figures"


@dataclass(frozen=True)
class Reproduction:
    """What a run over experiments led to.

    Attributes:
        records: of the experiments asked for, as far as they are done, in their order.
        asked: how many were asked for.
        taken: how many of them had been done before.
        files: what was written, the report first.
        interrupted: whether the user stopped it.
    """

    records: tuple[Record, ...]
    asked: int
    taken: int
    files: tuple[Path, ...]
    interrupted: bool

    @property
    def as_expected(self) -> bool:
        """Whether every experiment ran and every row that should agree does."""
        return len(self.records) == self.asked and all(record.as_expected for record in self.records)


def reproduce(
    papers: Sequence[Paper],
    entries: Sequence[Entry],
    folder: Path,
    *,
    full: bool = False,
    afresh: bool = False,
    workers: int = 1,
    watch: Callable[[Entry, Record | None], None] = lambda entry, record: None,
) -> Reproduction:
    """Run experiments and keep ledger, figures and report in a folder.

    An experiment that the ledger in the folder already holds with the same parameters, versions and text is not run
    again; one that failed is.

    Args:
        papers: the catalogue, for the order of the report.
        entries: what to run.
        folder: where to write; made if needed.
        full: the full version of each experiment instead of the quick one.
        afresh: run even what was done before.
        workers: how many run at a time, each in a process of its own; a single one runs here.
        watch: called before (without a record) and after each experiment.

    Raises:
        ArgumentError: if the folder cannot be used, or another run is using it; nothing is touched then.
    """
    from saddlescope.engines.calls import LostError, calls
    from saddlescope.solve.labels import versions

    _refuse(folder)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FolderLock(folder, "--out"))
            (folder / FIGURES).mkdir(exist_ok=True)
        except OSError as error:
            must = f"name a folder that can be written ({error.strerror})"
            raise ArgumentError("--out", must, str(folder)) from None
        for left in (folder / FIGURES).glob(".*.partial*"):
            left.unlink()  # of a run that was killed
        ledger = read_ledger(folder / NAME)
        done: list[Record] = []
        taken, interrupted = 0, False
        one = functools.partial(_one, folder=folder, full=full, afresh=afresh, versions=versions())
        try:
            given = [(entry, ledger.records.get(entry.id)) for entry in entries]
            several = min(workers, len(given)) > 1
            told = calls(one, given, workers=workers, apart=several, begin=lambda number: watch(entries[number], None))
            with closing(told) as ended:
                for number, outcome in ended:
                    entry = entries[number]
                    if isinstance(outcome, Exception) and not isinstance(outcome, LostError):
                        raise outcome
                    record, fresh = _lost(entry, outcome, folder, full) if isinstance(outcome, LostError) else outcome
                    taken += not fresh
                    ledger.records[record.id] = record
                    ledger.write(folder / NAME)
                    done.append(record)
                    watch(entry, record)
        except KeyboardInterrupt:
            interrupted = True
        place = {entry.id: n for n, entry in enumerate(entries)}
        done.sort(key=lambda record: place[record.id])
        known = [entry.id for paper in papers for entry in paper.entries]
        ledger = Ledger({id: ledger.records[id] for id in known if id in ledger.records})
        ledger.write(folder / NAME)
        page = report.write(folder / report.NAME, papers, ledger, folder / FIGURES)
        files = page, folder / NAME, folder / FIGURES
    return Reproduction(tuple(done), len(entries), taken, files, interrupted)


def _refuse(folder: Path) -> None:
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise ArgumentError("--out", f"name a folder ({path} is a file)", str(folder))
    refuse_if_in_use(folder, "--out")
    read_ledger(folder / NAME)
    figures = folder / FIGURES
    if figures.exists() and not figures.is_dir():
        raise ArgumentError("--out", f"name a folder whose {FIGURES} is a folder", str(figures))


def _one(
    entry: Entry, before: Record | None, *, folder: Path, full: bool, afresh: bool, versions: dict[str, str]
) -> tuple[Record, bool]:
    """Return the record of an experiment, `before` where that still holds, and whether it was run just now."""
    from saddlescope.solve.control import Control

    version = "full" if full else "quick"
    blank = Record(entry.id, entry.paper, entry.id, "", "", "", version, {}, versions=versions)
    begun, clock = time.perf_counter(), time.process_time()
    try:
        experiment, key = entry.experiment, entry.key(full, versions)
        pictures = [folder / FIGURES / f"{entry.id}.{kind}" for kind in ("png", "svg")]
        if not afresh and before and before.key == key and not before.error and all(p.is_file() for p in pictures):
            return before, False
        blank = Record(
            id=entry.id,
            paper=entry.paper,
            title=experiment.title,
            claim=experiment.claim,
            source=experiment.source,
            key=key,
            version=version,
            parameters=entry.parameters(full),
            versions=versions,
        )
        with Control(whole=True):
            result = experiment.run(blank.parameters)
        seconds = time.process_time() - clock
        rows = experiment.rows(entry.id, result, seconds)
        _draw(experiment.draw(result), pictures)
    except Exception as error:  # one experiment, whatever is wrong with it, must not stop the others
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        trace = "".join(traceback.format_exception(error)[-6:])
        _undrawn(entry, folder)
        return _timed(blank, begun, clock, error=line, trace=trace), True
    return _timed(blank, begun, clock, rows=rows, doubts=tuple(result.doubts)), True


def _lost(entry: Entry, how: LostError, folder: Path, full: bool) -> tuple[Record, bool]:
    """The record of an experiment whose process went away, and that it was run just now."""
    from saddlescope.solve.labels import versions

    _undrawn(entry, folder)
    version = "full" if full else "quick"
    return Record(entry.id, entry.paper, entry.id, "", "", "", version, {}, versions=versions(), error=str(how)), True


def _undrawn(entry: Entry, folder: Path) -> None:
    for kind in ("png", "svg"):
        (folder / FIGURES / f"{entry.id}.{kind}").unlink(missing_ok=True)


def _timed(record: Record, begun: float, clock: float, **changes) -> Record:
    seconds, wall = time.process_time() - clock, time.perf_counter() - begun
    return replace(record, seconds=round(seconds, 2), wall=round(wall, 2), **changes)


def _draw(ax, pictures: Sequence[Path]) -> None:
    from saddlescope.plot import save

    for path in pictures:
        save(ax, path)
