"""Ctrl-C in the middle of an experiment, of which no half result may be kept."""

from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any, Self

_AGAIN = 0.2  # seconds


class Interruptible:
    """A stretch of work that Ctrl-C ends as a whole, as a context.

    A solver keeps what it has at a Ctrl-C and returns, which is right for one run and wrong for an experiment of many:
    the rest of it would go on with a curve cut short. So the interrupt is remembered, raised again every fifth of a
    second where the system allows, and once more at the end.

    Raises:
        KeyboardInterrupt: on exit, if there was one meanwhile, whatever else went wrong because of it.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # only the main thread is told of signals; who started a run in the background may want them ignored
        told = threading.current_thread() is threading.main_thread()
        if told and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
            if hasattr(signal, "setitimer"):
                self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._interrupt)
        return self

    def _interrupt(self, number: int, frame: Any) -> None:
        del number, frame
        self.asked = True
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(signal, "setitimer") and self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.asked:
            raise KeyboardInterrupt
