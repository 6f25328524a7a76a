"""What an engine does with a task of a sweep: it is solved, compared and measured, and its segment written."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from saddlescope.engines import EngineError, Work
from saddlescope.jax_settings import keep_programs
from saddlescope.sweep.store.segments import write
from saddlescope.sweep.task import Result, Task, carried_out, failed
from saddlescope.trajectory import Trajectory


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
        self.ours = all(package.startswith("saddlescope.") for package in families.values())

    def begin(self) -> None:
        from saddlescope.families import packages, register

        for name in set(self._families) - set(packages()):
            register(name, self._families[name])

    def carried_out(self, task: Task) -> Result | None:
        return carried_out(task, None if self._measure is None else self._measured)

    def _measured(self, run: Trajectory) -> Any:
        assert self._measure is not None
        if isinstance(self._measure, bytes):
            keep_programs(False)
            try:
                self._measure = pickle.loads(self._measure)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                raise EngineError(f"A worker process cannot load `measure` ({told}).") from None
        return self._measure(run)

    def kept(self, task: Task, result: Result) -> Result:
        del task
        write(self._folder, result)
        return dataclasses.replace(result, trajectories={}, spec={})

    def failed(self, task: Task, sentence: str) -> Result:
        return failed(task, sentence)
