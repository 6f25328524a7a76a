"""One integrator loop over diffrax: structured stiff solver, tied tolerances, log-time saving, named outcomes."""

from saddlescope.solve.compiled import persist_compiled_programs
from saddlescope.solve.extrapolation import ExtrapolatedEuler
from saddlescope.solve.flow import Flow, Refinement, System
from saddlescope.solve.iterate import Iteration
from saddlescope.solve.loop import Record, integrate
from saddlescope.solve.outcome import Outcome
from saddlescope.solve.rkc import RKC2
from saddlescope.solve.rodas import Rodas5P
from saddlescope.solve.run import solve, versions
from saddlescope.solve.structure import BlockLowRank

__all__ = [
    "RKC2",
    "BlockLowRank",
    "ExtrapolatedEuler",
    "Flow",
    "Iteration",
    "Outcome",
    "Record",
    "Refinement",
    "Rodas5P",
    "System",
    "integrate",
    "persist_compiled_programs",
    "solve",
    "versions",
]
