"""The command `run`: from a spec to a printed table and a folder of files, the same way for every family."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import in_a_sentence
from saddlescope.cli import caches
from saddlescope.cli.beside import Beside
from saddlescope.cli.folder import OutputFolder
from saddlescope.cli.signals import when_asked
from saddlescope.families import all_files, study
from saddlescope.specs import RunSpec, read
from saddlescope.specs.explaining import named_as_typed

if TYPE_CHECKING:
    from saddlescope.study import Comparison, Study

_INTERRUPTED = "interrupted"


def run_spec(name: str, changes: Sequence[str], out: Path | None) -> int:
    """Run a spec, print what was measured beside what was predicted, and save everything; return the exit code.

    What was computed is written before theory is asked for its word and before anything is drawn; where these fail, the
    result says so.

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
        job = study(spec, spec.title or name)
    caches.check()
    failure: OSError | None = None
    with OutputFolder(folder, spec.FILES, all_files) as output:
        from saddlescope.cli.terminal import Terminal
        from saddlescope.solve.control import Control
        from saddlescope.study.rendering import show, show_files

        _tell(job.doing)
        with Beside(job.predict) as predicted, Beside(_load_what_writes):
            with Control() as control, when_asked(control.cancel):
                solved = job.solve(folder)
            trajectories = job.trajectories(solved)
            try:
                for file, trajectory in trajectories.items():
                    trajectory.save(output.place(file))
            except OSError as error:
                failure = error
            comparison, theory, failed = _compared(job, solved, predicted)
        files: list[Path] = []
        if failure is None:
            try:
                comparison, undrawn = _write(output, spec, job, comparison, solved, theory, list(trajectories))
                failed = failed or undrawn
                # an interrupted run does not replace an earlier result
                files = output.commit(_INTERRUPTED if comparison.interrupted and output.holds_result else "")
                if not comparison.interrupted:
                    for path in job.kept(folder):
                        path.unlink(missing_ok=True)
            except OSError as error:
                failure = error
        console = Terminal()
        show(comparison, console)
        show_files(files, console)
    if failure is not None:
        print(
            f"saddlescope: the result could not be written to {folder}: {failure.strerror or failure}.",
            file=sys.stderr,
        )
        return 1
    if comparison.interrupted:
        go_on = " The same command goes on from there." if any(path.exists() for path in job.kept(folder)) else ""
        print(f"saddlescope: stopped by the user; the partial result is kept.{go_on}", file=sys.stderr)
        return 130
    return 0 if comparison.complete and not failed else 1


def _compared(job: Study, solved: Any, predicted: Beside) -> tuple[Comparison, Any, bool]:
    """The comparison, the theory in it (None where it failed), and whether anything failed."""
    from saddlescope.study.without_theory import compared, prediction

    theory, stopped = None, False
    try:
        theory, doubts = prediction(predicted.result)
    except KeyboardInterrupt:  # a second one ends it all
        predicted.leave()
        doubts, stopped = ["Nothing is predicted: that was stopped by the user."], True
    comparison, theory, more = compared(job, solved, theory)
    doubts += more
    comparison = dataclasses.replace(
        comparison, doubts=(*comparison.doubts, *doubts), interrupted=comparison.interrupted or stopped
    )
    return comparison, theory, bool(doubts)


def _tell(what: str) -> None:
    """Say what is being done to who waits at a terminal; a first run compiles for some seconds."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def _load_what_writes() -> None:
    """Import what pictures and files need while the solver computes."""
    import h5netcdf  # noqa: F401

    from saddlescope.plot.parts.canvas import warm_up

    warm_up()


def _write(
    output: OutputFolder,
    spec: RunSpec,
    job: Study,
    comparison: Comparison,
    solved: Any,
    theory: Any,
    trajectories: list[str],
) -> tuple[Comparison, bool]:
    """Write what is not yet written; return the comparison, with doubts about pictures, and whether one failed."""
    from saddlescope.plot import save
    from saddlescope.specs.writing import toml

    output.place("spec.toml").write_text(toml(spec.plain()) + "\n", encoding="utf-8")
    undrawn: list[str] = []
    try:
        pictures = job.pictures(solved, theory)
    except Exception as error:
        pictures, undrawn = {}, [f"No picture could be drawn: {in_a_sentence(error)}"]
    for name, draw in pictures.items():
        try:
            save(draw(), output.place(name))
        except OSError:
            raise
        except Exception as error:  # a picture is the least of a result
            undrawn.append(f"Picture {name} could not be drawn: {in_a_sentence(error)}")
    drawn = [name for name in pictures if not any(doubt.startswith(f"Picture {name} ") for doubt in undrawn)]
    about = {
        "title": spec.title,
        "family": spec.family,
        "files": [*trajectories, job.RECORD, *drawn, "spec.toml"],
        "interrupted": comparison.interrupted,
    }
    about |= {"not_drawn": undrawn} if undrawn else {}
    record = json.dumps(about | comparison.plain(), indent=2, allow_nan=False)
    output.place(job.RECORD).write_text(record + "\n", encoding="utf-8")
    return dataclasses.replace(comparison, doubts=(*comparison.doubts, *undrawn)), bool(undrawn)
