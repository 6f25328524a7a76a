"""Coefficients of ROCK4, derived from the zeros of its stability polynomials.

The stability polynomial of degree s is R(z) = w(x) P(x), x = a + z / c, scaled to R(0) = 1. P, of degree s - 4, is
orthogonal on [-1, 1] with weight w(x)^2 / sqrt(1 - x^2), where w, of degree 4 and positive, is given by its zeros. So
R has ripples of almost one height on the whole interval, and its first s - 4 stages are a recurrence of three terms.
The four others are a Runge-Kutta method that makes the whole one of order 4, with the stability polynomial w.

Five numbers make a polynomial: the zeros 1 - p_1 / s^2 + i q_1 / s^2 and 1 - p_2 / s^2 + i q_2 / s^2 of w, and
a = 1 + d / s^2. They solve five equations: over all zeros z_j of R, the sums of z_j^-2, z_j^-3 and z_j^-4 vanish, so
that log R(z) = z + O(z^5); the ripple at the far end is 0.95 high, and so is the highest at the near end.

Source: Abdulle, SIAM J. Sci. Comput. 23 (2002), 2041; the numbers are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

# s, p_1, q_1, p_2, q_2, d
_ZEROS = (
    (5, 2.862037714, 23.308369484, 17.464688788, 8.869535864, -1.050938812),
    (6, 2.714843010, 21.972496014, 16.638639291, 8.382774603, -1.137812087),
    (7, 2.671921614, 21.392334815, 16.213134664, 8.119689534, -1.140723799),
    (8, 2.669839717, 21.076411517, 15.960247104, 7.956610650, -1.134099686),
    (9, 2.681299344, 20.882155003, 15.796380606, 7.847738878, -1.127250112),
    (10, 2.696255565, 20.752982767, 15.683661564, 7.771220558, -1.121551138),
    (11, 2.711064894, 20.662208730, 15.602598918, 7.715306801, -1.117005839),
    (12, 2.724518017, 20.595730186, 15.542261552, 7.673171638, -1.113407137),
    (13, 2.736308998, 20.545451504, 15.496072879, 7.640611187, -1.110526589),
    (14, 2.746502728, 20.506431507, 15.459903485, 7.614918381, -1.108201971),
    (15, 2.755273537, 20.475499764, 15.431033284, 7.594282574, -1.106305645),
    (16, 2.762815053, 20.450538836, 15.407606326, 7.577454176, -1.104738021),
    (17, 2.769316380, 20.430089207, 15.388329502, 7.563548549, -1.103430633),
    (18, 2.774940701, 20.413115175, 15.372272004, 7.551924296, -1.102329681),
    (19, 2.779827537, 20.398864775, 15.358752415, 7.542107284, -1.101395308),
    (20, 2.784088095, 20.386779179, 15.347255234, 7.533740130, -1.100591579),
    (21, 2.787822989, 20.376438661, 15.337398331, 7.526550569, -1.099898671),
    (22, 2.791114025, 20.367521101, 15.328885576, 7.520327445, -1.099299677),
    (23, 2.794021307, 20.359773973, 15.321476517, 7.514904150, -1.098773575),
    (24, 2.796605608, 20.353001242, 15.314993714, 7.510149647, -1.098314187),
    (26, 2.800968776, 20.341776834, 15.304231095, 7.502243141, -1.097546368),
    (28, 2.804485937, 20.332916939, 15.295720593, 7.495978332, -1.096935902),
    (30, 2.807356314, 20.325798100, 15.288870368, 7.490929525, -1.096439934),
    (32, 2.809731997, 20.319992201, 15.283279838, 7.486801529, -1.096036294),
    (35, 2.812590004, 20.313100968, 15.276637765, 7.481889946, -1.095555895),
    (38, 2.814817068, 20.307792834, 15.271514367, 7.478098067, -1.095182341),
    (41, 2.816585666, 20.303616880, 15.267479990, 7.475109630, -1.094886962),
    (45, 2.818430395, 20.299304880, 15.263313291, 7.472018662, -1.094583277),
    (50, 2.820151671, 20.295309364, 15.259447542, 7.469150238, -1.094298785),
    (55, 2.821432097, 20.292358538, 15.256591020, 7.467029001, -1.094088310),
    (60, 2.822413158, 20.290118226, 15.254424471, 7.465416644, -1.093931500),
    (66, 2.823308779, 20.288074125, 15.252444164, 7.463944569, -1.093785256),
    (72, 2.823989901, 20.286520310, 15.250936611, 7.462824984, -1.093672075),
    (80, 2.824672827, 20.284968578, 15.249431154, 7.461706198, -1.093559413),
    (88, 2.825183042, 20.283822440, 15.248322548, 7.460879071, -1.093479919),
    (96, 2.825571080, 20.282950989, 15.247478931, 7.460249989, -1.093418841),
    (106, 2.825938070, 20.282126997, 15.246680700, 7.459655018, -1.093360584),
    (116, 2.826214297, 20.281506913, 15.246079644, 7.459207186, -1.093316421),
    (128, 2.826464138, 20.280946151, 15.245535826, 7.458802126, -1.093276244),
    (140, 2.826652530, 20.280523369, 15.245125655, 7.458496691, -1.093245803),
    (155, 2.826829299, 20.280126714, 15.244740702, 7.458210096, -1.093217127),
    (170, 2.826961374, 20.279830378, 15.244453026, 7.457995963, -1.093195630),
    (185, 2.827062645, 20.279603176, 15.244232417, 7.457831774, -1.093179105),
    (200, 2.827141995, 20.279425161, 15.244059539, 7.457703122, -1.093166131),
    (230, 2.827259635, 20.279168804, 15.243813270, 7.457517569, -1.093150299),
    (265, 2.827347901, 20.278972191, 15.243622760, 7.457375409, -1.093136435),
    (305, 2.827413978, 20.278825066, 15.243480203, 7.457269023, -1.093126064),
    (350, 2.827462960, 20.278716041, 15.243374563, 7.457190183, -1.093118381),
    (400, 2.827499199, 20.278635399, 15.243296426, 7.457131865, -1.093112699),
    (460, 2.827528070, 20.278571163, 15.243234184, 7.457085410, -1.093108174),
    (530, 2.827550159, 20.278522025, 15.243186572, 7.457049874, -1.093104713),
    (610, 2.827566691, 20.278485252, 15.243150941, 7.457023279, -1.093102123),
    (700, 2.827578944, 20.278458000, 15.243124536, 7.457003570, -1.093100204),
    (800, 2.827588007, 20.278437843, 15.243105004, 7.456988991, -1.093098784),
    (900, 2.827594222, 20.278424023, 15.243091614, 7.456978996, -1.093097811),
    (1000, 2.827598667, 20.278414137, 15.243082035, 7.456971847, -1.093097115),
)
_SECOND, _THIRD = 0.35, 0.55  # where stages of the last four are, as shares of the time they make: small weights
_FOURTH = (1.0, 1.1)  # between these; it is what the conditions of order leave to solve
_ESTIMATE = 0.05  # height of the error estimate beside that of what a method of order 3 leaves out


class Rock4(NamedTuple):
    """Coefficients of all degrees.

    Attributes:
        degrees: number of stages s, rising, shape (n,).
        reach: length of the stable interval on the negative axis, shape (n,).
        recurrence: mu, nu, kappa of g_(k+1) = mu_k h f(g_k) + nu_k g_k + kappa_k g_(k-1) in stages k = 0 .. s - 5, for
            one degree after the other, shape (3, all).
        first: places of k = 0 there, shape (n,).
        stages: weights of the last four stages in each other, shape (n, 4, 4).
        end: weights of the last four stages in the result, shape (n, 4).
        estimate: weights of the last four stages and of the field at the end in the error estimate, shape (n, 5).
    """

    degrees: np.ndarray
    reach: np.ndarray
    recurrence: np.ndarray
    first: np.ndarray
    stages: np.ndarray
    end: np.ndarray
    estimate: np.ndarray


@cache
def rock4() -> Rock4:
    """Return the coefficients of all degrees."""
    rows = [_of_degree(int(s), *(number / s**2 for number in numbers)) for s, *numbers in _ZEROS]
    reach, recurrences, stages, ends, estimates = zip(*rows, strict=True)
    degrees = np.array([row[0] for row in _ZEROS])
    first = np.cumsum(degrees - 4) - (degrees - 4)
    recurrence = np.concatenate(recurrences, axis=1)
    return Rock4(degrees, np.array(reach), recurrence, first, np.stack(stages), np.stack(ends), np.stack(estimates))


def _of_degree(
    s: int, p1: float, q1: float, p2: float, q2: float, d: float
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Reach, recurrence, stages, end and estimate of one degree, from its five numbers over s^2."""
    a, count = 1 + d, s - 4
    alpha, beta = _orthogonal(count, lambda x: ((x - 1 + p1) ** 2 + q1**2) * ((x - 1 + p2) ** 2 + q2**2))
    # the orthonormal polynomials at a, and the derivative of the last
    p, slope = np.zeros(count + 1), np.zeros(count + 1)
    p[0] = 1.0
    for k in range(count):
        before, slope_before = (beta[k - 1] * p[k - 1], beta[k - 1] * slope[k - 1]) if k else (0.0, 0.0)
        p[k + 1] = ((a - alpha[k]) * p[k] - before) / beta[k]
        slope[k + 1] = ((a - alpha[k]) * slope[k] + p[k] - slope_before) / beta[k]
    of_w = sum(2 * (d + p_) / ((d + p_) ** 2 + q_**2) for p_, q_ in ((p1, q1), (p2, q2)))
    c = slope[-1] / p[-1] + of_w  # so that R'(0) = 1
    recurrence = np.zeros((3, count))
    for k in range(count):
        ratio = p[k] / (beta[k] * p[k + 1])
        recurrence[:, k] = ratio / c, (a - alpha[k]) * ratio, -beta[k - 1] * p[k - 1] / (beta[k] * p[k + 1]) if k else 0
    return c * (1 + a), recurrence, *_last_stages(_weights_left(_elementary_weights(recurrence)))


def _orthogonal(count: int, w: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """alpha and beta of x p_k = beta_k p_(k+1) + alpha_k p_k + beta_(k-1) p_(k-1), orthonormal polynomials."""
    nodes = count + 10  # of Chebyshev's quadrature, which is exact for these polynomials
    x = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    weight = (w(x) / np.abs(w(x)).max()) ** 2
    alpha, beta = np.zeros(count), np.zeros(count)
    before, now, last = np.zeros(nodes), np.ones(nodes) / np.sqrt(weight.sum()), 0.0
    for k in range(count):
        alpha[k] = np.sum(weight * x * now**2)
        after = (x - alpha[k]) * now - last * before
        beta[k] = last = np.sqrt(np.sum(weight * after**2))
        before, now = now, after / last
    return alpha, beta


def _elementary_weights(recurrence: np.ndarray) -> np.ndarray:
    """Of the first stages, for the trees [], [[]], [[], []], [[[]]], [[], [], []], [[], [[]]], [[[], []]], [[[[]]]]."""
    before, now = np.zeros(8), np.zeros(8)
    for mu, nu, kappa in recurrence.T:
        t, t2, t31, t32 = now[:4]
        field = np.array([1.0, t, t**2, t2, t**3, t * t2, t31, t32])
        before, now = now, mu * field + nu * now + kappa * before
    return now


def _weights_left(first: np.ndarray) -> np.ndarray:
    """What the last four stages must have for these trees, so that all together are of order 4."""
    t, t2, t31, t32, t41, t42, t43, t44 = first
    b = 1 - t
    b2 = 1 / 2 - t2 - b * t
    b31 = 1 / 3 - t31 - b * t**2 - 2 * b2 * t
    b32 = 1 / 6 - t32 - b * t2 - b2 * t
    b41 = 1 / 4 - t41 - b * t**3 - 3 * b2 * t**2 - 3 * b31 * t
    b42 = 1 / 8 - t42 - b * t * t2 - b2 * (t**2 + t2) - (b31 + b32) * t
    b43 = 1 / 12 - t43 - b * t31 - b2 * t**2 - 2 * b32 * t
    b44 = 1 / 24 - t44 - b * t32 - b2 * t2 - b32 * t
    return np.array([b, b2, b31, b32, b41, b42, b43, b44])


def _last_stages(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The four stages with these elementary weights, and an error estimate of them and the field at the end."""
    b, b2, b31, b32, b41, b42, b43, b44 = weights
    c2, c3 = _SECOND * b, _THIRD * b

    def made(c4: float) -> tuple[float, np.ndarray, np.ndarray]:
        c = np.array([c2, c3, c4])
        outer = np.linalg.solve(np.stack([c, c**2, c**3]), [b2, b31, b41])
        # sums over the stages before of their place, in stages 3 and 4
        sums = np.linalg.solve([outer[1:], outer[1:] * c[1:]], [b32, b42])
        a32, a43 = sums[0] / c2, b44 / (outer[2] * sums[0])
        a42 = (sums[1] - a43 * c3) / c2
        A = np.zeros((4, 4))
        A[1:, 0] = c2, c3 - a32, c4 - a42 - a43
        A[2, 1], A[3, 1], A[3, 2] = a32, a42, a43
        unmet = outer[1] * a32 * c2**2 + outer[2] * (a42 * c2**2 + a43 * c3**2) - b43
        return unmet, A, np.array([b - outer.sum(), *outer])

    _, A, end = made(brentq(lambda c4: made(c4)[0], *(share * b for share in _FOURTH), xtol=1e-15))  # pyright: ignore
    # the one combination, the field at the end among it, in which all up to order 3 cancels
    A5 = np.zeros((5, 5))
    A5[:4, :4], A5[4, :4] = A, end
    c = A5.sum(axis=1)
    estimate = np.linalg.svd(np.stack([np.ones(5), c, c**2, A5 @ c]))[2][-1]
    return A, end, estimate * _ESTIMATE / (24 * estimate @ (A5 @ (A5 @ c)))
