"""Deep linear networks: costs, initialisation, landscape, escape, greedy low-rank path, closed forms."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.deep_linear.compare.regime import regime
    from saddlescope.deep_linear.compare.regime_card import RegimeCard, regime_card
    from saddlescope.deep_linear.dynamics.descent import GradientDescent
    from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
    from saddlescope.deep_linear.dynamics.training import train
    from saddlescope.deep_linear.dynamics.wide import WideLinearFlow
    from saddlescope.deep_linear.exact.balanced_mode import balanced_mode, balanced_mode_gap, balanced_mode_time
    from saddlescope.deep_linear.exact.lazy_limit import lazy_limit
    from saddlescope.deep_linear.exact.mixed_mode import mixed_mode, mixed_mode_time
    from saddlescope.deep_linear.exact.two_layer import lambda_balanced_flow
    from saddlescope.deep_linear.landscape.critical_points import CriticalPoint, Kind, critical_point
    from saddlescope.deep_linear.landscape.distance_grid import DistanceGrid, distance_grid
    from saddlescope.deep_linear.landscape.distances import Distances, distances
    from saddlescope.deep_linear.landscape.escape import Escape, escape
    from saddlescope.deep_linear.landscape.hessian import balanced_hessian_spectrum, hessian_extremes
    from saddlescope.deep_linear.landscape.nearest_minimum import NearestMinimum, nearest_minimum
    from saddlescope.deep_linear.network.starts import (
        balanced_start,
        gaussian_start,
        lambda_balanced_start,
        orthogonal_start,
    )
    from saddlescope.deep_linear.problem.classification import ExponentialLoss, LogisticLoss
    from saddlescope.deep_linear.problem.cost import Cost
    from saddlescope.deep_linear.problem.general_cost import GeneralCost
    from saddlescope.deep_linear.problem.least_squares import LeastSquares
    from saddlescope.deep_linear.problem.matrix_completion import MatrixCompletion
    from saddlescope.deep_linear.problem.matrix_sensing import MatrixSensing
    from saddlescope.deep_linear.theory.greedy import GreedyOutcome, GreedyPath, greedy_low_rank
    from saddlescope.deep_linear.theory.limit import SaddleToSaddleLimit, saddle_to_saddle_limit
    from saddlescope.deep_linear.theory.weight_decay import DecayedModes, decayed_modes

__all__ = [
    "Cost",
    "CriticalPoint",
    "DecayedModes",
    "DeepLinearFlow",
    "DistanceGrid",
    "Distances",
    "Escape",
    "ExponentialLoss",
    "GeneralCost",
    "GradientDescent",
    "GreedyOutcome",
    "GreedyPath",
    "Kind",
    "LeastSquares",
    "LogisticLoss",
    "MatrixCompletion",
    "MatrixSensing",
    "NearestMinimum",
    "RegimeCard",
    "SaddleToSaddleLimit",
    "WideLinearFlow",
    "balanced_hessian_spectrum",
    "balanced_mode",
    "balanced_mode_gap",
    "balanced_mode_time",
    "balanced_start",
    "critical_point",
    "decayed_modes",
    "distance_grid",
    "distances",
    "escape",
    "gaussian_start",
    "greedy_low_rank",
    "hessian_extremes",
    "lambda_balanced_flow",
    "lambda_balanced_start",
    "lazy_limit",
    "mixed_mode",
    "mixed_mode_time",
    "nearest_minimum",
    "orthogonal_start",
    "regime",
    "regime_card",
    "saddle_to_saddle_limit",
    "train",
]

lazy(__name__)
