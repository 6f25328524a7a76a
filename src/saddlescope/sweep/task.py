"""One task: a spec that is solved, compared and measured, and what is kept of it."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import saddlescope
from saddlescope.arguments import ArgumentError, RefusedError, in_a_sentence
from saddlescope.engines.engine import EngineError
from saddlescope.outcome import Outcome
from saddlescope.solve.control import in_charge
from saddlescope.specs.explaining import named_as_typed

if TYPE_CHECKING:
    from saddlescope.study import Comparison, Study
    from saddlescope.trajectory import Trajectory

Keep = Literal["none", "observables", "all"]
KEEPS: tuple[Keep, ...] = ("none", "observables", "all")
FAILED = "FAILED"
REFUSED = "REFUSED"
_UNFINISHED = (Outcome.INTERRUPTED, Outcome.DEADLINE)  # for a reason that is not the task's
OWN = "trajectory"  # axis of a measure's numbers, where a task makes several trajectories


@dataclass(frozen=True)
class Task:
    """What a worker is told.

    Attributes:
        identity: what it is known by, 32 hexadecimal digits.
        tables: of its spec.
        attempt: 1 for the first time.
        compare: whether to set it beside what is predicted.
        keep: what to keep of the trajectories.
    """

    identity: str
    tables: Mapping[str, Any]
    attempt: int = 1
    compare: bool = True
    keep: Keep = "none"


@dataclass(frozen=True)
class Numbers:
    """A small table: numbers by column, a row for each label of an index; no index stands for a single row."""

    index: str
    labels: tuple[Any, ...]
    columns: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Result:
    """What came of a task.

    Attributes:
        task: its identity.
        attempt: which.
        outcome: name of a `solve.Outcome`, or FAILED or REFUSED.
        complete: whether it answers what was asked.
        message: a sentence on how it ended.
        doubts: sentences on what may be wrong.
        tables: numbers.
        seconds: that it took.
        keep: what is kept.
        spec: tables of its spec.
        versions: of the libraries that made it.
        trajectories: name of a file -> its content, where trajectories are kept.
    """

    task: str
    attempt: int
    outcome: str
    complete: bool
    message: str
    doubts: tuple[str, ...] = ()
    tables: tuple[Numbers, ...] = ()
    seconds: float = 0.0
    keep: Keep = "none"
    spec: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    trajectories: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def carried_out(task: Task, measure: Any = None) -> Result | None:
    """Carry out a task; whatever goes wrong is its result.

    Args:
        task: what to do.
        measure: function of a trajectory that returns numbers by name.

    Returns:
        None if it was interrupted, or the time was over: such a task is not done.
    """
    from saddlescope.families import model, study

    started = time.perf_counter()
    outcome = FAILED
    try:
        keys = model(task.tables["family"])
        with named_as_typed(keys):
            try:
                spec = keys.model_validate(task.tables)
                job = study(spec, spec.title)
            except RefusedError:
                outcome = REFUSED
                raise
            result = _found(job, task, measure)
    except KeyboardInterrupt:
        return None
    except EngineError:
        raise
    except Exception as error:  # one task, whatever is wrong with it, must not stop the others
        if in_charge().ended is not None:
            return None
        result = Result(task.identity, task.attempt, outcome, False, in_a_sentence(error), keep=task.keep)
    if result is None:
        return None
    seconds = time.perf_counter() - started
    return dataclasses.replace(result, seconds=seconds, spec=task.tables, versions=_versions())


def failed(task: Task, sentence: str, seconds: float = 0.0) -> Result:
    """Return the result of a task that could not be carried out."""
    return Result(
        task.identity,
        task.attempt,
        FAILED,
        False,
        sentence,
        seconds=seconds,
        keep=task.keep,
        spec=task.tables,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    if "jax" not in sys.modules:  # nothing was solved
        return {"saddlescope": saddlescope.__version__, "python": platform.python_version()}
    from saddlescope.solve.labels import versions

    return versions()


def _found(job: Study, task: Task, measure: Any) -> Result | None:
    from saddlescope.study.without_theory import compared, prediction

    theory, doubts = prediction(job.predict) if task.compare else (None, [])
    solved = job.solve()
    runs = job.trajectories(solved)
    if any(run.outcome in _UNFINISHED for run in runs.values()):
        return None
    tables: list[Numbers] = []
    comparison = None
    if task.compare or not runs:
        comparison, _, more = compared(job, solved, theory)
        doubts += more
        tables = _numbers_of(comparison)
    if measure is not None and runs:
        tables.append(_measured(measure, runs))
    if in_charge().ended is not None or (comparison is not None and comparison.interrupted):
        return None  # what was predicted, solved, compared or measured last may be a part
    worst = next((run for run in runs.values() if not run.outcome.complete), next(iter(runs.values()), None))
    complete = all(run.outcome.complete for run in runs.values()) and (comparison is None or comparison.complete)
    said_doubts = comparison.doubts if comparison is not None else _doubts(runs)
    return Result(
        task.identity,
        task.attempt,
        worst.outcome.value if worst is not None else "REACHED_END" if complete else "INCOMPLETE",
        complete,
        worst.message if worst is not None else "",
        tuple(dict.fromkeys((*said_doubts, *doubts))),
        tuple(tables),
        keep=task.keep,
        trajectories={name: _kept(run, task.keep) for name, run in runs.items()} if task.keep != "none" else {},
    )


def _doubts(runs: Mapping[str, Trajectory]) -> tuple[str, ...]:
    return tuple(doubt for run in runs.values() for doubt in run.doubts if doubt != run.message)


def _numbers_of(comparison: Comparison) -> list[Numbers]:
    """The columns of a comparison, and the single numbers of its record."""
    index = comparison.columns[0]
    values = {key: column for key, column in comparison.values().items() if key != index.key}
    labels = [row.get(index.key) for row in comparison.rows]
    results: list[Numbers] = []
    if values and index.words and len(labels) == 1:
        results.append(Numbers("", (), {key: (float(column[0]),) for key, column in values.items()}))
    elif values:
        columns = {key: tuple(float(v) for v in column) for key, column in values.items()}
        results.append(Numbers(index.key, tuple(_label(label) for label in labels), columns))
    single = {key: float(v) for key, v in comparison.record.items() if isinstance(v, float) and key not in values}
    if single:
        results.append(Numbers("", (), {key: (value,) for key, value in single.items()}))
    return results


def _label(label: Any) -> Any:
    plain = label.item() if hasattr(label, "item") else label
    return plain if isinstance(plain, int | float | str) else str(plain)


def _measured(measure: Any, runs: Mapping[str, Trajectory]) -> Numbers:
    rows: list[dict[str, float]] = []
    for run in runs.values():
        returned = measure(run)
        if not isinstance(returned, Mapping):
            raise ArgumentError("measure", "return a dictionary of numbers", returned)
        row = {}
        for key, value in returned.items():
            try:
                row[str(key)] = float(value)
            except (TypeError, ValueError):
                raise ArgumentError("measure", f"return a number for {key!r}", value) from None
        rows.append(row)
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {name: tuple(row.get(name, float("nan")) for row in rows) for name in names}
    if len(rows) == 1:
        return Numbers("", (), columns)
    labels = tuple(name.removesuffix(".nc").removeprefix("trajectory_") for name in runs)
    return Numbers(OWN, labels, columns)


def _kept(run: Trajectory, keep: Keep) -> bytes:
    if keep == "observables":
        states = {name for name, dims in run.dims.items() if "state_time" in dims}
        dims = {name: d for name, d in run.dims.items() if name not in states}
        used = {name for d in dims.values() for name in d}
        run = dataclasses.replace(
            run,
            observables={name: v for name, v in run.observables.items() if name not in states},
            dims=dims,
            coords={name: v for name, v in run.coords.items() if name in used},
            units={name: unit for name, unit in run.units.items() if name not in states},
        )
    return run.content()
