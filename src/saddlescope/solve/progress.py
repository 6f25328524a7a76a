"""A progress bar for long runs, on the host between compiled chunks."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Any, Self

_PATIENCE = 2.0  # seconds before a bar appears by itself


class Progress:
    """Shows how far a run has come in log time, once it has taken long enough to be worth it."""

    def __init__(self, wanted: bool | None, until: float, shortest: float):
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._delay = _PATIENCE if wanted is None else 0.0
        self._decades = max(math.log10(until / min(shortest, 0.1 * until)), 1e-9)
        self._until = until
        self._started = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def update(self, t: float, risk: float) -> None:
        """Say where the run is."""
        if not self._wanted or (self._bar is None and time.monotonic() - self._started < self._delay):
            return
        bar = self._bar if self._bar is not None else self._open()
        done = 1.0 + math.log10(t / self._until) / self._decades if t > 0 else 0.0
        bar.update(self._task, completed=min(max(done, 0.0), 1.0), t=t, risk=risk)

    def _open(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("integrating"),
            BarColumn(),
            TextColumn("t = {task.fields[t]:.2e}  risk = {task.fields[risk]:.3e}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, t=0.0, risk=math.nan)
        self._bar.start()
        return self._bar

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
