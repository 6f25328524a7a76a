"""What a request needs, weighed against the memory of the machine before anything is allocated."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

from saddlescope.arguments import ArgumentError

_LIMITS = (  # of a container: what the machine has is not what its processes may use
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def check_fits(numbers: float, **asked: float) -> None:
    """Refuse a request that this machine cannot hold, instead of failing, or being killed, in the middle of the work.

    Args:
        numbers: how many float64 are held at once, at the least.
        asked: the arguments that this comes from, by name; the largest is blamed.

    Raises:
        ArgumentError: if they need more than all memory of the machine.

    Example:
        >>> check_fits(10.0**18, width=10**9, depth=3)
        Traceback (most recent call last):
        saddlescope.arguments.ArgumentError: Argument `width` must be smaller on this machine of ... GB, as at least
        8e+09 GB of memory are needed, but got 1000000000.
    """
    needed = 8 * float(numbers)
    if needed > machine_memory():
        name = max(asked, key=asked.__getitem__)
        must = (
            f"be smaller on this machine of {machine_memory() / 1e9:.3g} GB, "
            f"as at least {needed / 1e9:.3g} GB of memory are needed"
        )
        raise ArgumentError(name, must, asked[name])


@functools.cache
def machine_memory() -> float:
    """Return the bytes of memory that this process may use at most; infinity where the system does not say."""
    results = [float("inf")]
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not on every system
        results.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no container, or one whose limit is "max"
            results.append(float(path.read_text(encoding="ascii")))
    return min(number for number in results if number > 0)
