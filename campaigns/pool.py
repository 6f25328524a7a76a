"""Problems in worker processes, each with a time limit: a worker that hangs or dies is replaced."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

_LIFE = 200  # problems of a worker, after which its compiled programs have taken enough memory


class _Worker:
    def __init__(self) -> None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "campaigns.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.task: dict[str, Any] | None = None
        self.since, self.done = 0.0, 0
        self.again = self.died = False

    def give(self, task: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.task, self.since = task, time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # its output tells that it is gone
            self.process.stdin.write(json.dumps(task) + "\n")
            self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The line of the log for the task in hand."""
        assert self.process.stdout is not None
        assert self.task is not None
        line = self.process.stdout.readline()
        self.done += 1
        self.died = not line
        if self.died:
            return _failed(self.task, "CRASHED", f"the process died ({self.process.wait()})", self.since)
        return json.loads(line)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _failed(task: dict[str, Any], verdict: str, remark: str, since: float) -> dict[str, Any]:
    seconds = round(time.monotonic() - since, 2)
    blank = {"outcome": "", "doubts": [], "checks": [], "verdict": verdict, "seconds": seconds, "remark": remark}
    return {"parameters": {}} | task | blank


def answers(tasks: Iterable[dict[str, Any]], jobs: int, limit: float) -> Iterator[dict[str, Any]]:
    """Run tasks on `jobs` processes and yield log lines as they come; a task over `limit` seconds counts as hung.

    A task whose process died is run once more in a fresh one, as a user would run it: what compiled programs before it
    left behind is not its fault.
    """
    waiting = iter(tasks)
    workers: list[_Worker] = []
    selector = selectors.DefaultSelector()

    def start(task: dict[str, Any] | None = None) -> None:
        given = next(waiting, None) if task is None else task
        if given is None:
            return
        worker = _Worker()
        worker.again = task is not None
        assert worker.process.stdout is not None
        selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
        workers.append(worker)
        worker.give(given)

    def retire(worker: _Worker) -> None:
        assert worker.process.stdout is not None
        selector.unregister(worker.process.stdout)
        workers.remove(worker)
        worker.end()

    try:
        for _ in range(jobs):
            start()
        while workers:
            for key, _ in selector.select(timeout=1.0):
                worker: _Worker = key.data
                line = worker.answer()
                dead, tired = worker.died, worker.done >= _LIFE
                if dead and not (worker.again and worker.done == 1):
                    retire(worker)
                    start(worker.task)
                    continue
                task = None if dead or tired else next(waiting, None)
                if task is not None:
                    worker.give(task)
                else:
                    retire(worker)
                    if dead or tired:
                        start()
                yield line
            for worker in [w for w in workers if time.monotonic() - w.since > limit]:
                assert worker.task is not None
                line = _failed(worker.task, "HUNG", f"stopped after {limit:g} s", worker.since)
                retire(worker)
                start()
                yield line
    finally:
        for worker in list(workers):
            retire(worker)
