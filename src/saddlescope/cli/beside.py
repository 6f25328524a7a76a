"""Work done beside the main job, on the second core."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread, enumerate
from types import TracebackType
from typing import Any, Self

_NAME = "saddlescope beside"


def at_work() -> bool:
    """Return whether some work goes on whose result nobody waits for any more."""
    return any(thread.name == _NAME for thread in enumerate())


class Beside:
    """Run one function in a thread while the body of a `with` block does something else.

    The thread is a daemon: a Ctrl-C in the body ends the program without waiting for it.

    Example:
        >>> with Beside(pow, 2, 10) as power:
        ...     power.result()
        1024
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any):
        self._value: Any = None
        self._error: BaseException | None = None
        self._awaited = True

        def work() -> None:
            try:
                self._value = function(*arguments)
            except BaseException as error:  # handed to whoever asks for the result
                self._error = error

        self._thread = Thread(target=work, daemon=True, name=_NAME)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def result(self) -> Any:
        """Wait for the function, then return what it returned or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value

    def leave(self) -> None:
        """Wait for the function no more, not even at the end of the block."""
        self._awaited = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._awaited:
            self._thread.join()
