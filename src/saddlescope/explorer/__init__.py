"""The page: sliders that solve again, predicted beside measured, on this machine only and without a network."""

from saddlescope.explorer.opening import explore

__all__ = ["explore"]
