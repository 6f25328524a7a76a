"""The progress of a sweep on a terminal: one bar, and a line for each running task if wanted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from saddlescope.sweep.running import Standing


class SweepBar:
    """A bar for a whole sweep, as a context.

    Args:
        wanted: whether to show it; by default on a terminal.
        tasks: whether to say in a line each which tasks are running, and where they are.
    """

    def __init__(self, wanted: bool | None = None, *, tasks: bool = False):
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._tasks = tasks
        self._live: Any = None

    def watch(self, standing: Standing) -> None:
        """Show where the sweep is."""
        if not self._wanted:
            return
        from rich.console import Group
        from rich.text import Text

        if self._live is None:
            self._live = self._open(standing.total)
        self._bar.update(self._task, completed=standing.total - standing.left, words=standing.told())
        lines = [Text(f"  {line}", no_wrap=True) for line in standing.lines()] if self._tasks else []
        self._live.update(Group(self._bar, *lines))

    def _open(self, total: int) -> Any:
        from rich.console import Console
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True, highlight=False)
        words = TextColumn("{task.fields[words]}")
        self._bar = Progress(BarColumn(bar_width=20), MofNCompleteColumn(), words, TimeElapsedColumn(), console=console)
        self._task = self._bar.add_task("sweep", total=total, words="")
        live = Live(console=console, transient=True)
        live.start()
        return live

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
