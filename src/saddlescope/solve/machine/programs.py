"""Compiled programs: forgotten before there are more of them than a process can hold."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import jax

from saddlescope.solve.machine import ready

_OFTEN = 16  # runs between two looks
_SHARE = 0.5
_runs = itertools.count()


def make_room(*, now: bool = False) -> bool:
    """Forget all compiled programs where they take half of the pieces of memory that Linux lets a process have.

    Each program takes some pieces. At the limit, vm.max_map_count, 65530 by default, the process would die without a
    word, inside whatever asks for the next piece; some hundred problems of different shapes come there. What is needed
    again is read from the cache on disk.

    Args:
        now: look at once, and not only every few calls.

    Returns:
        Whether they were forgotten.
    """
    if next(_runs) % _OFTEN and not now:
        return False
    try:
        pieces = Path("/proc/self/maps").read_bytes().count(b"\n")
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
    except (OSError, ValueError):  # no Linux
        return False
    if pieces < _SHARE * most:
        return False
    jax.clear_caches()
    ready.forget()
    gc.collect()
    return True
