"""Plateaus, learning times, exponents and effective ranks of learning curves."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.measure.asymptotic import asymptotic_exponent
    from saddlescope.measure.comparison import Comparison, compare_times
    from saddlescope.measure.crossings import learning_times
    from saddlescope.measure.exits import EscapeLaw, ExitTimes, exit_times
    from saddlescope.measure.exponents import Exponent, exponent, local_exponents
    from saddlescope.measure.judging import plateaus
    from saddlescope.measure.ranks import effective_rank
    from saddlescope.measure.stages import Plateau, Stages

__all__ = [
    "Comparison",
    "EscapeLaw",
    "ExitTimes",
    "Exponent",
    "Plateau",
    "Stages",
    "asymptotic_exponent",
    "compare_times",
    "effective_rank",
    "exit_times",
    "exponent",
    "learning_times",
    "local_exponents",
    "plateaus",
]

lazy(__name__)
