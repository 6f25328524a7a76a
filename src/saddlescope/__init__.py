"""saddlescope: exact learning dynamics of solvable neural networks.

Say what is learnt and how it starts, get its exact learning dynamics, the plateaus and time-scales in them, and how far
they are from what theory predicts.

Nothing numerical is imported before it is used. As soon as JAX is loaded, by saddlescope or by you, it is switched to
float64 and, unless you have set one, given a folder in your cache folder where compiled programs persist between
processes.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from saddlescope.jax_settings import apply_when_loaded, no_collection

if TYPE_CHECKING:
    from saddlescope import (
        deep_linear,
        diagonal_linear,
        gaussian,
        measure,
        plot,
        single_index,
    )
    from saddlescope.arguments import ArgumentError
    from saddlescope.deep_linear import (
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
    from saddlescope.solve import Outcome, solve
    from saddlescope.trajectory import Trajectory, load

__version__ = "0.1.0"

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
    "__version__",
    "asymptotic_exponent",
    "canonical_order",
    "check_canonical_order",
    "compare",
    "compare_times",
    "critical_point",
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
    "learning_times",
    "load",
    "local_exponents",
    "measure",
    "plateaus",
    "plot",
    "regime",
    "regime_card",
    "saddle_to_saddle_limit",
    "single_index",
    "solve",
]

_PACKAGES = frozenset({"deep_linear", "diagonal_linear", "gaussian", "measure", "plot", "single_index"})
# where each name comes from; the imports above say the same to type checkers, and a test holds the two together
_HOMES = {
    "arguments": ("ArgumentError",),
    "deep_linear": (
        "DeepLinearFlow",
        "GeneralCost",
        "GradientDescent",
        "LeastSquares",
        "MatrixCompletion",
        "critical_point",
        "distance_grid",
        "distances",
        "escape",
        "greedy_low_rank",
        "regime",
        "regime_card",
        "saddle_to_saddle_limit",
    ),
    "gaussian": ("Normal", "PointMasses", "Rademacher", "TruncatedNormal", "Uniform", "gaussian_function", "hermite"),
    "measure": (
        "asymptotic_exponent",
        "compare_times",
        "effective_rank",
        "exponent",
        "learning_times",
        "local_exponents",
        "plateaus",
    ),
    "single_index": (
        "MeanFieldFlow",
        "MultiIndex",
        "NetworkFlow",
        "OnePassSGD",
        "SGDLimit",
        "SampleDescent",
        "SingleIndex",
        "canonical_order",
        "check_canonical_order",
        "compare",
    ),
    "solve": ("Outcome", "solve"),
    "trajectory": ("Trajectory", "load"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"saddlescope.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'saddlescope' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    with no_collection():
        value = getattr(importlib.import_module(f"saddlescope.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


class _Package(ModuleType):
    """The package as a module in which a function keeps its name when the subpackage of that name is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        # the import system binds every loaded submodule to its parent: `solve` would turn from function to module
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
apply_when_loaded()
