"""What a run asks between two chunks of work: who watches it, whether it was cancelled, whether its time is over."""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from saddlescope.arguments import positive
from saddlescope.outcome import Outcome

if TYPE_CHECKING:
    from saddlescope.trajectory import Trajectory

_LEAST_TIMES = 16


class DeadlineError(TimeoutError):
    """The time that was given is over, in work of which no part is of use."""


@dataclass(frozen=True)
class Standing:
    """Where a run is, as its watchers are told.

    Attributes:
        time: of the run.
        until: end of its time range.
        shortest_time: its fastest time-scale.
        level: risk or cost.
        times: of the observations since the last telling, shape (n,).
        observables: name -> raw values at these times, first axis n.
    """

    time: float
    until: float
    shortest_time: float
    level: float
    times: np.ndarray = field(repr=False)
    observables: Mapping[str, np.ndarray] = field(repr=False)


Watcher = Callable[[Standing], None]


class Control:
    """The reins of one run or many: `solve(flow, until, control=control)`, or `with control:` for all that run inside.

    Every run asks its control between chunks of about a third of a second. A run that has to end keeps what it has,
    and its outcome says why: INTERRUPTED after `cancel`, DEADLINE when the time is over.

    Args:
        watchers: each is called with the `Standing` of a run after every chunk; what they raise ends the run.
        deadline: seconds from now.
        whole: no part of a run is of use: what would end early raises KeyboardInterrupt or `DeadlineError` instead, as
            where many runs make one result.
        solved: called with each whole run of a flow in continuous time once it stands, while its error is still to be
            found out.
        part: the work is one task of many: unless it is asked to, it shows no bar and starts no processes of its own.

    Raises:
        ArgumentError: if the deadline is not a positive number.

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.solve.control import Control
        >>> flow = ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 4, gamma=1.0, learning_rate=0.01)
        >>> times = []
        >>> control = Control(lambda standing: (times.append(standing.time), control.cancel()))
        >>> trajectory = ss.solve(flow, until=1e6, control=control)
        >>> trajectory.outcome, len(times), bool(trajectory.time[-1] == times[0])
        ('INTERRUPTED', 1, True)
    """

    def __init__(
        self,
        *watchers: Watcher,
        deadline: float | None = None,
        whole: bool = False,
        solved: Callable[[Trajectory], None] | None = None,
        part: bool = False,
    ):
        self._watchers = watchers
        self._solved = solved
        self._part = part
        self._end = None if deadline is None else time.monotonic() + positive("deadline", deadline)
        self._whole = whole
        self._cancelled = False
        self._above: tuple[Control, ...] = ()
        self._given: tuple[Control, ...] = ()
        self._entered: list[contextvars.Token[tuple[Control, ...]]] = []

    def cancel(self) -> None:
        """Ask all runs to end; may be called from a signal handler or another thread, and more than once."""
        self._cancelled = True

    @property
    def ended(self) -> Outcome | None:
        """Why no run may go on: INTERRUPTED, DEADLINE, or None while they may."""
        if self._cancelled:
            return Outcome.INTERRUPTED
        if self._end is not None and time.monotonic() >= self._end:
            return Outcome.DEADLINE
        return next((control.ended for control in self._above if control.ended is not None), None)

    @property
    def whole(self) -> bool:
        """Whether no part of a run is of use."""
        return self._whole or any(control.whole for control in self._above)

    @property
    def part(self) -> bool:
        """Whether the work is one task of many."""
        return self._part or any(control.part for control in self._above)

    def tell(self, standing: Standing) -> None:
        """Tell all watchers where a run is."""
        for watcher in self._watchers:
            watcher(standing)
        for control in self._above:
            control.tell(standing)

    def tell_solved(self, trajectory: Trajectory) -> None:
        """Show a run whose error is still to be found out."""
        if self._solved is not None:
            self._solved(trajectory)
        for control in self._above:
            control.tell_solved(trajectory)

    def refuse_part(self, outcome: Outcome) -> None:
        """Raise what takes the place of a part, where no part is of use.

        Raises:
            KeyboardInterrupt: if the run was interrupted.
            DeadlineError: if its time is over.
        """
        if not self.whole:
            return
        if outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        if outcome is Outcome.DEADLINE:
            raise DeadlineError("The time that was given was over before all runs were done.")

    @contextlib.contextmanager
    def interrupts(self) -> Iterator[None]:
        """Take Ctrl-C for `cancel`; the work in the block ends at once."""
        try:
            yield
        except KeyboardInterrupt:
            self.cancel()

    def __enter__(self) -> Self:
        self._above = tuple(dict.fromkeys((*_in_charge.get()[-1:], *self._given)))
        self._entered.append(_in_charge.set((*_in_charge.get(), self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _in_charge.reset(self._entered.pop())
        if self._whole and self.ended is Outcome.INTERRUPTED and kind is not KeyboardInterrupt:
            raise KeyboardInterrupt  # whatever went wrong, or seemed to go well, without what was cancelled


class _Unwatched(Control):
    """Ends with another control, and tells nobody."""

    def cancel(self) -> None:
        """A Ctrl-C that meets the work beside a run is meant for all that comes after the run, too."""
        super().cancel()
        for control in self._above:
            control.cancel()

    def tell(self, standing: Standing) -> None:
        del standing

    def tell_solved(self, trajectory: Trajectory) -> None:
        del trajectory


def unwatched(control: Control) -> Control:
    """Return a control for work beside a run: it ends when that of the run does, and no watcher is told of it."""
    own = _Unwatched()
    own._above = (control,)
    return own


_in_charge: contextvars.ContextVar[tuple[Control, ...]] = contextvars.ContextVar("in_charge", default=())


def in_charge(own: Control | None = None, *watchers: Watcher, whole: bool = False) -> Control:
    """Return a control for one stretch of work that asks a given one and those of all `with` blocks around.

    Args:
        own: the given one.
        watchers: of this stretch alone.
        whole: as in `Control`.
    """
    control = Control(*watchers, whole=whole)
    control._given = () if own is None else (own,)
    control._above = tuple(dict.fromkeys((*_in_charge.get()[-1:], *control._given)))
    return control


def worth_keeping(trajectory: Trajectory) -> bool:
    """Whether a run has something to show: it was not interrupted, or had come to a few observations by then."""
    return trajectory.outcome != Outcome.INTERRUPTED or len(trajectory.time) >= _LEAST_TIMES
