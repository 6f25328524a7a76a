"""Plateaus, learning times, exponents and effective ranks of learning curves."""

from saddlescope.measure.plateaus import plateaus
from saddlescope.measure.stages import Plateau, Stages

__all__ = ["Plateau", "Stages", "plateaus"]
