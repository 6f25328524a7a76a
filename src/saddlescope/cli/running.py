"""The command `run`: from a spec to a printed table and a folder of files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saddlescope.cli.beside import Beside
from saddlescope.cli.folder import OutputFolder
from saddlescope.specs import RunSpec, read

if TYPE_CHECKING:
    from saddlescope.cli.stages import StageTable
    from saddlescope.single_index import CanonicalOrder, MeanFieldFlow
    from saddlescope.trajectory import Trajectory

_FILES = ("trajectory.nc", "stages.json", "ladder.png", "overlaps.png", "spec.toml")
_INTERRUPTED = "interrupted"
_LEAST_TIMES = 16  # of an interrupted run: fewer are no result


def run_spec(name: str, changes: Sequence[str], out: Path | None) -> int:
    """Solve a spec, print its stages beside the predicted ones, and save everything; return the exit code.

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
    from saddlescope.specs.making import flow, solve_arguments

    asked = flow(spec)
    with OutputFolder(folder, _FILES) as output:
        from rich.console import Console

        from saddlescope.cli.display import show
        from saddlescope.solve import solve

        _tell("Predicting the learning order and solving ...")
        with Beside(_predicted, spec, asked) as predicted, Beside(_load_what_writes):
            trajectory = solve(asked, **solve_arguments(spec))
            stopped = trajectory.outcome == "INTERRUPTED"
            if stopped and len(trajectory.time) < _LEAST_TIMES:
                raise KeyboardInterrupt
            order = predicted.result()
        table = _table(trajectory, order, spec)
        failure = None
        try:
            _write(output, spec, trajectory, order, table)
            # an interrupted run does not replace an earlier result
            files = output.commit(_INTERRUPTED if stopped and output.holds_result else "")
        except OSError as error:
            failure, files = error, []
        show(trajectory, table, spec.title or name, files, Console(highlight=False))
    if failure is not None:
        print(
            f"saddlescope: the result could not be written to {folder}: {failure.strerror or failure}.",
            file=sys.stderr,
        )
        return 1
    if stopped:
        print("saddlescope: stopped by the user; the partial result is kept.", file=sys.stderr)
        return 130
    return 0 if trajectory.outcome in ("REACHED_END", "REACHED_TARGET", "STILL") else 1


def _tell(what: str) -> None:
    """Say what is being done to who waits at a terminal; a first run compiles for some seconds."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def _load_what_writes() -> None:
    """Import what pictures and files need while the solver computes."""
    import h5netcdf  # noqa: F401

    from saddlescope.plot.canvas import warm_up

    warm_up()


def _predicted(spec: RunSpec, asked: MeanFieldFlow) -> CanonicalOrder:
    from saddlescope.single_index import canonical_order

    return canonical_order(asked.problem, second_layer=asked.second_layer, levels=spec.theory.levels)


def _table(trajectory: Trajectory, order: CanonicalOrder, spec: RunSpec) -> StageTable:
    from saddlescope.cli.stages import stage_table
    from saddlescope.measure import learning_times, plateaus

    fraction, neurons = spec.theory.fraction, spec.dynamics.neurons
    finite = () if neurons is None else (f"Predictions are for infinite width, this run has {neurons} neurons.",)
    return stage_table(
        trajectory,
        plateaus(trajectory),
        learning_times(trajectory, fraction),
        order.times(spec.dynamics.epsilon, fraction),
        # the plateau before the first degree that fails is still predicted, those after it are not
        order.heights[: order.canonical_up_to + 2],
        {level.degree: level.reason for level in order.levels},
        frozenset(level.degree for level in order.levels if not level.canonical),
        (*order.doubts, *finite),
    )


def _write(
    output: OutputFolder, spec: RunSpec, trajectory: Trajectory, order: CanonicalOrder, table: StageTable
) -> None:
    from saddlescope.plot import ladder, overlaps, save
    from saddlescope.specs.writing import toml

    trajectory.save(output.place("trajectory.nc"))
    record = _record(spec, trajectory, order, table)
    output.place("stages.json").write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    ax = ladder(trajectory, order, scale=spec.picture.scale)
    ax.set_title(spec.title, loc="left", fontsize=15, pad=44)
    save(ax, output.place("ladder.png"))
    if spec.picture.overlaps:
        ax = overlaps(trajectory)
        ax.set_title(spec.title, loc="left", fontsize=15, pad=14)
        save(ax, output.place("overlaps.png"))
    output.place("spec.toml").write_text(toml(spec.plain()) + "\n", encoding="utf-8")


def _record(spec: RunSpec, trajectory: Trajectory, order: CanonicalOrder, table: StageTable) -> dict[str, Any]:
    """The table and what it rests on, as plain values."""
    from saddlescope.cli.stages import without_nan

    levels = [
        {"degree": v.degree, "canonical": v.canonical, "constant": float(v.constant), "reason": v.reason}
        for v in order.levels
    ]
    return without_nan(
        {
            "title": spec.title,
            "outcome": trajectory.outcome,
            "message": trajectory.message,
            "doubts": [*trajectory.doubts, *table.doubts],
            "epsilon": spec.dynamics.epsilon,
            "learning_time_fraction": spec.theory.fraction,
            "initial_risk": float(trajectory["risk"][0]),
            "final_risk": float(trajectory["risk"][-1]),
            **table.plain(),
            "predicted_levels": levels,
            "accuracy": trajectory.accuracy,
            "solver": trajectory.solver,
            "versions": trajectory.versions,
            "cite": list(trajectory.references),
        }
    )
