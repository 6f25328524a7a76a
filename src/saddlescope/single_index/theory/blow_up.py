"""How degree 2 is learnt: the self-similar blow-up of the flow of level 2, from the edge of the law.

Near c_2 the leading neurons have g beta = z / (c_2 - tau) and g alpha = z (z - kappa) / (c_2 - tau), held back by
lambda_1 = -kappa / (c_2 - tau): from the equations z - kappa = 1 / (2 z - kappa), so z = (3 kappa + sqrt(kappa^2 + 8))
/ 4. A neuron at distance x from the edge falls behind like x (c_2 - tau)^-mu relative to the leader, with (mu + 1)^2 -
2 z (z - kappa) (mu + 1) = (2 z - kappa)^2. If the law has mass ~ x^q within x of its edge, the leaders have <alpha
beta> ~ (c_2 - tau)^(q mu - 2); the others, whose alpha -+ beta grow and fall like (c_2 - tau)^(-+kappa), must make up
for it: 2 kappa = 2 - q mu(kappa). Then <alpha beta^2> ~ (c_2 - tau)^-p with p = 1 + 2 kappa, and degree 2 is learnt
within a relative width epsilon^(1 / (4 p)) of its time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import root_scalar

from saddlescope.gaussian import Law


@dataclass(frozen=True)
class BlowUp:
    """Exponents of the blow-up of level 2.

    Attributes:
        edge: q, of the mass x^q that the law has within x of its edge; 0 for a law of finitely many values.
        kappa: of the multiplier that holds degree 1.
        z: of the leading neurons.
        mu: of the neurons that fall behind.
        power: p of <alpha beta^2>.
        width: exponent of epsilon in the relative width of the jump, 1 / (4 p).

    Example:
        >>> exponents = blow_up(1.0)
        >>> round(exponents.kappa, 6), round(exponents.power, 6), round(exponents.width, 5)
        (0.342581, 1.685163, 0.14835)
    """

    edge: float
    kappa: float
    z: float
    mu: float
    power: float
    width: float


def blow_up(edge: float) -> BlowUp:
    """Return the exponents for a law with mass x^edge within x of its edge, 0 <= edge < 2."""
    kappa = 1.0
    if edge > 0:
        balance = root_scalar(lambda kappa: 2 * kappa + edge * _rates(kappa)[1] - 2, bracket=(0.0, 1.0))
        kappa = float(balance.root)
    z, mu = _rates(kappa)
    power = 1 + 2 * kappa
    return BlowUp(edge, kappa, z, mu, power, 1 / (4 * power))


def _rates(kappa: float) -> tuple[float, float]:
    z = (3 * kappa + np.sqrt(kappa**2 + 8)) / 4
    turn = z * (z - kappa)
    return float(z), float(turn + np.sqrt(turn**2 + (2 * z - kappa) ** 2) - 1)


def edge_of(law: Law, upper: bool) -> float | None:
    """q at the upper or lower edge of a law; None for a law without an edge.

    >>> from saddlescope import Normal, Rademacher, Uniform
    >>> edge_of(Uniform(0, 1), upper=True), edge_of(Rademacher(), upper=True), edge_of(Normal(), upper=True)
    (1.0, 0.0, None)
    """
    if law.atoms is not None:
        return 0.0
    if not law.bounded:
        return None
    u = np.array([0.0, 2.0**-24, 2.0**-20])
    edge, near, far = law.quantile(1 - u if upper else u)
    # mass u within x of the edge: u ~ x^q
    slope = np.log(2.0**4) / np.log((far - edge) / (near - edge))
    return float(np.round(slope, 3))
