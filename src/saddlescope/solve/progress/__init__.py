"""What is shown of work that goes on: bars on a terminal, in a notebook, and how long it will take."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.solve.progress.bars import CountBar, Pace, Progress, in_words

__all__ = ["CountBar", "Pace", "Progress", "in_words"]

lazy(__name__)
