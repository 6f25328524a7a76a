"""Messages over a pipe: pickles, each after its length."""

from __future__ import annotations

import pickle
import struct
import threading
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


class Sender:
    """Writes messages to a pipe, from any thread."""

    def __init__(self, pipe: IO[bytes]):
        self._pipe = pipe
        self._lock = threading.Lock()

    def __call__(self, *message: Any) -> None:
        """Send a message.

        Raises:
            OSError, ValueError: if the other end is gone.
        """
        content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._pipe.write(_LENGTH.pack(len(content)) + content)
            self._pipe.flush()


def received(pipe: IO[bytes]) -> tuple[Any, ...] | None:
    """Wait for a message and return it; None if the other end is gone."""
    try:
        head = pipe.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        content = pipe.read(length)
    except (OSError, ValueError):
        return None
    return pickle.loads(content) if len(content) == length else None
