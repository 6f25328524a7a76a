"""Diagonal linear networks: flow in a dual variable, descent, and the exact jumps of the limit of a vanishing start."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.diagonal_linear.dynamics.descent import DiagonalDescent
    from saddlescope.diagonal_linear.dynamics.flow import DiagonalFlow
    from saddlescope.diagonal_linear.theory.jumps import DiagonalPath, jump_sequence

__all__ = ["DiagonalDescent", "DiagonalFlow", "DiagonalPath", "jump_sequence"]

lazy(__name__)
