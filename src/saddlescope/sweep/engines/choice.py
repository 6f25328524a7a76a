"""Which engine carries out a sweep, by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from saddlescope.arguments import ArgumentError, count
from saddlescope.engines import Engine, processors

_FEW = 3  # tasks that are not worth the seconds in which workers start


def engine_of(
    name: str,
    tasks: int,
    folder: Path,
    measure: Callable[..., Any] | None,
    *,
    workers: int | None = None,
    memory: float | None = None,
) -> Engine:
    """Return an engine.

    Args:
        name: "serial", "processes", "dask" (a cluster on this machine), "dask=ADDRESS" of a scheduler, or "auto":
            processes, for few tasks serial.
        tasks: how many there are to carry out.
        folder: of the store.
        measure: function of a trajectory.
        workers: how many processes; by default as many as there are processors.
        memory: bytes that a worker may use; by default its share of the machine.

    Raises:
        ArgumentError, EngineError: if there is no such engine, or it cannot be used.
    """
    check_engine(name, workers)
    kind, _, address = name.partition("=")
    number = None if workers is None else int(workers)
    from saddlescope.engines.processes import Processes, packed
    from saddlescope.engines.serial import Serial
    from saddlescope.families import packages
    from saddlescope.sweep.engines.tasks import Tasks

    if kind == "serial" or (kind == "auto" and (tasks <= _FEW or number == 1)):
        return Serial(Tasks(folder, measure))
    if kind == "dask":
        from saddlescope.sweep.engines.dask import Dask

        return Dask(address, measure, workers=number, memory=memory)
    packed_measure = None if measure is None else packed(measure)
    work = Tasks(folder.absolute(), packed_measure, packages())
    return Processes(work, workers=min(number or processors(), max(tasks, 1)), memory=memory)


def check_engine(name: str, workers: int | None) -> None:
    """Refuse a name and a number that no engine has, before there is a store.

    Args:
        name, workers: as in `engine_of`.

    Raises:
        ArgumentError: naming the one that is wrong.
    """
    kind, _, address = str(name).partition("=")
    if kind not in ("auto", "serial", "processes", "dask") or (address and kind != "dask"):
        raise ArgumentError("engine", "be auto, serial, processes, dask or dask=ADDRESS", name)
    if workers is not None:
        count("workers", workers)
