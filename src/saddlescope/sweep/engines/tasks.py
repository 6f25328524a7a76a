"""What an engine does with a task of a sweep: it is solved, compared and measured, and its segment written."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from saddlescope.engines import EngineError, Work
from saddlescope.sweep.store.segments import write
from saddlescope.sweep.task import Result, Task, carried_out, failed


class Tasks(Work):
    """Carries out tasks of a sweep.

    Args:
        folder: of the store.
        measure: function of a trajectory, or a pickle of it.
        families: name -> package of the families that a worker has to know.
    """

    writes = True

    def __init__(self, folder: Path, measure: Callable[..., Any] | bytes | None, families: Mapping[str, str] = {}):
        self._folder, self._measure, self._families = folder, measure, dict(families)

    def begin(self) -> None:
        from saddlescope.families import packages, register

        for name in set(self._families) - set(packages()):
            register(name, self._families[name])
        if isinstance(self._measure, bytes):
            try:
                self._measure = pickle.loads(self._measure)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                raise EngineError(f"A worker process cannot load `measure` ({told}).") from None

    def carried_out(self, task: Task) -> Result | None:
        return carried_out(task, self._measure)

    def kept(self, task: Task, result: Result) -> Result:
        del task
        write(self._folder, result)
        return dataclasses.replace(result, trajectories={}, spec={})

    def failed(self, task: Task, sentence: str) -> Result:
        return failed(task, sentence)
