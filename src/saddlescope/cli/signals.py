"""Ctrl-C and a polite `kill`, translated once: whoever computes is told, and whatever happens ends in one sentence."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

STOPPED = 130  # exit code, as shells have it

_told: list[Callable[[], object]] = []
_asked = False


def asked() -> bool:
    """Return whether the user has asked this program to stop."""
    return _asked


@contextlib.contextmanager
def when_asked(act: Callable[[], object]) -> Iterator[None]:
    """Call a function as soon as the user asks to stop, at once if that has happened already.

    An interrupt is an exception wherever the program is at that moment, and a library that is just being imported or a
    callback from compiled code may lose it. What is told here holds.

    Args:
        act: called from a signal handler: quick, and harmless if called twice.
    """
    _told.append(act)
    try:
        if _asked:
            act()
        yield
    finally:
        _told.remove(act)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Make SIGINT and SIGTERM one KeyboardInterrupt each, told to `when_asked` before it is raised."""
    global _asked
    _asked = False
    before: dict[int, Any] = {}
    loud = sys.unraisablehook
    if threading.current_thread() is threading.main_thread():  # only it may say what signals do
        for number in (signal.SIGINT, signal.SIGTERM):
            # who started this in the background may want them ignored
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, _stop)

    def quiet(unraisable: Any) -> None:
        if not (_asked and issubclass(unraisable.exc_type, KeyboardInterrupt)):
            loud(unraisable)

    sys.unraisablehook = quiet
    try:
        yield
    finally:
        sys.unraisablehook = loud
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: Any) -> None:
    del number, frame
    global _asked
    _asked = True
    for act in _told:
        act()
    raise KeyboardInterrupt
