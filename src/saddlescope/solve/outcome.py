"""How a run ended, by name."""

from __future__ import annotations

import enum


class Outcome(enum.Enum):
    """How a run ended; the partial trajectory is kept whatever the outcome."""

    REACHED_END = "the end of the time range was reached"
    REACHED_TARGET = "the risk fell to the target before the end of the time range"
    STILL = "nothing more can happen before the end of the time range: no motion and no growing mode is left"
    STEP_LIMIT = "stopped at the limit on the number of steps, before the end of the time range"
    STEP_UNDERFLOW = "stopped because no step, however short, met the tolerance"
    NOT_FINITE = "stopped because the state is no longer finite"
    INTERRUPTED = "stopped by the user"
    DEADLINE = "stopped at the deadline that was set for it, before the end of the time range"

    @property
    def message(self) -> str:
        """One sentence for people."""
        return self.value[0].upper() + self.value[1:] + "."

    @property
    def complete(self) -> bool:
        """Whether the run answers the question it was asked."""
        return self in (Outcome.REACHED_END, Outcome.REACHED_TARGET, Outcome.STILL)
