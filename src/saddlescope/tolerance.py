"""Rules for the error of a step, as values: `ss.solve(flow, until, tolerance=ss.tolerance.Tied(1e-8))`."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.solve.tolerances import Fixed, Tied, Tolerance

__all__ = ["Fixed", "Tied", "Tolerance"]

lazy(__name__)
