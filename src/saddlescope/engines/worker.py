"""What runs in a worker process: tasks from standard input, their results, or word of them, to standard output.

It ends as soon as its parent does, however that ended: then its standard input is at its end.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from saddlescope.engines.engine import EngineError
from saddlescope.engines.frames import Sender, received
from saddlescope.jax_settings import keep_programs

_LOOK = 0.1  # seconds between looks at the memory
_TELL = 0.5  # seconds between two words on where a run is
_WRITERS = 4  # threads: to wait for the disk must not keep the next task waiting


def main() -> None:
    """Carry out tasks until the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the parent's; it says what to do
    tell = Sender(os.fdopen(os.dup(1), "wb"))
    orders = os.fdopen(os.dup(0), "rb")
    # what a measure prints must not be taken for messages
    os.dup2(2, 1)
    begin = received(orders)
    if begin is None:
        return
    worker = _Worker(tell, **begin[0])
    threading.Thread(target=worker.listen, args=(orders,), daemon=True).start()
    if worker.memory:
        threading.Thread(target=worker.watch_memory, daemon=True).start()
    worker.work()


class _Worker:
    def __init__(self, tell: Sender, work: bytes, memory: float | None, programs_kept: bool):
        from saddlescope.solve.control import Control

        keep_programs(programs_kept)
        self._tell = tell
        self._packed = work
        self.memory = memory
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._control = Control(self._seen, part=True)
        self._now = ""
        self._last = 0.0

    def listen(self, orders: Any) -> None:
        """Take orders, from a thread of its own."""
        try:
            while (order := received(orders)) is not None:
                if order[0] == "task":
                    self._tasks.put(order[1])
                elif order[0] == "cancel":
                    self._control.cancel()
        except Exception as error:  # a task of what this process does not know
            self._tell("broken", f"A worker process cannot read a task ({type(error).__name__}: {error}).")
        os._exit(0)  # nobody waits for what is being computed; a segment is written whole or not at all

    def watch_memory(self) -> None:
        """End this process before it takes what others need, and say which task that was."""
        assert self.memory is not None
        while True:
            time.sleep(_LOOK)
            if used() > self.memory:
                with contextlib.suppress(OSError, ValueError):
                    self._tell("memory", self._now, self.memory)
                os._exit(1)

    def work(self) -> None:
        """Carry out one task after the other."""
        try:
            self._work = pickle.loads(self._packed)
            self._work.begin()
        except EngineError as error:
            self._tell("broken", str(error))
            return
        except Exception as error:
            self._tell("broken", f"A worker process cannot begin ({type(error).__name__}: {error}).")
            return
        with ThreadPoolExecutor(_WRITERS) as writers:
            while True:
                task = self._tasks.get()
                self._now = task.identity
                self._tell("begun", task.identity)
                try:
                    with self._control as control:
                        result = None if control.ended else self._work.carried_out(task)
                except EngineError as error:
                    self._tell("broken", str(error))
                    return
                self._now = ""
                if result is None:
                    self._tell("stopped", task.identity)
                else:
                    writers.submit(self._keep, task, result)

    def _keep(self, task: Any, result: Any) -> None:
        try:
            told = self._work.kept(task, result)
        except OSError as error:
            self._tell("unwritten", task.identity, error.errno, error.strerror, error.filename)
        except Exception as error:
            self._tell("unwritten", task.identity, None, f"{type(error).__name__}: {error}")
        else:
            self._tell("done", task.identity, told)

    def _seen(self, standing: Any) -> None:
        now = time.monotonic()
        if now - self._last > _TELL:
            from saddlescope.engines.serial import told

            self._last = now
            self._tell("at", self._now, told(standing))


def used() -> float:
    """The most bytes of memory that this process has used; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        # first choice: what `getrusage` says begins, on Linux, with what the parent had used before it started this
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    try:
        import resource
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most) * (1 if sys.platform == "darwin" else 1024)
