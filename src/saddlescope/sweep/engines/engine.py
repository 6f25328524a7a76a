"""The small interface of all engines: submit, look for what is finished, cancel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saddlescope.arguments import ArgumentError, RefusedError, count
from saddlescope.sweep.task import Result, Task


class EngineError(RefusedError):
    """An engine cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Done:
    """A task that was carried out; `written` says whether its segment is in the store already."""

    task: Task
    result: Result
    written: bool


@dataclass(frozen=True)
class Stopped:
    """A task that was interrupted: it is not done."""

    task: Task


@dataclass(frozen=True)
class Lost:
    """A task whose worker died, and how."""

    task: Task
    how: str


@dataclass(frozen=True)
class Unwritten:
    """A task whose result could not be written."""

    task: Task
    error: OSError


Event = Done | Stopped | Lost | Unwritten


class Engine(ABC):
    """Carries out tasks; a context.

    Attributes:
        told: what it is, in a few words.
    """

    told: str

    @property
    @abstractmethod
    def room(self) -> int:
        """How many tasks more it takes now."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Take a task."""

    @abstractmethod
    def events(self, timeout: float) -> list[Event]:
        """Return what happened since the last call, after waiting at most `timeout` seconds for something.

        Raises:
            EngineError: if no task can be carried out any more.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Ask what is running to end soon; its tasks come back as `Stopped`."""

    @abstractmethod
    def kill(self) -> None:
        """End everything at once."""

    def running(self) -> dict[str, str]:
        """Return identity -> where it is, for the tasks that are being carried out."""
        return {}

    @abstractmethod
    def __enter__(self) -> Engine: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...


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
    from saddlescope.sweep.engines.serial import Serial

    check_engine(name, workers)
    kind, _, address = name.partition("=")
    number = None if workers is None else int(workers)
    if kind == "serial" or (kind == "auto" and (tasks <= _FEW or number == 1)):
        return Serial(measure)
    if kind == "dask":
        from saddlescope.sweep.engines.dask import Dask

        return Dask(address, measure, workers=number, memory=memory)
    from saddlescope.sweep.engines.processes import Processes

    return Processes(folder, measure, workers=min(number or processors(), max(tasks, 1)), memory=memory)


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


def processors() -> int:
    """How many processors this process may use."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
