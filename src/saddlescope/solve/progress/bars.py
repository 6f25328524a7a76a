"""Progress bars: of a run, which it watches between compiled chunks, and of work that is counted."""

from __future__ import annotations

import bisect
import math
import sys
import time
from types import TracebackType
from typing import Any, Self

from saddlescope.solve.control import Standing, in_charge
from saddlescope.solve.progress.notebook import NotebookBar, in_notebook

_PATIENCE = 2.0  # seconds before a bar appears by itself
_EVEN = 2.0  # a run whose speed grows by less than this comes in steps of one length


def watched() -> bool:
    """Whether somebody sees a bar, on a terminal or in a notebook, and is not shown one over all tasks already."""
    return not in_charge().part and (sys.stderr.isatty() or in_notebook())


class Pace:
    """How far a run has come and how long it will take, from where it was when.

    Steps of one length take time at an even pace; an adaptive solver at one that is even in log time, as its steps
    grow with the time that has passed. Which of the two it is shows in the run itself.

    Args:
        until: end of the run's time.
        shortest: its first time.

    Example:
        >>> pace = Pace(until=10.0, shortest=1e-3)
        >>> for second in range(5):
        ...     pace.seen(100.0 + second, float(second))
        >>> round(pace.done, 9), round(pace.left, 9)
        (0.4, 6.0)
    """

    def __init__(self, until: float, shortest: float):
        self._until = until
        self._decades = max(math.log10(until / min(shortest, 0.1 * until)), 1e-9)
        self._seen: list[tuple[float, float]] = []

    def seen(self, now: float, t: float) -> None:
        """Note that the run was at time t when the clock showed `now`, in seconds."""
        self._seen.append((now, t))
        if len(self._seen) > 512:
            self._seen = self._seen[::2]

    @property
    def done(self) -> float:
        """Share of the run that is done."""
        return self._share(self._seen[-1][1], even=self._even()) if self._seen else 0.0

    @property
    def left(self) -> float:
        """Seconds left; nan as long as nothing can be said."""
        if len(self._seen) < 3:
            return math.nan
        even = self._even()
        (then, t), (now, t_now) = self._back(0.5), self._seen[-1]
        came = self._share(t_now, even=even) - self._share(t, even=even)
        return (1 - self._share(t_now, even=even)) * (now - then) / came if came > 0 else math.nan

    def _share(self, t: float, *, even: bool) -> float:
        if even:
            return min(t / self._until, 1.0)
        return min(max(1.0 + math.log10(t / self._until) / self._decades, 0.0), 1.0) if t > 0 else 0.0

    def _back(self, share: float) -> tuple[float, float]:
        """The mark that many of all seconds ago, at least one mark ago."""
        now = self._seen[-1][0]
        place = bisect.bisect_right(self._seen, (now - share * (now - self._seen[0][0]), math.inf))
        return self._seen[min(max(place - 1, 0), len(self._seen) - 2)]

    def _even(self) -> bool:
        if len(self._seen) < 3:
            return False
        # the last half only: at first, looks at the state take longer than the steps between them
        first, middle, last = self._back(0.5), self._back(0.25), self._seen[-1]
        early = (middle[1] - first[1]) / max(middle[0] - first[0], 1e-9)
        late = (last[1] - middle[1]) / max(last[0] - middle[0], 1e-9)
        return late < _EVEN * early


class Progress:
    """Watches a run and shows how far it has come, once that has taken long enough to be worth it.

    Args:
        wanted: whether to show it; by default on a terminal or in a notebook, after two seconds.
        until: end of the run's time.
        shortest: its first time.
    """

    def __init__(self, wanted: bool | None, until: float, shortest: float):
        self._wanted = watched() if wanted is None else wanted
        self._delay = _PATIENCE if wanted is None else 0.0
        self._pace = Pace(until, shortest)
        self._started = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, standing: Standing) -> None:
        """Show where the run is."""
        self.update(standing.time, standing.level)

    def update(self, t: float, risk: float) -> None:
        """Show the run at time t, with its risk or cost."""
        if not self._wanted:
            return
        now = time.monotonic()
        self._pace.seen(now, t)
        if self._bar is None and now - self._started < self._delay:
            return
        bar = self._bar if self._bar is not None else self._open()
        bar.update(self._task, completed=self._pace.done, t=t, risk=risk, left=in_words(self._pace.left))

    def _open(self) -> Any:
        from rich.progress import TextColumn

        told = TextColumn("t = {task.fields[t]:.2e}  risk = {task.fields[risk]:.2e}"), TextColumn("{task.fields[left]}")
        self._bar = _bar(*told)
        self._task = self._bar.add_task("solving", total=1.0, t=0.0, risk=math.nan, left="")
        self._bar.start()
        return self._bar

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class CountBar:
    """A bar over pieces of work that are counted, as a context.

    Args:
        name: of the work, in a word or two.
        total: how many pieces there are.
        wanted: whether to show it; by default on a terminal or in a notebook.
    """

    def __init__(self, name: str, total: int, wanted: bool | None = None):
        self._name, self._total = name, total
        self._wanted = watched() if wanted is None else wanted
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._wanted:
            from rich.progress import MofNCompleteColumn

            self._bar = _bar(MofNCompleteColumn())
            self._task = self._bar.add_task(self._name, total=self._total)
            self._bar.start()
        return self

    def begin(self, name: str) -> None:
        """Say which piece is worked on."""
        if self._bar is not None:
            self._bar.update(self._task, description=name)

    def advance(self) -> None:
        """Count a piece that is done."""
        if self._bar is not None:
            self._bar.advance(self._task)

    def say(self, line: str) -> None:
        """Print a line above the bar, whether it is shown or not."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(*columns: Any) -> Any:
    """The look of all bars: what is done, how far, for how long."""
    if in_notebook():
        return NotebookBar()
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    shown = (TextColumn("{task.description}"), BarColumn(bar_width=20), *columns, TimeElapsedColumn())
    return Bar(*shown, console=Console(stderr=True, highlight=False), transient=True)


def in_words(seconds: float) -> str:
    """Seconds as people say them.

    >>> in_words(42.4), in_words(600), in_words(9000)
    ('42 s left', '10 min left', '2.5 h left')
    """
    if math.isnan(seconds):
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 6000 else f"{seconds / 3600:.1f} h left"
