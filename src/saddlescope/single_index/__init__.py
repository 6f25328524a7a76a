"""Single-index problems: what is learnt, the dynamics that learn it, the theory of their time-scales."""

from saddlescope.single_index.canonical_order import CanonicalOrder, Level, canonical_order
from saddlescope.single_index.check_order import OrderCheck, OrderRow, check_canonical_order
from saddlescope.single_index.mean_field import MeanFieldFlow
from saddlescope.single_index.problem import SingleIndex

__all__ = [
    "CanonicalOrder",
    "Level",
    "MeanFieldFlow",
    "OrderCheck",
    "OrderRow",
    "SingleIndex",
    "canonical_order",
    "check_canonical_order",
]
