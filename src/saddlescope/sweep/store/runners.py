"""Who is at work in a store: a file for each process, which says what it is doing, and a claim for each task it runs.

On one machine a process that was killed is known by its lock, which the system lets go; on another one by a heartbeat
that stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

try:
    import fcntl
except ImportError:  # no Unix
    fcntl = None

_BEAT = 2.0  # seconds
_SILENT = 60.0  # seconds without a beat after which a process on another machine is taken for dead


class Runner:
    """This process at work in a store, as a context; it beats until the end.

    Args:
        folder: of the store.
        state: returns what to tell others, as plain values.
    """

    def __init__(self, folder: Path, state: Callable[[], dict[str, Any]] = dict):
        self._runners, self._claims = folder / "runners", folder / "claims"
        self.token = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._state = state
        self._file: Any = None
        self._over = threading.Event()
        self._beat: threading.Thread | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        self._runners.mkdir(exist_ok=True)
        self._claims.mkdir(exist_ok=True)
        self._file = open(self._path, "w", encoding="utf-8")
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._tell()
        self._beat = threading.Thread(target=self._beats, daemon=True, name="saddlescope heartbeat")
        self._beat.start()
        return self

    @property
    def _path(self) -> Path:
        return self._runners / self.token

    def _beats(self) -> None:
        while not self._over.wait(_BEAT):
            with contextlib.suppress(OSError):  # a full disk: the claims stand as long as this process lives
                self._tell()

    def _tell(self) -> None:
        # in place, as a new file would not be locked; who reads half of it reads it again
        text = json.dumps(self._state())
        self._file.seek(0)
        self._file.write(text + "\n")
        self._file.truncate()
        self._file.flush()
        os.utime(self._path)

    def claim(self, task: str) -> bool:
        """Take a task, unless another live process has it."""
        self._held.add(task)  # before it is: a Ctrl-C may come in between
        if self._taken(os.path.join(self._claims, task)):
            return True
        self._held.discard(task)
        return False

    def _taken(self, path: str) -> bool:
        if self._made(path):
            return True
        with self._alone():  # two that find a dead claim must not both take it
            if _alive(self._runners, _holder(Path(path)), self._path):
                return False
            Path(path).unlink(missing_ok=True)
            return self._made(path)

    def release(self, task: str) -> None:
        """Let go of a task that is done, or will not be."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._claims, task))
        self._held.discard(task)  # after it is: a Ctrl-C may come in between

    def _made(self, path: str) -> bool:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            os.write(handle, self.token.encode())
        finally:
            os.close(handle)
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open(self._runners / ".takeover", "a", encoding="utf-8") as lock:
            if fcntl is not None:
                with contextlib.suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._beat is not None:
            self._beat.join()
        for task in list(self._held):
            if _holder(self._claims / task) in ("", self.token):
                self.release(task)
        self._path.unlink(missing_ok=True)
        self._file.close()


def at_work(folder: Path) -> list[dict[str, Any]]:
    """Return what every live process at work in a store tells; those of dead ones are left alone.

    Args:
        folder: of the store.
    """
    told = []
    for path in sorted((folder / "runners").glob("[!.]*")):
        if _alive(folder / "runners", path.name, None):
            with contextlib.suppress(OSError, ValueError):
                told.append({"runner": path.name, **json.loads(path.read_text(encoding="utf-8"))})
    return told


def leftovers(folder: Path) -> list[Path]:
    """Return claims and files of processes that are no more."""
    runners = folder / "runners"
    dead = [path for path in runners.glob("[!.]*") if not _alive(runners, path.name, None)]
    claims = [path for path in (folder / "claims").glob("*") if not _alive(runners, _holder(path), None)]
    return [*claims, *dead]


def _holder(claim: Path) -> str:
    """The token in a claim; empty if it was made and not yet written, or is gone."""
    for _ in range(20):
        try:
            token = claim.read_text(encoding="utf-8")
        except OSError:
            return ""
        if token:
            return token
        time.sleep(0.01)
    return ""


def _alive(runners: Path, token: str, own: Path | None) -> bool:
    """Whether the process of a token is at work."""
    path = runners / token
    if not token or not path.exists():
        return False
    if own is not None and path == own:
        return True
    host = token.rsplit("-", 2)[0]
    if host == socket.gethostname() and fcntl is not None:
        try:
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        except OSError:  # a file system without locks: what is left is the heartbeat
            pass
    try:
        # against a time of the same disk: clocks of machines differ
        now = own.stat().st_mtime if own is not None else time.time()
        return now - path.stat().st_mtime < _SILENT
    except OSError:
        return False


def lines(told: Sequence[dict[str, Any]]) -> list[str]:
    """Say in a line each what is being run."""
    return [f"{runner['runner']}: {line}" for runner in told for line in runner.get("running", [])]
