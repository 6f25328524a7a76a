"""Worker processes on this machine, started afresh, one thread of linear algebra each."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from saddlescope.engines.engine import Done, Engine, EngineError, Event, Lost, Stopped, Task, Unwritten, Work
from saddlescope.engines.frames import Sender, received
from saddlescope.jax_settings import programs_are_kept
from saddlescope.memory import machine_memory

CODE = "import sys; sys.path[:] = {path!r}; from saddlescope.engines.worker import main; main()"
_AHEAD = 2
_SHARE = 0.9  # of the memory, for all workers together
_STARTS = 3  # workers in a row that die before their first task
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class Processes(Engine):
    """A pool of worker processes; one that dies is replaced, and its tasks come back as `Lost`.

    Args:
        work: what they do with a task.
        workers: how many.
        memory: bytes that each may use; by default its share of nine tenths of the machine.
        ahead: tasks that each is given, so that it need not wait for the next one.
    """

    def __init__(self, work: Work, *, workers: int, memory: float | None = None, ahead: int = _AHEAD):
        self.told = f"{workers} process{'' if workers == 1 else 'es'}"
        limit = _SHARE * machine_memory() / workers if memory is None else float(memory)
        packed = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        self._begin = {"work": packed, "memory": limit, "programs_kept": programs_are_kept() or work.ours}
        self._work = work
        self._number, self._ahead = workers, ahead
        self._workers: list[_Worker] = []
        self._inbox: queue.SimpleQueue[tuple[_Worker, tuple[Any, ...] | None]] = queue.SimpleQueue()
        self._dead_at_start = 0
        self._ending = False

    @property
    def room(self) -> int:
        return self._ahead * self._number - sum(len(worker.tasks) for worker in self._workers)

    def submit(self, task: Task) -> None:
        least = min(self._workers, key=lambda worker: len(worker.tasks))
        least.give(task)

    def events(self, timeout: float) -> list[Event]:
        results: list[Event] = []
        try:
            message = self._inbox.get(timeout=timeout)
            while True:
                results += self._told(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            return results

    def _told(self, worker: _Worker, message: tuple[Any, ...] | None) -> list[Event]:
        if message is None:
            return self._buried(worker)
        what, *rest = message
        if what == "broken":
            raise EngineError(rest[0])
        self._dead_at_start = 0
        if what == "begun":
            worker.begun[rest[0]] = "begins"
            return []
        if what == "at":
            worker.begun[rest[0]] = rest[1]
            return []
        identity = rest[0]
        task = worker.tasks.pop(identity, None)
        worker.begun.pop(identity, None)
        if task is None:
            return []
        if what == "done":
            return [Done(task, rest[1], self._work.writes)]
        if what == "stopped":
            return [Stopped(task)]
        if what == "memory":
            sentence = f"It needs more than the {rest[1] / 1e9:.3g} GB of memory that a worker may use."
            return [Done(task, self._work.failed(task, sentence), written=False)]
        return [Unwritten(task, OSError(*rest[1:]))]

    def _buried(self, worker: _Worker) -> list[Event]:
        """Replace a worker that is gone, and give back what it had."""
        worker.end()
        if worker not in self._workers:
            return []
        place = self._workers.index(worker)
        if self._ending:
            del self._workers[place]
            return [Stopped(task) for task in worker.tasks.values()]
        if not worker.begun:
            self._dead_at_start += 1
            if self._dead_at_start > _STARTS * self._number:
                raise EngineError(f"Worker processes end before they do anything ({worker.how()}).")
        self._workers[place] = self._started()
        results: list[Event] = []
        for identity, task in worker.tasks.items():
            if identity in worker.begun:
                results.append(Lost(task, worker.how()))
            else:
                self.submit(task)  # it had not begun
        return results

    def running(self) -> dict[str, str]:
        return {task: line for worker in self._workers for task, line in worker.begun.items()}

    def cancel(self) -> None:
        self._ending = True
        for worker in self._workers:
            worker.say("cancel")

    def kill(self) -> None:
        self._ending = True
        for worker in self._workers:
            worker.process.kill()

    def _started(self) -> _Worker:
        worker = _Worker(self._begin)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        while True:
            message = received(worker.output)
            self._inbox.put((worker, message))
            if message is None:
                return

    def __enter__(self) -> Processes:
        self._workers = [self._started() for _ in range(self._number)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        for worker in self._workers:
            worker.end()
        self._workers = []


def packed(function: Callable[..., Any], name: str = "measure") -> bytes:
    """A function for another process: by value where cloudpickle is installed, else by its name, if it has one there.

    Args:
        function: which one.
        name: of the argument that it came from.

    Raises:
        EngineError: if it cannot be sent.
    """
    try:
        import cloudpickle as pickler
    except ImportError:
        import pickle as pickler
    try:
        content = pickler.dumps(function)
    except Exception as error:
        raise EngineError(f"`{name}` cannot be sent to other processes ({type(error).__name__}: {error}).") from None
    # whatever it holds, too, is known by a name there
    if pickler.__name__ == "pickle" and b"__main__" in content:
        raise EngineError(f"A `{name}` of a script or a notebook reaches other processes by cloudpickle: install that.")
    return content


class _Worker:
    """One process, the tasks that it has, and where those are that it has begun."""

    def __init__(self, begin: dict[str, Any]):
        code = CODE.format(path=sys.path)
        own_group: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}  # a Ctrl-C is not for it
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            **own_group,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self._send = Sender(self.process.stdin)
        self.tasks: dict[str, Task] = {}
        self.begun: dict[str, str] = {}
        self._send(begin)

    def give(self, task: Task) -> None:
        self.tasks[task.identity] = task
        self.say("task", task)

    def say(self, *message: Any) -> None:
        with contextlib.suppress(OSError, ValueError):  # it is gone: its output tells
            self._send(*message)

    def how(self) -> str:
        """How it ended."""
        code = self.process.poll()
        if code is not None and code < 0:
            return f"its process was killed by signal {-code}"
        return f"its process ended with code {code}"

    def end(self) -> None:
        """Close what it listens to, upon which it ends."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError, ValueError):
            self.output.close()
