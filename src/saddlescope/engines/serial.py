"""One task after the other, in this process."""

from __future__ import annotations

import time
from collections import deque

from saddlescope.engines.engine import Done, Engine, Event, Stopped, Task, Work
from saddlescope.solve.control import Control, Standing
from saddlescope.solve.machine.threads import one_blas_thread


class Serial(Engine):
    """Carries out a task when it is asked what happened.

    Args:
        work: what is done with it.
    """

    told = "one process"

    def __init__(self, work: Work):
        self._work = work
        self._waiting: deque[Task] = deque()
        self._control = Control(self._seen, part=True)
        self._now: dict[str, str] = {}

    @property
    def room(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def events(self, timeout: float) -> list[Event]:
        if not self._waiting:
            time.sleep(timeout)
            return []
        task = self._waiting.popleft()
        self._now = {task.identity: "begins"}
        try:
            with self._control, one_blas_thread():
                result = None if self._control.ended else self._work.carried_out(task)
        finally:
            self._now = {}
        return [Stopped(task) if result is None else Done(task, result, written=False)]

    def _seen(self, standing: Standing) -> None:
        self._now = {task: told(standing) for task in self._now}

    def running(self) -> dict[str, str]:
        return dict(self._now)

    def cancel(self) -> None:
        self._control.cancel()

    kill = cancel

    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()


def told(standing: Standing) -> str:
    """Say where a run is."""
    return f"t = {standing.time:.3g} of {standing.until:.3g}, risk {standing.level:.3g}"
