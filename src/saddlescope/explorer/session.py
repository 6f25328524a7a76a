"""Who computes what for which page: at most two runs at once, and of each page only the one it asked for last."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from saddlescope.explorer.limits import MEMORY, SECONDS

WORKERS = 2
_WAITING = 8  # pages that may wait for a worker
_HARD = 2 * SECONDS + 60  # seconds after which a job is ended from outside: prediction and compilation take time, too
_PATIENCE = 10.0  # seconds for which an export waits for the worker that holds its run
_CALM = 1.0  # seconds without a run, after which the other worker is warmed up
_LINE = 2**28
_STARTED_SLOWLY = "Starting the solver: the first run of a kind is compiled, which takes some seconds."

Event = tuple[str, str]  # its name, and its content as JSON


def _said(name: str, sentence: str) -> Event:
    return name, json.dumps({"sentence": sentence})


class BusyError(Exception):
    """There is no room for one more run; the message is a sentence."""


@dataclass
class _Worker:
    """A process that computes, and the job it is at."""

    process: asyncio.subprocess.Process | None = None
    number: int | None = None  # of its job
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    keys: list[str] = field(default_factory=list)  # of the last runs, the latest last
    shapes: set[str] = field(default_factory=set)  # of runs whose programs it has compiled
    reader: asyncio.Task[None] | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> None:
        """Start the process if it is not there; who comes while it is being started waits for that one."""
        async with self.starting:
            if not self.alive:
                await self.start()

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "saddlescope.explorer.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )
        self.keys, self.shapes = [], set()
        self.reader = asyncio.create_task(self._read(self.process))

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def send(self, told: dict[str, Any]) -> None:
        if self.process is None:  # who asked left before it was there
            return
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(told).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        from saddlescope.explorer.worker import OUT_OF_MEMORY

        assert process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            while line := await process.stdout.readline():
                number, name, content = line.decode().rstrip("\n").split(" ", 2)
                if int(number) == self.number:
                    self.events.put_nowait((name, content))
        code = await process.wait()
        if process is not self.process:
            return
        why = "The solver ended by itself; the next run starts it afresh."
        if code == OUT_OF_MEMORY:
            why = f"The run needed more than {MEMORY / 1e9:.0f} GB of memory and was stopped: ask for less."
        self.events.put_nowait(_said("failed", why))
        self.events.put_nowait(("end", "{}"))

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            # not `process.kill`, which would look for its end beside the loop that waits for it
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            await self.process.wait()


@dataclass
class _Asked:
    """A job that a page waits for."""

    wanted: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def give_up(self) -> None:
        self.wanted = False
        self.changed.set()


def shape_of(job: dict[str, Any]) -> str:
    """Return what the programs of a run depend on: its spec but for numbers that are no counts, and for seeds.

    >>> one, other, third = ({"spec": {"a": {"epsilon": e, "particles": m}}} for e, m in ((0.1, 8), (0.2, 8), (0.1, 9)))
    >>> shape_of(one) == shape_of(other), shape_of(one) == shape_of(third)
    (True, False)
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items() if key != "seed"}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return "number" if isinstance(value, float) else value

    return json.dumps(plain(job.get("spec", {})), sort_keys=True)


class Session:
    """The two workers, and what each page asked for last."""

    def __init__(self) -> None:
        self._workers = [_Worker() for _ in range(WORKERS)]
        self._free = asyncio.Condition()
        self._last: dict[str, _Asked] = {}
        self._waiting = 0
        self._count = 0
        self._warming: asyncio.Task[None] | None = None
        self._cold: _Worker | None = None  # the one that is being warmed up
        self._ending: set[asyncio.Task[None]] = set()

    async def warm_up(self) -> None:
        """Start a process before anybody asks; the other one follows when the first has shown what is asked for."""
        await self._workers[0].ready()

    async def stop(self) -> None:
        """End all processes."""
        for asked in self._last.values():
            asked.give_up()
        if self._warming is not None:
            self._warming.cancel()
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    @property
    def running(self) -> int:
        """How many jobs are under way."""
        return sum(worker.number is not None for worker in self._workers)

    async def events(self, page: str, job: dict[str, Any], *, alone: bool = True) -> AsyncIterator[Event]:
        """Do a job and yield its events as they come; the last is `end`.

        Args:
            page: who asks. What it asked for before is cancelled, if that was asked for `alone`, too.
            job: for the worker; its `key` says which run it is about.
            alone: whether a newer job of this page takes its place.
        """
        asked = _Asked()
        if alone:
            before = self._last.get(page)
            self._last[page] = asked
            if before is not None:
                before.give_up()
        worker, instead = None, ("cancelled", "{}")
        try:
            worker = await self._take(job, asked, holder=not alone)
        except BusyError as error:
            instead = _said("refused", str(error))
        finally:
            if worker is None:
                self._forget(page, asked)
        if worker is None:
            yield instead
            yield "end", "{}"
            return
        number = worker.number
        assert number is not None
        finished = shown = False
        try:
            if not worker.alive:
                yield _said("starting", _STARTED_SLOWLY)
                await worker.ready()
            worker.send(job | {"number": number})
            end = time.monotonic() + _HARD
            while not finished:
                event = await self._next(worker, asked, end)
                if event is None:
                    event = _said("failed", f"The run took more than {_HARD:.0f} seconds and was stopped.")
                    await worker.stop()
                    yield event
                    continue
                finished = event[0] == "end"
                shown |= event[0] == "table"
                yield event
                if event[0] == "cancelled" and not asked.wanted:
                    break
        finally:
            self._forget(page, asked)
            if finished:
                self._done(worker, job)
                if shown and job["do"] == "run":
                    worker.shapes.add(shape_of(job))
                    self._warm_other(job)
            else:
                # whoever asked is gone: the worker is free once it has heard of that
                worker.send({"cancel": number})
                task = asyncio.create_task(self._wind_down(worker, job))
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    def _warm_other(self, job: dict[str, Any]) -> None:
        """Have an idle worker compile what another has just run, so that the second run of two is as fast as one."""
        if self._cold is None:
            if self._warming is not None:
                self._warming.cancel()  # it waits for calm
            self._warming = asyncio.create_task(self._warm(job))

    async def _warm(self, job: dict[str, Any]) -> None:
        await asyncio.sleep(_CALM)
        shape = shape_of(job)
        worker = next((one for one in self._workers if shape not in one.shapes), None)
        if worker is None or self.running:
            return
        self._count += 1
        worker.number, worker.events, self._cold = self._count, asyncio.Queue(), worker
        try:
            await worker.ready()
            worker.send(job | {"do": "warm", "number": worker.number})
            await self._wind_down(worker, job)
            worker.shapes.add(shape)
        finally:
            self._cold = None

    def _forget(self, page: str, asked: _Asked) -> None:
        if self._last.get(page) is asked:
            del self._last[page]

    async def _next(self, worker: _Worker, asked: _Asked, end: float) -> Event | None:
        """The next event; `cancelled` at once when the job is not wanted any more, None when its time is over."""
        if not asked.wanted:
            return "cancelled", "{}"
        coming = asyncio.create_task(worker.events.get())
        change = asyncio.create_task(asked.changed.wait())
        try:
            await asyncio.wait(
                {coming, change}, timeout=max(end - time.monotonic(), 0), return_when=asyncio.FIRST_COMPLETED
            )
            if coming.done():
                return coming.result()
            return ("cancelled", "{}") if change.done() else None
        finally:
            coming.cancel()
            change.cancel()

    async def _take(self, job: dict[str, Any], asked: _Asked, *, holder: bool) -> _Worker | None:
        """A free worker, the one that has done this before if there is a choice; None if nobody waits any more.

        Args:
            job: what is to be done.
            asked: whether it is still wanted.
            holder: wait a while for the worker that holds the run, as to repeat it takes longer.
        """
        key, shape = job.get("key", ""), shape_of(job)
        patience = time.monotonic() + (_PATIENCE if holder else 0.0)
        if self._waiting >= _WAITING:
            raise BusyError(f"Two runs are under way and {_WAITING} pages wait: try again in a while.")
        self._waiting += 1
        try:
            while asked.wanted:
                free = [worker for worker in self._workers if worker.number is None]
                held = any(key in worker.keys and worker.alive for worker in self._workers if worker not in free)
                if free and not (held and time.monotonic() < patience):
                    best = max(free, key=lambda w: (key in w.keys, shape in w.shapes, w.alive, len(w.keys)))
                    self._count += 1
                    best.number, best.events = self._count, asyncio.Queue()
                    return best
                if not free and self._cold is not None:
                    self._cold.send({"cancel": self._cold.number})  # what is compiled by then is not compiled again
                async with self._free:
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._free.wait(), 0.2)
            return None
        finally:
            self._waiting -= 1

    async def _wind_down(self, worker: _Worker, job: dict[str, Any]) -> None:
        end = time.monotonic() + _HARD
        while time.monotonic() < end and worker.alive:
            try:
                name, _ = await asyncio.wait_for(worker.events.get(), 1.0)
            except TimeoutError:
                continue
            if name == "end":
                break
        else:
            await worker.stop()
        self._done(worker, job)

    def _done(self, worker: _Worker, job: dict[str, Any]) -> None:
        worker.number = None
        key = job.get("key", "")
        worker.keys = [*[k for k in worker.keys if k != key], key][-3:]

        async def tell() -> None:
            async with self._free:
                self._free.notify_all()

        task = asyncio.create_task(tell())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
