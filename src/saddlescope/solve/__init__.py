"""One integrator loop over diffrax: structured stiff solver, tied tolerances, log-time saving, named outcomes."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.outcome import Outcome
    from saddlescope.solve.iterate import Iteration
    from saddlescope.solve.labels import Label, Reading, versions
    from saddlescope.solve.loop import Record, integrate
    from saddlescope.solve.methods.bdf import BDF
    from saddlescope.solve.methods.extrapolation import ExtrapolatedEuler
    from saddlescope.solve.methods.rkc import RKC2
    from saddlescope.solve.methods.rock import ROCK4
    from saddlescope.solve.methods.rodas import Rodas5P
    from saddlescope.solve.methods.step_length import relative
    from saddlescope.solve.protocols import Curve, Descent, Dynamics, Flow, Refinement, System
    from saddlescope.solve.run import solve
    from saddlescope.solve.structure.block_low_rank import BlockLowRank

__all__ = [
    "BDF",
    "RKC2",
    "ROCK4",
    "BlockLowRank",
    "Curve",
    "Descent",
    "Dynamics",
    "ExtrapolatedEuler",
    "Flow",
    "Iteration",
    "Label",
    "Outcome",
    "Reading",
    "Record",
    "Refinement",
    "Rodas5P",
    "System",
    "integrate",
    "relative",
    "solve",
    "versions",
]

lazy(__name__)
