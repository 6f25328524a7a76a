"""The single-index problem: what is learnt (the link) and what learns it (the activation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from saddlescope.gaussian import GaussianFunction, gaussian_function

# Degrees beyond this are reported together as the rest of the risk.
_MOST_REPORTED = 12


@dataclass(frozen=True, init=False)
class SingleIndex:
    """Learn y = phi(<u*, x>), x ~ N(0, I_d), |u*| = 1, with f(x) = mean_i a_i sigma(<u_i, x>), |u_i| = 1.

    Args:
        link: phi; normalised Hermite coefficients (phi_0, phi_1, ...), a name, or a callable of one variable.
        activation: sigma, in the same ways.

    Raises:
        ArgumentError: if a function is empty, not finite or not square-integrable under the Gaussian.

    Source: Berthier, Montanari, Zhou (2023), arXiv 2303.00055.

    Example:
        >>> SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3]).reported_degree
        3
        >>> SingleIndex(link="erf", activation="relu")
        SingleIndex(link=erf, activation=relu)
    """

    link: GaussianFunction
    activation: GaussianFunction

    def __init__(self, link: Any, activation: Any):
        object.__setattr__(self, "link", gaussian_function(link, "link"))
        object.__setattr__(self, "activation", gaussian_function(activation, "activation"))

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        return pairs(type(self).__name__, [("link", self.link), ("activation", self.activation)])

    @property
    def reported_degree(self) -> int:
        """Degrees 0..reported_degree are reported one by one; the rest of the risk goes together."""
        known = [f.degree for f in (self.link, self.activation) if f.degree is not None]
        if len(known) == 2:
            return min(max(known), _MOST_REPORTED)
        phi = np.abs(coefficients(self.link, _MOST_REPORTED))
        return int(np.flatnonzero(phi > 1e-3 * phi.max())[-1])

    @property
    def link_coefficients(self) -> np.ndarray:
        """phi_0 .. phi_D for the reported degrees, shape (D + 1,)."""
        return coefficients(self.link, self.reported_degree)

    @property
    def activation_coefficients(self) -> np.ndarray:
        """sigma_0 .. sigma_D for the reported degrees, shape (D + 1,)."""
        return coefficients(self.activation, self.reported_degree)

    def __repr__(self) -> str:
        return f"SingleIndex(link={self.link.name}, activation={self.activation.name})"


def coefficients(function: GaussianFunction, degree: int) -> np.ndarray:
    """Hermite coefficients f_0 .. f_degree with what is only rounding set to exactly zero."""
    values = np.array(function.coefficients(degree))
    floor = max(10 * function.coefficient_error(degree), 1e-14) * np.sqrt(function.norm_squared)
    if function.degree is None:
        values[np.abs(values) < floor] = 0.0
    return values
