"""Writing a training log that survives a crash, one JSON record a line."""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
from types import TracebackType
from typing import Any, Self, SupportsFloat

from saddlescope.arguments import ArgumentError, path_of, positive

_SYNC = 10.0  # seconds between two flushes to the disk itself; a process that is killed loses nothing in between


class CurveLog:
    """A training log that is appended to in the loop: `log(step, loss=..., acc=...)`.

    Each call writes one whole line, `{"step": 3, "loss": 0.5}`, before it returns, so that a process that is killed
    leaves a log that `read_curve` reads. A file that is there is continued; a line that a crash cut short stays behind.

    Args:
        path: of the file, whose folder must exist; by custom NAME.jsonl.
        per_decade: write so many log-spaced steps for each factor of ten only, which keeps long runs short; step 0 and
            the last step are always written (the last one by `close`). By default every call writes.

    Raises: ArgumentError for a path that cannot be written to, and in a call for a step or a value that is no number.

    >>> import tempfile, pathlib
    >>> from saddlescope.curves import read_curve
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.jsonl"
    >>> with CurveLog(path, per_decade=20) as log:
    ...     for step in range(10_001):
    ...         log(step, loss=1 / (1 + step), acc=step / 10_000)
    >>> curve = read_curve(path, "loss")
    >>> len(curve), float(curve.time[-1])
    (68, 10000.0)
    """

    def __init__(self, path: str | os.PathLike[str], *, per_decade: float | None = None):
        self.path = path_of("path", path)
        self._factor = None if per_decade is None else 10 ** (1 / positive("per_decade", per_decade))
        self._next = 0.0
        self._held: bytes | None = None
        self._synced = time.monotonic()
        self._lock = threading.Lock()
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            size = os.lseek(self._file, 0, os.SEEK_END)
            if size:
                os.lseek(self._file, size - 1, os.SEEK_SET)
                if os.read(self._file, 1) != b"\n":
                    self._write(b"\n")
        except OSError as error:
            raise ArgumentError("path", f"be a file that can be written ({error.strerror})", str(path)) from None

    def __call__(self, step: SupportsFloat, /, **values: SupportsFloat | None) -> None:
        """Write the values at a step; None stands for a value that was not measured.

        Args:
            step: a number that counts steps, samples or epochs; values: numbers, or arrays and tensors of one entry.
        """
        number = _number("step", step)
        record: dict[str, float | int] = {"step": number}
        if not math.isfinite(number):
            raise ArgumentError("step", "be finite", step)
        for name, value in values.items():
            if value is not None:
                record[name] = _number(name, value)
        line = json.dumps(record).encode() + b"\n"
        with self._lock:
            if self._file < 0:
                raise ArgumentError("step", "come before the log is closed", step)
            if self._factor is not None and 0 < number < self._next:
                self._held = line
                return
            self._write(line)
            self._held = None
            if self._factor is not None:
                self._next = max(number * self._factor, number + 1e-12) if number > 0 else 0.0
            if time.monotonic() - self._synced > _SYNC:
                self._sync()

    def close(self) -> None:
        """Write the last step if log spacing held it back, and close the file; a second call does nothing."""
        with self._lock:
            if self._file < 0:
                return
            if self._held is not None:
                self._write(self._held)
                self._held = None
            self._sync()
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # at the exit of the interpreter, where modules may be gone already
        with contextlib.suppress(Exception):
            self.close()

    def __repr__(self) -> str:
        spacing = "" if self._factor is None else f", {1 / math.log10(self._factor):g} a decade"
        return f"CurveLog({str(self.path)!r}{spacing}{', closed' if self._file < 0 else ''})"

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _sync(self) -> None:
        self._synced = time.monotonic()
        with contextlib.suppress(OSError):  # a pipe has no disk
            os.fsync(self._file)


def _number(argument: str, value: Any) -> float | int:
    if isinstance(value, bool | str | bytes):
        raise ArgumentError(argument, "be a number", value)
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(argument, "be a number", value) from None
    return int(number) if argument == "step" and number.is_integer() else number
