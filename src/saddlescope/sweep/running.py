"""The loop of a sweep: tasks to an engine, results to the store, whatever happens on the way."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from saddlescope.engines import Done, Engine, Event, Lost, Stopped, Unwritten
from saddlescope.files import NotWrittenError
from saddlescope.solve.control import Control, in_charge
from saddlescope.solve.progress import in_words
from saddlescope.sweep.design import Design
from saddlescope.sweep.store.runners import Runner
from saddlescope.sweep.store.segments import DamagedError, Name, place, read
from saddlescope.sweep.store.store import Store
from saddlescope.sweep.task import KEEPS, Keep, Result, Task, failed

_LOOK = 0.2  # seconds between looks at whether the user asked for something
_GRACE = 10.0  # seconds for running tasks to end after Ctrl-C
_TRIES = 3  # of a task whose worker dies
_BATCH = 0.5  # seconds between entries into the index
_WAIT = 1.0  # seconds between looks at what others finish
_WRITERS = 4  # threads, as disks take several at once

Watch = Callable[["Standing"], None]


@dataclass
class Standing:
    """Where a sweep is.

    Attributes:
        total: number of tasks asked for.
        known: of these, how many were known at the start.
        finished: how many were carried out now.
        failed: of these, how many did not complete.
        others: how many another process has taken.
        seconds: since the first was begun.
        running: identity -> where it is.
        sentences: how the first failures ended.
        interrupted: whether it was stopped before its end.
    """

    total: int
    known: int = 0
    finished: int = 0
    failed: int = 0
    others: int = 0
    seconds: float = 0.0
    running: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def left(self) -> int:
        """Tasks that are not finished."""
        return self.total - self.known - self.finished

    @property
    def seconds_left(self) -> float:
        """By the pace of the tasks that are finished; nan before there are any."""
        return self.left * self.seconds / self.finished if self.finished else math.nan

    def told(self) -> str:
        """Say in a few words what a bar does not show."""
        parts = [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.others} elsewhere"] if self.others else []
        left = in_words(self.seconds_left) if self.left else ""
        return ", ".join([*parts, *([left] if left else [])])

    def lines(self) -> list[str]:
        """Say in a line each which tasks are running, and where they are."""
        return [f"{task[:8]}  {where}" for task, where in self.running.items()]


class Running:
    """Carries out tasks of a sweep.

    Args:
        design: the tasks; identities: what they are known by.
        store: where results go.
        engine: who computes them.
        keep: of trajectories.
        standing: where the sweep is; kept up to date.
    """

    def __init__(
        self, design: Design, identities: np.ndarray, store: Store, engine: Engine, keep: Keep, standing: Standing
    ):
        self._design, self._identities = design, identities
        self._store, self._engine = store, engine
        self._keep: Keep = keep
        self.standing = standing
        self._flying: dict[str, Task] = {}
        self._writing: dict[Future[None], Result] = {}
        self._written: list[Result] = []
        self._deaths: dict[str, int] = {}
        self._again: deque[Task] = deque()
        self._others: deque[Task] = deque()
        self._error: OSError | None = None

    def carry_out(
        self,
        missing: np.ndarray,
        attempts: np.ndarray,
        control: Control | None,
        watch: Callable[[Standing], None] | None,
        *,
        wait: bool,
    ) -> None:
        """Carry out tasks, until all are done or the user says stop.

        Args:
            missing: numbers of the tasks, in the order in which they are to be done.
            attempts: number of the last attempt at each task of the design.
            control: who ends it before its time; those of `with` blocks around count, too.
            watch: told where the sweep is.
            wait: for tasks that another process has taken.

        Raises:
            NotWrittenError: if a result cannot be written; what was written stays.
            EngineError: if nothing can be computed any more.
        """
        own = Control()
        asked = in_charge(control)
        numbers = iter(missing)
        more = True
        began = self._noted = self._looked = time.monotonic()
        ending: float | None = None
        with (
            asked,
            Runner(self._store.folder, self._state) as self._runner,
            ThreadPoolExecutor(_WRITERS) as self._writers,
            self._engine,
        ):
            while True:
                try:
                    if ending is None and (asked.ended or own.ended or self._error):
                        ending = time.monotonic()
                        self._engine.cancel()
                    if ending is None:
                        more = self._fill(numbers, attempts) if more else self._fill(iter(()), attempts)
                    if not self._flying and not self._writing:
                        if ending is not None or not (self._again or self._others or more):
                            break
                        if not self._again and not more:
                            if not wait:
                                break
                            time.sleep(_LOOK)
                    self._see(self._engine.events(_LOOK if self._flying else 0.0), own)
                    self._collect()
                    now = time.monotonic()
                    if now - self._noted > _BATCH:
                        self._note()
                    if now - self._looked > _WAIT:
                        self._look_at_others()
                    self.standing.seconds = now - began
                    self.standing.running = self._engine.running()
                    self.standing.others = len(self._others)
                    if watch is not None:
                        watch(self.standing)
                    if ending is not None and now - ending > _GRACE:
                        self._engine.kill()
                        break
                except KeyboardInterrupt:
                    if ending is not None or own.ended:
                        self._engine.kill()
                        break
                    own.cancel()
            self._collect(whole=True)
            self._note()
        self.standing.running = {}
        if self._error is not None:
            raise NotWrittenError(self._error.filename or self._store.folder, self._error)
        outcome = asked.ended or own.ended
        if outcome is not None and self.standing.left:
            asked.refuse_part(outcome)
            self.standing.interrupted = True

    def _state(self) -> dict[str, Any]:
        """What others are told of this process."""
        now = self.standing
        told = {"finished": now.finished, "failed": now.failed, "left": now.left, "engine": self._engine.told}
        return told | {"running": now.lines()}

    def _fill(self, numbers: Any, attempts: np.ndarray) -> bool:
        """Give the engine what it has room for; return whether there are more tasks."""
        while self._engine.room > 0:
            if self._again:
                task = self._again.popleft()
            else:
                number = next(numbers, None)
                if number is None:
                    return False
                task = self._task(int(number), int(attempts[number]) + 1)
            self._give(task)
        return True

    def _task(self, number: int, attempt: int) -> Task:
        identity = self._identities[number].tobytes().hex()
        return Task(identity, self._design.tables(number), attempt, self._design.compare, self._keep)

    def _give(self, task: Task) -> None:
        if not self._runner.claim(task.identity):
            self._others.append(task)
        elif self._store.has(Name(task.identity, task.attempt)):
            self._taken_over(task)
        else:
            self._flying[task.identity] = task
            self._engine.submit(task)

    def _taken_over(self, task: Task) -> None:
        """A task that another process has finished, or a worker that then died."""
        self._runner.release(task.identity)
        try:
            result, _ = read(place(self._store.folder, Name(task.identity, task.attempt)))
        except (DamagedError, OSError):
            result = None
        if result is None or (result.complete and KEEPS.index(result.keep) < KEEPS.index(task.keep)):
            # damaged, or of a sweep that keeps less of the trajectories
            self._again.append(replace(task, attempt=task.attempt + 1))
            return
        self._count(result)

    def _count(self, result: Result) -> None:
        self.standing.finished += 1
        self.standing.failed += not result.complete
        if not result.complete and len(self.standing.sentences) < 3:
            self.standing.sentences.append(result.message)

    def _see(self, events: list[Event], own: Control) -> None:
        for event in events:
            task = self._flying.pop(event.task.identity, None)
            if task is None:
                continue
            match event:
                case Done(result=result, written=True):
                    self._finished(result)
                case Done(result=result):
                    self._write(result)
                case Stopped():
                    self._runner.release(task.identity)
                    own.cancel()  # nothing else ends a task
                case Lost(how=how):
                    self._lost(task, how)
                case Unwritten(error=error):
                    self._runner.release(task.identity)
                    self._error = error

    def _lost(self, task: Task, how: str) -> None:
        if self._store.has(Name(task.identity, task.attempt)):
            self._taken_over(task)
            return
        self._deaths[task.identity] = deaths = self._deaths.get(task.identity, 0) + 1
        if deaths < _TRIES:
            self._flying[task.identity] = task
            self._engine.submit(task)
        else:
            self._write(failed(task, f"It was tried {deaths} times, and each time {how}."))

    def _write(self, result: Result) -> None:
        self._writing[self._writers.submit(self._store.write, result)] = result

    def _finished(self, result: Result) -> None:
        """A result whose segment is on the disk."""
        self._runner.release(result.task)
        self._written.append(result)
        self._count(result)

    def _collect(self, whole: bool = False) -> None:
        """See to the segments that this process writes."""
        begun = 0
        for future in list(self._writing):
            if not (future.done() or whole):
                begun += 1
                if begun == _WRITERS:
                    return  # the rest waits for these
                continue
            result = self._writing.pop(future)
            error = future.exception()
            if error is None:
                self._finished(result)
                continue
            self._runner.release(result.task)
            if not isinstance(error, OSError):
                raise error
            self._error = error

    def _note(self) -> None:
        self._store.note(self._written)
        self._written = []
        self._noted = time.monotonic()

    def _look_at_others(self) -> None:
        """Take over what others have finished, or left."""
        for _ in range(len(self._others)):
            task = self._others.popleft()
            if self._store.has(Name(task.identity, task.attempt)):
                self._taken_over(task)
            else:
                self._again.append(task)  # it is claimed again, if it can be
        self._looked = time.monotonic()
