"""Diagonal linear networks: the flow in its dual variable and the exact jumps of its small-scale limit."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.diagonal_linear.dynamics.flow import DiagonalFlow
    from saddlescope.diagonal_linear.theory.jumps import DiagonalPath, jump_sequence

__all__ = ["DiagonalFlow", "DiagonalPath", "jump_sequence"]

lazy(__name__)
