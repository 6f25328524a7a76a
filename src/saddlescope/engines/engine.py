"""The small interface of all engines: submit, look for what is finished, cancel; and what they do with a task."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from saddlescope.arguments import RefusedError
from saddlescope.solve.control import in_charge


class EngineError(RefusedError):
    """An engine cannot be used; the message is one sentence."""


class Task(Protocol):
    """What an engine carries out.

    Attributes:
        identity: what it is known by.
    """

    @property
    def identity(self) -> str: ...


@dataclass(frozen=True)
class Done:
    """A task that was carried out; `written` says whether who carried it out has kept its result, too."""

    task: Any
    result: Any
    written: bool


@dataclass(frozen=True)
class Stopped:
    """A task that was interrupted: it is not done."""

    task: Any


@dataclass(frozen=True)
class Lost:
    """A task whose worker died, and how."""

    task: Any
    how: str


@dataclass(frozen=True)
class Unwritten:
    """A task whose result could not be written."""

    task: Any
    error: OSError


Event = Done | Stopped | Lost | Unwritten


class Work(ABC):
    """What is done with tasks; it reaches worker processes as a pickle.

    Attributes:
        writes: whether `kept` writes a result where it stays.
        ours: whether a process of its own begins with no code but this package's, so that it may keep its programs,
            see `jax_settings.keep_programs`; it no longer does before it loads any other.
    """

    writes: ClassVar[bool] = False
    ours: bool = False

    def begin(self) -> None:  # noqa: B027  # most works need nothing
        """Get ready, once in the process that does the work.

        Raises:
            EngineError: if it cannot.
        """

    @abstractmethod
    def carried_out(self, task: Any) -> Any:
        """Return the result of a task, None if it was interrupted; what goes wrong is a result, too.

        Raises:
            EngineError: if no task can be carried out.
        """

    def kept(self, task: Any, result: Any) -> Any:
        """Keep a result in the worker process that has it, and return what of it goes to the parent.

        Raises:
            OSError: if it cannot be written.
        """
        del task
        return result

    @abstractmethod
    def failed(self, task: Any, sentence: str) -> Any:
        """Return the result of a task that could not be carried out."""


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
    def submit(self, task: Any) -> None:
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


def processors() -> int:
    """How many processors this process may use; one in a task of an engine, as the others have work."""
    if in_charge().part:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
