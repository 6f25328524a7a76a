"""Calls of a function at many points, in this process or in several: the grids and ladders of the library."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from saddlescope.engines.engine import Done, Engine, EngineError, Lost, Stopped, Unwritten, Work, processors
from saddlescope.engines.processes import Processes, packed
from saddlescope.engines.serial import Serial
from saddlescope.memory import machine_memory
from saddlescope.outcome import Outcome
from saddlescope.solve.control import in_charge

_WORTH = 10.0  # seconds of calls that are left, for which the start of other processes pays
_LOOK = 0.2  # seconds between looks at whether the user asked for something
_MEMORY = 0.9  # share of the machine that a call may use


class LostError(RuntimeError):
    """The process of a call ended before the call did; the message says how."""


@dataclass(frozen=True)
class Call:
    """One call of the function, by the place of its point in the list."""

    number: int
    arguments: tuple[Any, ...]

    @property
    def identity(self) -> str:
        """The place as a text, as tasks are known by texts."""
        return str(self.number)


@dataclass(frozen=True)
class Returned:
    """What came of a call: a value, or what was raised."""

    value: Any = None
    error: Exception | None = None


class Calling(Work):
    """Calls a function.

    Args:
        function: which one, or a pickle of it.
    """

    def __init__(self, function: Callable[..., Any] | bytes):
        self._function = function

    def begin(self) -> None:
        if isinstance(self._function, bytes):
            self._function = pickle.loads(self._function)

    def carried_out(self, task: Call) -> Returned | None:
        assert not isinstance(self._function, bytes)
        try:
            return Returned(self._function(*task.arguments))
        except KeyboardInterrupt:
            return None
        except Exception as error:
            return None if in_charge().ended is not None else Returned(error=error)

    def kept(self, task: Call, result: Returned) -> Returned:
        del task
        try:
            pickle.loads(pickle.dumps(result))
        except Exception as error:
            told = result.error if result.error is not None else error
            return Returned(error=RuntimeError(f"{type(told).__name__}: {told}"))
        return result

    def failed(self, task: Call, sentence: str) -> Returned:
        del task
        return Returned(error=LostError(sentence))


def calls(
    function: Callable[..., Any],
    points: Iterable[tuple[Any, ...]],
    *,
    workers: int | None = None,
    apart: bool = False,
    begin: Callable[[int], object] = lambda number: None,
) -> Generator[tuple[int, Any], None, None]:
    """Yield the place of each point and what the function returns there, or the exception that it raises, as they end.

    The calls begin in this process; the rest goes to others once it is seen to take more than some seconds.

    Args:
        function: of what a point holds; it reaches other processes as a pickle. One that cannot stays here.
        points: arguments of the calls.
        workers: how many processes; by default as many as there are processors, but one in a task of an engine.
        apart: have other processes make all calls, from the first, and one call at a time, so that one that takes its
            process down ends no other: it comes back as a `LostError`.
        begin: told of the place of each point as its call begins.

    Raises:
        KeyboardInterrupt, DeadlineError: if a control in charge ends the work before it is done.
        EngineError: if the function cannot be sent to other processes that must make the calls.

    Example:
        >>> sorted(calls(divmod, [(7, 2), (9, 4)]))
        [(0, (3, 1)), (1, (2, 1))]
    """
    waiting = deque(Call(number, tuple(point)) for number, point in enumerate(points))
    number = min(processors() if workers is None else workers, len(waiting))
    if not apart:
        began, total = time.monotonic(), len(waiting)

        def long() -> bool:
            done, left = total - len(waiting), len(waiting)
            return min(number, left) > 1 and done > 0 and (time.monotonic() - began) / done * left > _WORTH

        yield from _over(Serial(Calling(function)), waiting, begin, long)
        if not waiting:
            return
    try:
        content = packed(function, "function")
    except EngineError:
        if apart:
            raise
        yield from _over(Serial(Calling(function)), waiting, begin)
        return
    # one of them may need most of the machine
    memory = _MEMORY * machine_memory()
    engine = Processes(Calling(content), workers=min(number, len(waiting)), memory=memory, ahead=1)
    yield from _over(engine, waiting, begin)


def _over(
    engine: Engine, waiting: deque[Call], begin: Callable[[int], object], enough: Callable[[], bool] = lambda: False
) -> Generator[tuple[int, Any], None, None]:
    """Make the calls that wait, until there is enough of them."""
    asked, flying = in_charge(whole=True), 0
    with engine:
        try:
            while True:
                if (waiting or flying) and asked.ended is not None:
                    asked.refuse_part(asked.ended)
                while waiting and engine.room > 0 and not enough():
                    begin(waiting[0].number)
                    engine.submit(waiting.popleft())
                    flying += 1
                if not flying:
                    return
                for event in engine.events(_LOOK):
                    flying -= 1
                    if isinstance(event, Stopped):
                        asked.refuse_part(asked.ended or Outcome.INTERRUPTED)
                    else:
                        yield event.task.number, _outcome(event)
        except BaseException:
            engine.kill()  # a part of a call is of no use
            raise


def _outcome(event: Done | Lost | Unwritten) -> Any:
    if isinstance(event, Lost):
        return LostError(event.how)
    if isinstance(event, Unwritten):
        return event.error
    return event.result.value if event.result.error is None else event.result.error
