"""What a network of m neurons does that its limit of infinite width does not, and how wide it must be.

A neuron of a network overlaps fully with itself, r_ii = 1. In epsilon a_i' this adds -a_i (U(1) - U(0)) / m, which
pulls every weight to the mean phi_0 / sigma_0 within a time of order m epsilon, while level 1 takes epsilon^(1/2)
log(1/epsilon). On the scale of level 1, with G = |sigma_1 phi_1| and g = (U(1) - U(0)) / (2 G m epsilon^(1/2)),

    a~'' + 2 G g a~' - G^2 a~ = 0,  so overlaps grow like exp(G (k - g) t / epsilon^(1/2)),  k = (1 + g^2)^(1/2),

from the share (k - g) / (2 k) of their start that the growing mode has. Set equal to phi_1 / sigma_1 this gives

    T_1(m) = epsilon^(1/2) / (2 G (k - g)) ln[4 k^2 |phi_1| / ((k - g) v |sigma_1| epsilon^(1/2))].

In finite dimension d a link without a component of degree 1 is learnt too. Its neurons, all of weight phi_0 / sigma_0
by then, leave their overlap of order d^(-1/2) at the rate 2 sigma_2 phi_2 phi_0 / sigma_0.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar

from saddlescope.gaussian import Law, kernel
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients
from saddlescope.single_index.theory.first_levels import FirstLevels

_TELLING = 1.05  # ratio of times from which a width is worth a word


def width_time(problem: SingleIndex, epsilon: float, second_layer: Law, neurons: float) -> float:
    """Time at which a network of this width in high dimension has learnt half of degree 1; nan where it is not learnt.

    Args:
        problem: link and activation.
        epsilon: learning-rate ratio.
        second_layer: law of the initial weights.
        neurons: m; inf for t_1.

    Example:
        >>> from saddlescope.gaussian import Uniform
        >>> problem = SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
        >>> law = Uniform(-(3**0.5), 3**0.5)
        >>> [round(width_time(problem, 1e-4, law, m), 4) for m in (200, float("inf"))]
        [0.0447, 0.03]
    """
    first = _first(problem, second_layer)
    if not first.grows:
        return np.nan
    root, G = np.sqrt(epsilon), first.drive
    g = _own_pull(problem) / (2 * G * neurons * root)
    k = np.hypot(1.0, g)
    slower = 1 / (k + g)  # k - g, without its cancellation
    start = slower * first.spread * abs(first.sigma[1] / first.phi[1]) * root / (4 * k * k)
    return float(max(-root / (2 * G * slower) * np.log(start), 0.0))


def needed_width(problem: SingleIndex, epsilon: float, second_layer: Law, within: float = 0.1) -> float:
    """Neurons from which degree 1 comes at most this share later than at infinite width; nan where it never does.

    It grows like epsilon^(-1/2). (For the weights themselves to keep their spread until then it is this times
    log(1/epsilon).)

    Example:
        >>> from saddlescope.gaussian import Uniform
        >>> problem = SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
        >>> round(needed_width(problem, 1e-4, Uniform(-(3**0.5), 3**0.5)))
        828
    """
    limit = width_time(problem, epsilon, second_layer, np.inf)
    if not limit > 0:
        return np.nan

    def excess(log_m: float) -> float:
        return width_time(problem, epsilon, second_layer, np.exp(log_m)) / limit - 1 - within

    if excess(0.0) <= 0:
        return 1.0
    return float(np.exp(root_scalar(excess, bracket=(0.0, 80.0)).root))


def escape_slope(problem: SingleIndex) -> float:
    """d T / d log d, T being the time at which a wide network learns a link without a component of degree 1.

    sigma_0 / (4 sigma_2 phi_2 phi_0), from degree 2; nan where degree 1 is there, and where degree 2 does not drive
    neurons of the weight phi_0 / sigma_0 away from overlap 0.

    Example:
        >>> escape_slope(SingleIndex(link=[1, 0, 1], activation=[1, 1, 0.5]))
        0.5
    """
    phi, sigma = coefficients(problem.link, 2), coefficients(problem.activation, 2)
    if phi[1] * sigma[1] != 0 or sigma[0] == 0 or sigma[2] * phi[2] * phi[0] * sigma[0] <= 0:
        return np.nan
    return float(sigma[0] / (4 * sigma[2] * phi[2] * phi[0]))


def doubt_of_width(problem: SingleIndex, epsilon: float, second_layer: Law, neurons: int) -> tuple[str, ...]:
    """Say what is expected of a network of this width, where it differs from infinite width by more than 5 %."""
    limit = width_time(problem, epsilon, second_layer, np.inf)
    own = width_time(problem, epsilon, second_layer, neurons)
    if not limit > 0 or not own > _TELLING * limit:
        return ()
    wide = needed_width(problem, epsilon, second_layer)
    return (
        f"Each of {neurons} neurons of a network acts on itself: degree 1 is expected at t = {own:.3g}, "
        f"{own / limit:.3g} times as late as at infinite width; from {wide:.2g} neurons on it is within 10 %.",
    )


def sampled(neurons: int) -> str:
    """Say that sampled particles are not a network."""
    return (
        f"{neurons} particles with sampled weights move as in infinite width: they are no network of {neurons} neurons."
    )


def doubt_of_sample(problem: SingleIndex, epsilon: float, second_layer: Law, neurons: int) -> tuple[str, ...]:
    """Say that sampled particles are not a network, and what a network of this width would do."""
    return (sampled(neurons), *doubt_of_width(problem, epsilon, second_layer, neurons))


def _first(problem: SingleIndex, law: Law) -> FirstLevels:
    return FirstLevels(coefficients(problem.link, 1), coefficients(problem.activation, 1), law)


def _own_pull(problem: SingleIndex) -> float:
    """U(1) - U(0)."""
    values = np.asarray(kernel(problem.activation)(np.array([0.0, 1.0])))
    return float(values[1] - values[0])
