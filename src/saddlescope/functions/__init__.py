"""Scalar functions of a standard Gaussian: series, kernels, smoothing, quadrature; laws of initial
weights."""

from saddlescope.functions.coercion import gaussian_function
from saddlescope.functions.features import Features, features
from saddlescope.functions.function import GaussianFunction
from saddlescope.functions.hermite_polynomials import hermite_sum, hermite_table
from saddlescope.functions.kernels import Kernel, kernel
from saddlescope.functions.law_specs import law, spec
from saddlescope.functions.laws import Law, Normal, PointMasses, Rademacher, Uniform
from saddlescope.functions.named import NAMES
from saddlescope.functions.quadrature import gaussian_rule
from saddlescope.functions.series import hermite
from saddlescope.functions.smoothing import Smoothing, smoothing
from saddlescope.functions.truncated_normal import TruncatedNormal

__all__ = [
    "NAMES",
    "Features",
    "GaussianFunction",
    "Kernel",
    "Law",
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
    "smoothing",
    "spec",
]
