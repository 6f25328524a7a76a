"""saddlescope: exact learning dynamics of solvable neural networks.

Say what is learnt and how it starts, get its exact learning dynamics, the plateaus and time-scales in them, and how far
they are from what theory predicts.

Importing saddlescope switches JAX to float64 and, unless you have set one, gives JAX a folder in your cache folder
where compiled programs persist between processes.
"""

import gc

# What is imported stays: to look through it for cycles again and again makes the import an eighth longer.
_collecting = gc.isenabled()
gc.disable()

import jax  # noqa: E402

# Learning dynamics span ten decades of time and residuals of order epsilon: float32 stalls or skips escapes.
jax.config.update("jax_enable_x64", True)

from saddlescope.arguments import ArgumentError  # noqa: E402
from saddlescope.deep_linear import (  # noqa: E402
    DeepLinearFlow,
    GeneralCost,
    GradientDescent,
    LeastSquares,
    MatrixCompletion,
    critical_point,
    distance_grid,
    distances,
    escape,
    greedy_low_rank,
    regime,
    regime_card,
    saddle_to_saddle_limit,
)
from saddlescope.gaussian import (  # noqa: E402
    Normal,
    PointMasses,
    Rademacher,
    TruncatedNormal,
    Uniform,
    gaussian_function,
    hermite,
)
from saddlescope.measure import (  # noqa: E402
    asymptotic_exponent,
    compare_times,
    effective_rank,
    exponent,
    learning_times,
    local_exponents,
    plateaus,
)
from saddlescope.single_index import (  # noqa: E402
    MeanFieldFlow,
    MultiIndex,
    NetworkFlow,
    OnePassSGD,
    SampleDescent,
    SGDLimit,
    SingleIndex,
    canonical_order,
    check_canonical_order,
    compare,
)
from saddlescope.solve import Outcome, persist_compiled_programs, solve  # noqa: E402
from saddlescope.trajectory import Trajectory, load  # noqa: E402

persist_compiled_programs()
if _collecting:
    gc.enable()

__all__ = [
    "ArgumentError",
    "DeepLinearFlow",
    "GeneralCost",
    "GradientDescent",
    "LeastSquares",
    "MatrixCompletion",
    "MeanFieldFlow",
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
    "asymptotic_exponent",
    "canonical_order",
    "check_canonical_order",
    "compare",
    "compare_times",
    "critical_point",
    "distance_grid",
    "distances",
    "effective_rank",
    "escape",
    "exponent",
    "gaussian_function",
    "greedy_low_rank",
    "hermite",
    "learning_times",
    "load",
    "local_exponents",
    "plateaus",
    "regime",
    "regime_card",
    "saddle_to_saddle_limit",
    "solve",
]
