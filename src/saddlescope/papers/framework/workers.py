"""Experiments in processes of their own, several at a time; one that takes its process down stops no other."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from saddlescope.papers.framework.catalogue import Entry
from saddlescope.papers.framework.ledger import Record
from saddlescope.solve.control import in_charge

T = TypeVar("T")
_PATIENCE = 1.0  # seconds


def outcomes(
    one: Callable[[Entry, Record | None], T],
    asked: Sequence[tuple[Entry, Record | None]],
    workers: int,
    begin: Callable[[Entry], None],
) -> Generator[tuple[Entry, T | str], None, None]:
    """Yield what comes of each experiment as they end: what `one` returns, or how its process went away.

    Args:
        one: runs an experiment, given its record of before; it can be pickled.
        asked: what to run, in this order.
        workers: how many at a time; a single one runs in this process.
        begin: told of each experiment as it begins.
    """
    if min(workers, len(asked)) <= 1:
        for entry, before in asked:
            begin(entry)
            yield entry, one(entry, before)
        return
    left, free = list(asked), [_started() for _ in range(min(workers, len(asked)))]
    running: dict[Future[T], tuple[Entry, ProcessPoolExecutor]] = {}
    with _ended_at_once():
        while left or running:
            while left and free:
                entry, before = left.pop(0)
                begin(entry)
                pool = free.pop()
                running[pool.submit(one, entry, before)] = entry, pool
            done = wait(running, timeout=_PATIENCE, return_when=FIRST_COMPLETED).done
            if in_charge().ended is not None:
                raise KeyboardInterrupt  # the signal may have met a place where its exception is lost
            for future in done:
                entry, pool = running.pop(future)
                try:
                    outcome: T | str = future.result()
                except BrokenProcessPool:
                    outcome = "its process ended before it did, perhaps for want of memory"
                    pool = _started()
                free.append(pool)
                yield entry, outcome
    for pool in free:
        pool.shutdown()


def _started() -> ProcessPoolExecutor:
    """One process, started afresh: of one that dies it is then known which experiment it had."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    import scipy.linalg  # noqa: F401  # so that its threads are there to be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user sees; it ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


@contextlib.contextmanager
def _ended_at_once() -> Iterator[None]:
    """What ends this block early ends the processes, too: a part of an experiment is of no use."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
            child.join()
        raise
