"""A progress bar for notebooks: one line of HTML that is replaced, without widgets that a notebook may not have."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

_EVERY = 0.2  # seconds between two looks: a notebook in a browser far away should not be flooded


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook. IPython is not loaded to find out.

    >>> in_notebook()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class NotebookBar:
    """A bar with the calls of `rich.progress.Progress` that bars of runs and of counted work make."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html, self._display = HTML, display
        self._handle: Any = None
        self._name, self._total, self._done = "", 1.0, 0.0
        self._fields: dict[str, Any] = {}
        self._begun = self._shown = time.monotonic()
        self.console = self  # where lines above the bar are printed

    def add_task(self, name: str, total: float, **fields: Any) -> int:
        """Name the work; there is one."""
        self._name, self._total, self._fields = name, float(total), fields
        return 0

    def start(self) -> None:
        """Show the bar."""
        self._handle = self._display(self._html(self._line()), display_id=True)

    def update(
        self, task: int, *, completed: float | None = None, description: str | None = None, **fields: Any
    ) -> None:
        """Show how far the work has come."""
        del task
        self._done = self._done if completed is None else completed
        self._name = self._name if description is None else description
        self._fields |= fields
        self._show()

    def advance(self, task: int) -> None:
        """Count a piece that is done."""
        del task
        self._done += 1
        self._show()

    def stop(self) -> None:
        """Take the bar away."""
        if self._handle is not None:
            self._handle.update(self._html(""))

    def print(self, line: str, **options: Any) -> None:
        """Print a line, which stays."""
        del options
        print(line, file=sys.stderr)

    def _show(self) -> None:
        now = time.monotonic()
        if self._handle is not None and now - self._shown >= _EVERY:
            self._shown = now
            self._handle.update(self._html(self._line()))

    def _line(self) -> str:
        told = [self._name]
        told += [f"{name} = {value:.2e}" for name, value in self._fields.items() if isinstance(value, float)]
        if self._total > 1:
            told.append(f"{self._done:.0f}/{self._total:.0f}")
        told += [value for value in self._fields.values() if isinstance(value, str) and value]
        told.append(f"{time.monotonic() - self._begun:.0f} s")
        return (
            f"<div><progress max='1' value='{self._done / self._total:.4f}' style='width:16em'></progress> "
            f"{escape('  '.join(told))}</div>"
        )
