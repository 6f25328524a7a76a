"""One task after the other, in this process."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from saddlescope.solve.control import Control, Standing
from saddlescope.solve.machine.threads import one_blas_thread
from saddlescope.sweep.engines.engine import Done, Engine, Event, Stopped
from saddlescope.sweep.task import Task, carried_out


class Serial(Engine):
    """Carries out a task when it is asked what happened.

    Args:
        measure: function of a trajectory.
    """

    told = "one process"

    def __init__(self, measure: Any = None):
        self._measure = measure
        self._waiting: deque[Task] = deque()
        self._control = Control(self._seen)
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
                result = None if self._control.ended else carried_out(task, self._measure)
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
