"""Scalar functions of a standard Gaussian: series, kernels, smoothing, quadrature; laws of initial
weights."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.gaussian.functions.coercion import gaussian_function
    from saddlescope.gaussian.functions.function import GaussianFunction
    from saddlescope.gaussian.functions.hermite_polynomials import hermite_sum, hermite_table
    from saddlescope.gaussian.functions.named import NAMES
    from saddlescope.gaussian.functions.series import hermite
    from saddlescope.gaussian.kernels.norm_kernels import NormKernel, norm_kernel
    from saddlescope.gaussian.kernels.ornstein_uhlenbeck import Smoothing, smoothing
    from saddlescope.gaussian.kernels.pair_kernels import Kernel, kernel
    from saddlescope.gaussian.kernels.product_features import Features, features
    from saddlescope.gaussian.laws.law import Law, Normal, PointMasses, Rademacher, Uniform
    from saddlescope.gaussian.laws.law_specs import law, spec
    from saddlescope.gaussian.laws.quadrature import gaussian_rule
    from saddlescope.gaussian.laws.truncated_normal import TruncatedNormal

__all__ = [
    "NAMES",
    "Features",
    "GaussianFunction",
    "Kernel",
    "Law",
    "NormKernel",
    "Normal",
    "PointMasses",
    "Rademacher",
    "Smoothing",
    "TruncatedNormal",
    "Uniform",
    "features",
    "gaussian_function",
    "gaussian_rule",
    "hermite",
    "hermite_sum",
    "hermite_table",
    "kernel",
    "law",
    "norm_kernel",
    "smoothing",
    "spec",
]

lazy(__name__)
