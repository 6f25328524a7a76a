"""How a run ended, by name."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """How a run ended; the partial trajectory is kept whatever the outcome. Each is equal to its name."""

    REACHED_END = "REACHED_END"
    REACHED_TARGET = "REACHED_TARGET"
    STILL = "STILL"
    STEP_LIMIT = "STEP_LIMIT"
    STEP_UNDERFLOW = "STEP_UNDERFLOW"
    NOT_FINITE = "NOT_FINITE"
    INTERRUPTED = "INTERRUPTED"
    DEADLINE = "DEADLINE"

    @property
    def message(self) -> str:
        """One sentence for people."""
        return _MESSAGES[self]

    @property
    def complete(self) -> bool:
        """Whether the run answers the question it was asked."""
        return self in (Outcome.REACHED_END, Outcome.REACHED_TARGET, Outcome.STILL)

    def __repr__(self) -> str:
        return repr(self.value)


_MESSAGES = {
    Outcome.REACHED_END: "The end of the time range was reached.",
    Outcome.REACHED_TARGET: "The risk fell to the target before the end of the time range.",
    Outcome.STILL: "Nothing more can happen before the end of the time range: no motion and no growing mode is left.",
    Outcome.STEP_LIMIT: "Stopped at the limit on the number of steps, before the end of the time range.",
    Outcome.STEP_UNDERFLOW: "Stopped because no step, however short, met the tolerance.",
    Outcome.NOT_FINITE: "Stopped because the state is no longer finite.",
    Outcome.INTERRUPTED: "Stopped by the user.",
    Outcome.DEADLINE: "Stopped at the deadline that was set for it, before the end of the time range.",
}
