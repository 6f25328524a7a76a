"""One run at a time in an output folder: a file with the number of the process that works there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from saddlescope.arguments import ArgumentError

NAME = ".lock"


class Lock:
    """A folder in use, as a context.

    Args:
        folder: an existing folder.

    Raises:
        ArgumentError: on entry, if another live process holds the lock; nothing is touched then. The lock of a
            process that is no more is taken over.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME

    def __enter__(self) -> Self:
        for _ in range(2):
            try:
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                self._refuse_if_held()
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "w") as file:
                file.write(f"{os.getpid()} {socket.gethostname()}\n")
            return self
        raise in_use(self.path.parent, "another process")

    def _refuse_if_held(self) -> None:
        holder = holder_of(self.path.parent)
        if holder is not None:
            raise in_use(self.path.parent, holder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)


def holder_of(folder: Path) -> str | None:
    """Return who holds the lock of a folder, in words, or None if nobody alive does."""
    try:
        words = (folder / NAME).read_text(encoding="utf-8").split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(words) != 2 or not words[0].isdigit():
        return None  # killed between making the file and writing to it
    pid, host = int(words[0]), words[1]
    if host != socket.gethostname():
        return f"process {pid} on {host}"  # a shared disk: nothing can be known from here
    return f"process {pid}" if _alive(pid) else None


def in_use(folder: Path, holder: str) -> ArgumentError:
    """Return the refusal."""
    return ArgumentError(
        "--out", f"name a folder that no other run is using ({folder} is in use by {holder})", str(folder)
    )


def _alive(pid: int) -> bool:
    if os.name == "nt":
        return True  # there, a signal of 0 would end the process instead of asking after it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
