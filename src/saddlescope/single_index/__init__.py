"""Single-index problems: what is learnt, the dynamics that learn it, the theory of their time-scales."""

from saddlescope.single_index.mean_field import MeanFieldFlow
from saddlescope.single_index.problem import SingleIndex

__all__ = ["MeanFieldFlow", "SingleIndex"]
