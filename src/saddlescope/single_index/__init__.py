"""Single-index problems: what is learnt, the dynamics that learn it, the theory of their time-scales."""

from saddlescope.single_index.canonical_order import CanonicalOrder, Level, canonical_order
from saddlescope.single_index.check_order import OrderCheck, OrderRow, check_canonical_order
from saddlescope.single_index.compare import Comparison, compare
from saddlescope.single_index.mean_field import MeanFieldFlow
from saddlescope.single_index.network_flow import NetworkFlow
from saddlescope.single_index.problem import SingleIndex
from saddlescope.single_index.sgd import OnePassSGD, SampleDescent
from saddlescope.single_index.sgd_limit import SGDLimit
from saddlescope.single_index.teachers import MultiIndex

__all__ = [
    "CanonicalOrder",
    "Comparison",
    "Level",
    "MeanFieldFlow",
    "MultiIndex",
    "NetworkFlow",
    "OnePassSGD",
    "OrderCheck",
    "OrderRow",
    "SGDLimit",
    "SampleDescent",
    "SingleIndex",
    "canonical_order",
    "check_canonical_order",
    "compare",
]
