"""A Dask cluster: one on this machine, or any scheduler by its address; workers may come and go."""

from __future__ import annotations

import concurrent.futures
import contextlib
import queue
import secrets
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from saddlescope.arguments import in_a_sentence
from saddlescope.engines import Done, Engine, EngineError, Event, Stopped, processors
from saddlescope.families import packages
from saddlescope.sweep.task import Result, Task, carried_out, failed

_PATIENCE = 10.0  # seconds in which a scheduler must answer
_LEAST = 64  # tasks that it is given ahead, so that a cluster that adapts sees what is to be done
_AHEAD = 2
_SHORT = 0.5  # seconds of tasks that are sent together, as each message costs some ten milliseconds
_TOGETHER = 16
_LOOK = 2.0  # seconds between two looks, of a running task at whether it is cancelled
# Where else the workers of a cluster on this machine would spend a fifth of their time: samples of what they do, for a
# page that nobody opens, and memory given back at once, only to be asked for again.
_OWN = {
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), 1
    ),
}
_WITHOUT = 30.0  # seconds in which a cluster on this machine replaces workers that died, or it never does


class Dask(Engine):
    """Carries out tasks on a Dask cluster; results come back and are written here.

    Tasks that take less than half a second are sent some at a time; those of them that a worker has not begun
    after that time come back and are sent again.

    A task whose worker dies is given to another one by Dask itself; after the third it is tried once more when nothing
    else runs, since Dask blames all tasks that a worker held, and given up and named if its workers die of it alone.

    Args:
        address: of a scheduler; empty for a cluster of processes on this machine.
        measure: function of a trajectory.
        workers: how many processes, of a cluster on this machine.
        memory: bytes that each of these may use.

    Raises:
        EngineError: if Dask is not installed.
    """

    def __init__(self, address: str, measure: Any, *, workers: int | None = None, memory: float | None = None):
        try:
            import distributed
        except ImportError:
            raise EngineError(
                'The engine dask needs the library distributed: pip install "saddlescope[dask]".'
            ) from None
        if address and (workers is not None or memory is not None):
            raise EngineError("Workers and memory are those of the cluster at that address: give neither.")
        import cloudpickle

        self._distributed = distributed
        self._address, self._workers, self._memory = address, workers, memory
        self._measure = None if measure is None else cloudpickle.dumps(measure)
        self.told = f"Dask at {address}" if address else "a Dask cluster on this machine"
        self._waiting: deque[Task] = deque()
        self._sent: dict[concurrent.futures.Future[Any], list[Task]] = {}
        self._suspects: list[Task] = []
        self._alone: Task | None = None
        self._cancelled = False
        self._done: queue.SimpleQueue[concurrent.futures.Future[Any]] = queue.SimpleQueue()
        self._cluster: Any = None
        self._client: Any = None
        self._stop = f"saddlescope-stop-{secrets.token_hex(8)}"
        self._threads = 0
        self._looked = -_LOOK
        self._manned = 0.0  # when there was a worker last
        self._seconds = _SHORT  # of a task, by those that came last

    def __enter__(self) -> Dask:
        if not self._address:
            import dask.config

            with dask.config.set(_OWN):
                self._cluster = self._distributed.LocalCluster(
                    n_workers=self._workers or processors(),
                    threads_per_worker=1,
                    memory_limit="auto" if self._memory is None else int(self._memory),
                    dashboard_address=None,  # pyright: ignore[reportArgumentType]
                    silence_logs=50,
                )
        try:
            self._client = self._distributed.Client(
                self._cluster or self._address, timeout=_PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            reason = " ".join(str(error).split())[:120].rstrip(".")
            raise EngineError(f"There is no Dask scheduler at {self._address} ({reason}).") from None
        self._executor = self._client.get_executor(pure=False)
        self._event = self._distributed.Event(self._stop, client=self._client)
        self._manned = time.monotonic()
        return self

    @property
    def room(self) -> int:
        if self._alone is not None:
            return 0
        self._look_at_workers()
        size = max(_LEAST, _AHEAD * self._threads * self._together)
        return size - len(self._waiting) - sum(len(tasks) for tasks in self._sent.values())

    def _look_at_workers(self) -> None:
        now = time.monotonic()
        if now - self._looked <= _LOOK:
            return
        try:
            self._threads = sum(self._client.nthreads().values())
        except (OSError, ValueError, RuntimeError, AttributeError):
            raise self._gone() from None
        self._looked = now
        if self._threads or self._address:  # workers of other clusters may come at any time
            self._manned = now
        elif now - self._manned > _WITHOUT:
            raise EngineError("All workers of the Dask cluster died and none came back: the same command goes on.")

    @property
    def _together(self) -> int:
        """How many tasks make a message."""
        return max(1, min(_TOGETHER, int(_SHORT / max(self._seconds, 1e-9))))

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def _send(self) -> None:
        """Send what waits, of short tasks as soon as there are enough, or workers would have nothing to do."""
        while len(self._waiting) >= self._together or (
            self._waiting and len(self._sent) < max(1, _AHEAD * self._threads)
        ):
            tasks = [self._waiting.popleft() for _ in range(min(self._together, len(self._waiting)))]
            try:
                future = self._executor.submit(_carried_out, tasks, self._measure, self._stop, packages())
            except Exception as error:  # whatever it raises where its scheduler is gone
                raise self._gone() from error
            self._sent[future] = tasks
            future.add_done_callback(self._done.put)

    def events(self, timeout: float) -> list[Event]:
        results: list[Event] = []
        if self._cancelled:
            results += [Stopped(task) for task in (*self._waiting, *self._suspects)]
            self._waiting.clear()
            self._suspects.clear()
        if not self._sent and not self._waiting and self._suspects:
            self._alone = self._suspects.pop()
            self.submit(self._alone)
        self._send()
        if not self._sent:
            if not results:
                time.sleep(timeout)
            return results
        with contextlib.suppress(queue.Empty):
            results += self._events_of(self._done.get(timeout=0.0 if results else timeout))
            while True:
                results += self._events_of(self._done.get_nowait())
        if not results:  # what has come is not lost over a cluster that is gone
            self._look_at_workers()
        return results

    def _events_of(self, future: concurrent.futures.Future[Any]) -> list[Event]:
        """What became of tasks that were sent together; of those that are to be tried alone, nothing yet."""
        tasks = self._sent.pop(future)
        alone, self._alone = tasks == [self._alone], None
        if future.cancelled():
            if self._client.status != "running":
                raise self._gone()
            return [Stopped(task) for task in tasks]
        error = future.exception()
        if error is None:
            results: list[Result | None] = future.result()
            self._waiting.extendleft(reversed(tasks[len(results) :]))
            for result in results:
                if result is not None:
                    self._seconds = 0.5 * (self._seconds + result.seconds)
            return [
                Stopped(task) if result is None else Done(task, result, written=False)
                for task, result in zip(tasks, results, strict=False)
            ]
        killed = isinstance(error, self._distributed.KilledWorker)
        if not killed and (self._client.status != "running" or isinstance(error, concurrent.futures.CancelledError)):
            raise self._gone()
        if len(tasks) > 1 or (killed and not alone):
            self._suspects += tasks
            return []
        told = "It was tried 3 times and more, and each time its worker died." if killed else in_a_sentence(error)
        return [Done(task, failed(task, told), written=False) for task in tasks]

    def _gone(self) -> EngineError:
        where = self._address or "this machine"
        return EngineError(f"The Dask scheduler at {where} went away: the same command goes on once it is back.")

    def cancel(self) -> None:
        self._cancelled = True
        for future in self._sent:
            future.cancel()
        with contextlib.suppress(Exception):  # a scheduler that is gone has nothing to stop
            self._event.set()

    kill = cancel

    def __exit__(self, *_: object) -> None:
        for held in (self._client, self._cluster):
            if held is not None:
                with contextlib.suppress(Exception):
                    held.close(timeout=2.0)


def _carried_out(
    tasks: Sequence[Task], measure: bytes | None, stop: str, families: dict[str, str]
) -> list[Result | None]:
    """What a worker of the cluster does: results of the first tasks, of at least two; None if one was interrupted."""
    import cloudpickle

    from saddlescope.families import register
    from saddlescope.solve.control import Control
    from saddlescope.solve.machine.threads import one_blas_thread

    for name in set(families) - set(packages()):
        register(name, families[name])
    function = None if measure is None else cloudpickle.loads(measure)
    results: list[Result | None] = []
    begun = 0.0
    for task in tasks:
        control = Control(_Stop(stop), part=True)
        with control, one_blas_thread():
            results.append(carried_out(task, function))
        now = time.monotonic()
        if len(results) == 1:
            begun = now  # the first may have imported and compiled everything
        if results[-1] is None or now - begun > _SHORT:
            break
    return results


class _Stop:
    """Watches a run, and interrupts it once its sweep was stopped."""

    def __init__(self, name: str):
        self._name = name
        self._looked = time.monotonic()

    def __call__(self, standing: object) -> None:
        del standing
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        from distributed import Event, get_client

        if Event(self._name, client=get_client()).is_set():
            raise KeyboardInterrupt
