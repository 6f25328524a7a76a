"""Files that are whole or not there: one writer for everything that is saved, and folders that one process uses."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from saddlescope.arguments import ArgumentError, path_of

_LOCK = ".lock"
_NAMED_AFTER = 40  # letters of a file's name that are in the name of its partial file; names have a longest length


class NotWrittenError(OSError):
    """A file could not be written: the disk is full, say. What was at its place before is still there."""

    def __init__(self, path: str | os.PathLike[str], cause: OSError):
        super().__init__(cause.errno, cause.strerror or str(cause), str(path))

    def __str__(self) -> str:
        return f"{self.filename} could not be written: {self.strerror}; what was there before is unchanged."


def write(path: str | os.PathLike[str], content: bytes | str, *, argument: str = "path") -> Path:
    """Write a file whole or not at all, so that neither a full disk nor a killed process leaves half of it.

    The content goes to a hidden file beside it, then to the disk, then to its place at once. A link stays a link.

    Args:
        path: of the file; its folder must exist.
        content: all of it; text is written as UTF-8.
        argument: name of the user's argument that the path came from, for refusals.

    Returns:
        The path.

    Raises:
        ArgumentError: if the folder does not exist or cannot be written to, or the path names no regular file.
        NotWrittenError: if the system fails to write it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(Path(folder) / "note", "whole").read_text()
        'whole'
    """
    path = path_of(argument, path)
    with replaced(path, argument=argument) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextlib.contextmanager
def replaced(path: Path, *, argument: str = "path") -> Iterator[Path]:
    """Give a hidden file to write to, which takes the place of another at the end of the block, or is gone.

    Args:
        path: of the file; its folder must exist.
        argument: name of the user's argument that the path came from, for refusals.

    Raises:
        ArgumentError: if the folder does not exist or cannot be written to, or the path names no regular file.
        NotWrittenError: if the system fails to write it.
    """
    target, mode = _target(path, argument)
    try:
        partial = _made_beside(target, mode)
    except OSError as error:
        raise ArgumentError(argument, f"be writable ({error.strerror})", str(path)) from None
    try:
        yield partial
        put(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise NotWrittenError(path, error) from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def write_into(folder: str, name: str, content: bytes) -> None:
    """Write a new file like `write`, into a folder of our own: nothing is asked of the path that is asked of a user's.

    Args:
        folder: that is there.
        name: of the file.
        content: all of it.

    Raises:
        FileNotFoundError: if the folder is not there.
        NotWrittenError: if the system fails to write the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_into(folder, "note", b"whole")
        ...     os.listdir(folder)
        ['note']
    """
    partial = f"{folder}/{_partial(name)}"
    try:
        handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotWrittenError(f"{folder}/{name}", error) from None
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[file.write(left) or 0 :]
            os.fsync(handle)
        os.replace(partial, f"{folder}/{name}")
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError):
            raise NotWrittenError(f"{folder}/{name}", error) from None
        raise
    _sync_folder(folder)


def put(staged: Path, target: Path) -> None:
    """Move a file that is written already to its place, replacing what is there at once.

    Raises:
        NotWrittenError: if the system fails to do so.
    """
    try:
        with open(staged, "rb") as file:
            os.fsync(file.fileno())
        os.replace(staged, target)
    except OSError as error:
        raise NotWrittenError(target, error) from None


def _target(path: Path, argument: str) -> tuple[Path, int | None]:
    """Where the content is to go, and the permissions of the file that is there; refuses what is no place for it."""
    try:
        target = Path(os.path.realpath(path))
        result = target.stat() if target.exists() else None
        whole = target.parent.is_dir()
    except (OSError, ValueError) as error:  # too long a name, a zero byte in it
        reason = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(argument, f"be a name that a file can have ({reason})", str(path)[:80]) from None
    if not whole:
        raise ArgumentError(argument, "lie in an existing folder", str(path))
    if result is None:
        return target, None
    if not stat.S_ISREG(result.st_mode):
        what = "a folder" if stat.S_ISDIR(result.st_mode) else "a device"
        raise ArgumentError(argument, f"name a file, not {what}", str(path))
    return target, stat.S_IMODE(result.st_mode)


def _made_beside(target: Path, mode: int | None) -> Path:
    """Make a hidden file beside the target, with the permissions of the old file or those that a new one gets."""
    while True:
        partial = target.parent / _partial(target.name)
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        if mode is not None:
            with contextlib.suppress(OSError):  # a file system without permissions
                os.chmod(partial, mode)
        return partial


def _partial(name: str) -> str:
    """A name for what is not yet the whole of a file."""
    return f".{name[:_NAMED_AFTER]}.{secrets.token_hex(4)}.partial"


def _sync_folder(folder: Path | str) -> None:
    """Bring the new name to the disk as well, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class FolderLock:
    """A folder in use by one process, as a context: a file in it holds the number of the process.

    Args:
        folder: an existing folder.
        argument: name of the user's argument that the folder came from, for refusals.

    Raises:
        ArgumentError: on entry, if another live process holds the lock; nothing is touched then. The lock of a
            process that is no more is taken over.
    """

    def __init__(self, folder: Path, argument: str):
        self.path = folder / _LOCK
        self._argument = argument

    def __enter__(self) -> Self:
        for _ in range(2):
            try:
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                refuse_if_in_use(self.path.parent, self._argument)
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "w") as file:
                file.write(f"{os.getpid()} {socket.gethostname()}\n")
            return self
        raise _in_use(self.path.parent, "another process", self._argument)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)


def refuse_if_in_use(folder: Path, argument: str) -> None:
    """Refuse a folder whose lock a live process holds.

    Args:
        folder: may be missing.
        argument: name of the user's argument that the folder came from.

    Raises:
        ArgumentError: if it is in use.
    """
    holder = _holder_of(folder)
    if holder is not None:
        raise _in_use(folder, holder, argument)


def _holder_of(folder: Path) -> str | None:
    """Who holds the lock of a folder, in words, or None if nobody alive does."""
    try:
        words = (folder / _LOCK).read_text(encoding="utf-8").split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(words) != 2 or not words[0].isdigit():
        return None  # killed between making the file and writing to it
    pid, host = int(words[0]), words[1]
    if host != socket.gethostname():
        return f"process {pid} on {host}"  # a shared disk: nothing can be known from here
    return f"process {pid}" if _alive(pid) else None


def _in_use(folder: Path, holder: str, argument: str) -> ArgumentError:
    must = f"name a folder that no other run is using ({folder} is in use by {holder})"
    return ArgumentError(argument, must, str(folder))


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
