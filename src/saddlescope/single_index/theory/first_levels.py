"""Levels 0 and 1 in closed form, and the state in which they hand over to the degrees above.

With G = |sigma_1 phi_1|, delta = epsilon^(1/4), A = phi_0 / sigma_0 (0 if sigma_0 = 0), a~ = a(0) - E a(0) (a(0) itself
if sigma_0 = 0), v = E a~^2 and kappa_1^2 = |phi_1 / sigma_1| / v, degree 1 is learnt along a logistic layer centred at

    t_1 = epsilon^(1/2) ln(2 kappa_1 / delta) / G,

in which a = alpha / delta, s = +-delta beta (the sign of sigma_1 phi_1), and with kappa = k kappa_1, k from 0 to 1,
t = t_1 + epsilon^(1/2) ln(k / (1 - k^2)^(1/2)) / G, x = ln(2 kappa / delta),

    alpha = kappa a~ + delta [A + P (a~^2 - v)],
    beta  = kappa a~ + delta [A x + Q (a~^2 - v) - (g v / G) kappa_1^2 ln(1 - k^2)].

P and Q are what degree 2 adds, g = sigma_2 phi_2 being its drive. From P' = G (1 - k^2) Q + g kappa^2 and
Q' = G (1 - k^2) P + 2 g kappa^2, with k' = G (1 - k^2) k, follow

    P + Q = 3 (g / G) kappa_1^2 k artanh k,    Q - P = (g / G) kappa_1^2 (artanh k - k) / k.

At k -> 1 these are the initial values ln 2 + 1/2 and 2 ln 2 - 1/2 of the flow of level 2. Used here is a small k: what
then happens within the layer, a skewed law included, is left to the flow.

Four terms of the next order are known at small k, and make the prediction useful at delta = 0.1: cosh x and sinh x in
place of exp(x) / 2 and what follows for P and Q, -(4/3) (g / G) delta kappa; the finite rate sigma_0^2 / epsilon of
degree 0, which turns A into A exp(mu x) and A x into A (exp(mu x) - 1) / mu + mu (E a(0) - A), mu = delta^2 G /
sigma_0^2; and the time by which the mean weight A delays or hastens the growth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saddlescope.gaussian import Law

SHARE = 0.1  # k at which the flow takes over: 1 % of degree 1 is learnt
_LATEST = 0.5
_LEAST_GROWTH = 1.0  # x from which on a~ cosh x leads
_SLOWEST = 0.3  # mu: the rate of level 1 over that of level 0
_MOST_CORRECTED = 0.5  # of the time that is corrected


@dataclass(frozen=True)
class FirstLevels:
    """Levels 0 and 1 of a problem with coefficients `phi` and `sigma`, shape (K + 1,) each, K at least 1."""

    phi: np.ndarray
    sigma: np.ndarray
    law: Law

    @property
    def target(self) -> float:
        """A, the mean weight after level 0."""
        return float(self.phi[0] / self.sigma[0]) if self.sigma[0] != 0 else 0.0

    @property
    def spread(self) -> float:
        """v: of the weights that degree 1 makes grow; exactly 0 for a single value."""
        law = self.law
        if self.sigma[0] == 0:
            return law.second_moment
        a, _ = law.rule(2)
        # one value has a variance of rounding errors, and would grow from them
        return law.variance if law.variance > (64 * np.finfo(float).eps * np.abs(a).max()) ** 2 else 0.0

    @property
    def drive(self) -> float:
        """G = |sigma_1 phi_1|."""
        return float(abs(self.sigma[1] * self.phi[1]))

    @property
    def size(self) -> float:
        """kappa_1."""
        return float(np.sqrt(abs(self.phi[1] / self.sigma[1]) / self.spread))

    @property
    def grows(self) -> bool:
        """Whether degree 1 is learnt on the scale epsilon^(1/2)."""
        return self.drive > 0 and self.spread > 0

    def centred(self, a: np.ndarray, w: np.ndarray) -> np.ndarray:
        """a~ at nodes of the law."""
        return a - w @ a if self.sigma[0] != 0 else a

    def time_zero(self, epsilon: float, fraction: float) -> float:
        """First time at which the residual of degree 0 is this fraction of |phi_0|."""
        gap = abs(self.phi[0] - self.sigma[0] * self.law.mean) / (fraction * abs(self.phi[0]))
        return epsilon / self.sigma[0] ** 2 * max(float(np.log(gap)), 0.0) if gap > 0 else 0.0

    def time_one(self, epsilon: float, fraction: float = 0.5) -> float:
        """The same of degree 1, t_1 for one half."""
        unit = np.sqrt(epsilon) / self.drive
        middle = unit * np.log(2 * self.size / epsilon**0.25)
        return float(max(middle + 0.5 * unit * np.log((1 - fraction) / fraction), 0.0))

    def separate(self, epsilon: float) -> bool:
        """Whether level 1 is long enough for its closed form to be used, and level 0 over when it begins."""
        slow = np.sqrt(epsilon) * self.drive > _SLOWEST * self.sigma[0] ** 2 > 0
        return bool(np.exp(_LEAST_GROWTH) * epsilon**0.25 / (2 * self.size) <= _LATEST and not slow)

    def start(
        self, a: np.ndarray, w: np.ndarray, epsilon: float, share: float = SHARE, corrected: bool = True
    ) -> tuple[float, np.ndarray]:
        """Time and state (a, s), shape (2, m), in which the flow takes over from the closed form.

        That is 0 and the start itself where level 1 is not separate, or where what corrects its time is no correction:
        where the mean weight that level 0 asks for is large, say.

        Args:
            a, w: nodes of the law and their weights, shape (m,) each.
            epsilon: learning-rate ratio.
            share: k.
            corrected: whether to add the known terms of the next order.
        """
        centred = self.centred(a, w)
        if not self.separate(epsilon):
            return 0.0, np.stack([a, np.zeros_like(a)])
        delta, G, size, A = epsilon**0.25, self.drive, self.size, self.target
        g = float(self.sigma[2] * self.phi[2]) if len(self.phi) > 2 else 0.0
        held = self.sigma[0] != 0
        k = max(share, float(np.exp(_LEAST_GROWTH)) * delta / (2 * size))
        kappa = k * size
        x = np.log(2 * kappa / delta)
        both, difference = 3 * k * np.arctanh(k), (np.arctanh(k) - k) / k
        P, Q = (g / G * size**2 * 0.5 * (both + sign * difference) for sign in (-1, 1))
        mean = -g / G * self.spread * size**2 * np.log1p(-k * k) if held else 0.0
        a_mean, s_mean = A, A * x
        delay, tail = 0.0, 0.0
        if corrected:
            P, Q = (value - 4 / 3 * g / G * delta * kappa for value in (P, Q))
            tail = np.exp(-2 * x)
            delay = A**2 * x**2 / 2 * abs(self.sigma[1] / self.phi[1]) - g / G * A * (x**2 + x - 0.5)
            if held:
                mu = delta**2 * G / self.sigma[0] ** 2
                a_mean = A * np.exp(mu * x)
                s_mean = A * np.expm1(mu * x) / mu + mu * (self.law.mean - A)
        growth = np.log(2 * size / delta) + np.log(k / np.sqrt(1 - k * k))
        if delta**2 * abs(delay) > _MOST_CORRECTED * growth:
            return 0.0, np.stack([a, np.zeros_like(a)])
        square = centred**2 - (w @ centred**2 if held else 0.0)
        alpha = kappa * (1 + tail) * centred + delta * (a_mean + P * square)
        beta = kappa * (1 - tail) * centred + delta * (s_mean + Q * square + mean)
        sign = np.sign(self.sigma[1] * self.phi[1])
        unit = np.sqrt(epsilon) / G
        return float(unit * (growth + delta**2 * delay)), np.stack([alpha / delta, sign * delta * beta])
