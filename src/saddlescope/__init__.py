"""saddlescope: exact learning dynamics of solvable neural networks.

Say what is learnt and how it starts, get its exact learning dynamics, the plateaus and time-scales in them, and how far
they are from what theory predicts.

Nothing numerical is imported before it is used. As soon as JAX is loaded, by saddlescope or by you, it is switched to
float64 and, unless you have set one, given a folder in your cache folder where compiled programs persist between
processes.
"""

from typing import TYPE_CHECKING

from saddlescope.jax_settings import apply_when_loaded
from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope import (
        curves,
        deep_linear,
        diagonal_linear,
        gaussian,
        measure,
        method,
        optimizer,
        plot,
        single_index,
        tolerance,
    )
    from saddlescope.arguments import ArgumentError
    from saddlescope.comparing import compare
    from saddlescope.curves import Curve, CurveError, CurveLog, read_curve, read_curves
    from saddlescope.deep_linear import (
        DeepLinearFlow,
        ExponentialLoss,
        GeneralCost,
        GradientDescent,
        LeastSquares,
        LogisticLoss,
        MatrixCompletion,
        MatrixSensing,
        WideLinearFlow,
        critical_point,
        distance_grid,
        distances,
        escape,
        greedy_low_rank,
        regime,
        regime_card,
        saddle_to_saddle_limit,
    )
    from saddlescope.diagonal_linear import DiagonalDescent, DiagonalFlow, jump_sequence
    from saddlescope.gaussian import (
        Normal,
        PointMasses,
        Rademacher,
        TruncatedNormal,
        Uniform,
        gaussian_function,
        hermite,
    )
    from saddlescope.measure import (
        asymptotic_exponent,
        compare_times,
        effective_rank,
        exponent,
        learning_times,
        local_exponents,
        plateaus,
    )
    from saddlescope.single_index import (
        Covariance,
        JointIndex,
        MeanFieldFlow,
        Mixture,
        MultiIndex,
        NetworkFlow,
        OnePassSGD,
        SampleDescent,
        SGDLimit,
        SingleIndex,
        canonical_order,
        check_canonical_order,
    )
    from saddlescope.solve import Outcome, solve
    from saddlescope.sweep import linspace, logspace, sampled, seeds, sweep, zipped
    from saddlescope.trajectory import Trajectory, load

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Covariance",
    "Curve",
    "CurveError",
    "CurveLog",
    "DeepLinearFlow",
    "DiagonalDescent",
    "DiagonalFlow",
    "ExponentialLoss",
    "GeneralCost",
    "GradientDescent",
    "JointIndex",
    "LeastSquares",
    "LogisticLoss",
    "MatrixCompletion",
    "MatrixSensing",
    "MeanFieldFlow",
    "Mixture",
    "MultiIndex",
    "NetworkFlow",
    "Normal",
    "OnePassSGD",
    "Outcome",
    "PointMasses",
    "Rademacher",
    "SGDLimit",
    "SampleDescent",
    "SingleIndex",
    "Trajectory",
    "TruncatedNormal",
    "Uniform",
    "WideLinearFlow",
    "__version__",
    "asymptotic_exponent",
    "canonical_order",
    "check_canonical_order",
    "compare",
    "compare_times",
    "critical_point",
    "curves",
    "deep_linear",
    "diagonal_linear",
    "distance_grid",
    "distances",
    "effective_rank",
    "escape",
    "exponent",
    "gaussian",
    "gaussian_function",
    "greedy_low_rank",
    "hermite",
    "jump_sequence",
    "learning_times",
    "linspace",
    "load",
    "local_exponents",
    "logspace",
    "measure",
    "method",
    "optimizer",
    "plateaus",
    "plot",
    "read_curve",
    "read_curves",
    "regime",
    "regime_card",
    "saddle_to_saddle_limit",
    "sampled",
    "seeds",
    "single_index",
    "solve",
    "sweep",
    "tolerance",
    "zipped",
]

apply_when_loaded()
lazy(__name__)
