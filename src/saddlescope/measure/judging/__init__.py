"""Judging a curve: which of its stretches are plateaus, what it does besides, and what to doubt."""

from saddlescope.measure.judging.judge import plateaus

__all__ = ["plateaus"]
