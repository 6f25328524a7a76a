"""The command `run`: from a spec to a printed table and a folder of files, the same way for every family."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from saddlescope.cli import caches
from saddlescope.cli.beside import Beside
from saddlescope.cli.families import job_of
from saddlescope.cli.folder import OutputFolder
from saddlescope.specs import RunSpec, read
from saddlescope.specs.explaining import named_as_typed
from saddlescope.specs.families import all_files

if TYPE_CHECKING:
    from saddlescope.cli.report import Job, Report

_INTERRUPTED = "interrupted"


def run_spec(name: str, changes: Sequence[str], out: Path | None) -> int:
    """Run a spec, print what was measured beside what was predicted, and save everything; return the exit code.

    Args:
        name: a shipped spec or the path of a TOML file.
        changes: settings, as words of a command line.
        out: the folder to write to; by default one named after the spec.

    Raises:
        SpecError, ArgumentError: for bad input, before anything is computed or written.
    """
    spec = read(name, changes)
    folder = Path(Path(name).stem) if out is None else out
    # all that can be wrong with the input is found out before the solvers are loaded or the folder is touched
    with named_as_typed(type(spec)):
        job = job_of(spec, spec.title or name)
    caches.check()
    with OutputFolder(folder, spec.FILES, all_files()) as output:
        from saddlescope.cli.display import show
        from saddlescope.cli.terminal import Terminal

        _tell(job.doing)
        with Beside(job.predict) as predicted, Beside(_load_what_writes):
            computed = job.compute(folder)
            report = job.report(computed, predicted.result())
        failure = None
        try:
            _write(output, spec, job, report)
            # an interrupted run does not replace an earlier result
            files = output.commit(_INTERRUPTED if report.interrupted and output.holds_result else "")
            if not report.interrupted:
                for path in report.kept:
                    path.unlink(missing_ok=True)
        except OSError as error:
            failure, files = error, []
        show(report, files, Terminal())
    if failure is not None:
        print(
            f"saddlescope: the result could not be written to {folder}: {failure.strerror or failure}.",
            file=sys.stderr,
        )
        return 1
    if report.interrupted:
        go_on = " The same command goes on from there." if any(path.exists() for path in report.kept) else ""
        print(f"saddlescope: stopped by the user; the partial result is kept.{go_on}", file=sys.stderr)
        return 130
    return 0 if report.complete else 1


def _tell(what: str) -> None:
    """Say what is being done to who waits at a terminal; a first run compiles for some seconds."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def _load_what_writes() -> None:
    """Import what pictures and files need while the solver computes."""
    import h5netcdf  # noqa: F401

    from saddlescope.plot.parts.canvas import warm_up

    warm_up()


def _write(output: OutputFolder, spec: RunSpec, job: Job, report: Report) -> None:
    from saddlescope.cli.report import without_nan
    from saddlescope.plot import save
    from saddlescope.specs.writing import toml

    for name, write in report.files.items():
        write(output.place(name))
    names = [*report.files, job.record, *report.pictures, "spec.toml"]
    about = {"title": spec.title, "family": spec.family, "files": names, "interrupted": report.interrupted}
    record = json.dumps(without_nan(about | report.record), indent=2, allow_nan=False)
    output.place(job.record).write_text(record + "\n", encoding="utf-8")
    for name, draw in report.pictures.items():
        save(draw(), output.place(name))
    output.place("spec.toml").write_text(toml(spec.plain()) + "\n", encoding="utf-8")
