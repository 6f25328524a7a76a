"""Deep linear networks: costs, initialisation, landscape, escape, greedy low-rank path, closed forms."""

from saddlescope.deep_linear.cost import Cost
from saddlescope.deep_linear.general_cost import GeneralCost
from saddlescope.deep_linear.least_squares import LeastSquares
from saddlescope.deep_linear.matrix_completion import MatrixCompletion

__all__ = ["Cost", "GeneralCost", "LeastSquares", "MatrixCompletion"]
