"""Single-index problems: what is learnt, the dynamics that learn it, the theory of their time-scales."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.single_index.compare.check_order import OrderCheck, OrderRow, check_canonical_order
    from saddlescope.single_index.compare.descriptions import Descriptions, side_by_side
    from saddlescope.single_index.mean_field.flow import MeanFieldFlow
    from saddlescope.single_index.network.flow import NetworkFlow
    from saddlescope.single_index.problem.covariance import Covariance
    from saddlescope.single_index.problem.joint_index import JointIndex
    from saddlescope.single_index.problem.mixture import Mixture
    from saddlescope.single_index.problem.multi_index import MultiIndex
    from saddlescope.single_index.problem.single_index import SingleIndex
    from saddlescope.single_index.sgd.descents import OnePassSGD
    from saddlescope.single_index.sgd.limit import SGDLimit
    from saddlescope.single_index.sgd.samples import SampleDescent
    from saddlescope.single_index.theory.canonical_order import CanonicalOrder, Level, canonical_order

__all__ = [
    "CanonicalOrder",
    "Covariance",
    "Descriptions",
    "JointIndex",
    "Level",
    "MeanFieldFlow",
    "Mixture",
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
    "side_by_side",
]

lazy(__name__)
