"""Gradient flow of a small network, followed only closely enough to reach the basin it ends in."""

from __future__ import annotations

import numpy as np

from saddlescope.deep_linear.network.layers import products_from_input, pull_back
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost, conjugate_gradients


class BalancedDescent:
    """Gradient flow of a network held in NumPy, by explicit steps with error control, or by implicit ones.

    Arguments: `numpy_cost`; `weights` [W_1, …, W_L]; `tolerance` on the error of an explicit step, relative
    to the norm of the weights.

    Source: Bogacki, Shampine, Applied Mathematics Letters 2 (1989), 321 (explicit pair of orders 3 and 2);
    Kelley, Keyes, SIAM J. Numer. Anal. 35 (1998), 508 (pseudo-transient continuation, the implicit steps).
    """

    def __init__(self, numpy_cost: NumpyCost, weights: list[np.ndarray], tolerance: float = 1e-3):
        self.numpy_cost = numpy_cost
        self.shapes = [W.shape for W in weights]
        self.cuts = np.cumsum([W.size for W in weights])[:-1]
        self.state = np.concatenate([W.ravel() for W in weights])
        self.tolerance = tolerance
        self.cost, self.slope = self._speed(self.state)
        self.step = 0.1 * tolerance ** (1 / 3) * _norm(self.state) / max(_norm(self.slope), 1e-300)
        self.longest = 1e15 * self.step  # beyond it an implicit step is Newton's to all digits

    @property
    def weights(self) -> list[np.ndarray]:
        """The present layers."""
        return self.split(self.state)

    @property
    def power(self) -> float:
        """−dC/dt, the squared norm of the gradient."""
        return float(self.slope @ self.slope)

    def advance(self) -> bool:
        """Make one explicit step; False if no step is small enough."""
        for _ in range(60):
            h = self.step
            # a trial step may overshoot to anywhere: inf is refused like any large error
            with np.errstate(over="ignore", invalid="ignore"):
                state, cost, slope, error = self._trial(h)
                ratio = error / (self.tolerance * _norm(self.state))
            if not np.isfinite(ratio) or not np.isfinite(cost):
                self.step = 0.1 * h
                continue
            self.step = h * min(4.0, max(0.2, 0.9 * max(ratio, 1e-12) ** (-1 / 3)))
            # a gradient flow never climbs: a step that does is refused whatever its error estimate
            if ratio <= 1 and cost <= self.cost + 1e-14 * abs(self.cost):
                self.state, self.slope, self.cost = state, slope, cost
                return True
            self.step = min(self.step, 0.5 * h)
        return False

    def _trial(self, h: float) -> tuple[np.ndarray, float, np.ndarray, float]:
        first = self.slope
        _, second = self._speed(self.state + 0.5 * h * first)
        _, third = self._speed(self.state + 0.75 * h * second)
        state = self.state + h * (2 * first + 3 * second + 4 * third) / 9
        cost, fourth = self._speed(state)
        return state, cost, fourth, _norm(h * (-5 * first / 72 + second / 12 + third / 9 - fourth / 8))

    def advance_implicitly(self, reach: float = 0.02) -> bool:
        """Make one step of linearly implicit Euler, (1 + hH) δ = −h∇; False if no step lowers the cost.

        The step grows while the cost falls as its quadratic model says and δ stays within `reach` of the
        norm of the weights. It is limited by the path and not by its stiffness, and becomes Newton's at the
        end.
        """
        for _ in range(60):
            h = self.step
            hessian = self.hessian()
            delta = conjugate_gradients(
                lambda x, h=h, hessian=hessian: x / h + hessian(x), self.slope, np.ones(1), 1e-3, limit=200
            )
            if delta is None:  # steps longer than the time of the fastest growth are meaningless
                self.step = 0.3 * h
                continue
            length = _norm(delta) / (reach * _norm(self.state))
            if length > 1.5:
                self.step = h / min(2 * length, 10.0)
                continue
            expected = 0.5 * float(self.slope @ delta) + 0.5 * float(delta @ delta) / h
            cost, slope = self._speed(self.state + delta)
            gain = self.cost - cost
            if gain < 0.3 * expected and gain <= 1e-14 * abs(self.cost) and expected <= 1e-13 * abs(self.cost):
                return False
            if not gain >= 0.3 * expected:
                self.step = 0.3 * h
                continue
            self.state, self.slope, self.cost = self.state + delta, slope, cost
            if 0.8 * expected <= gain <= 1.25 * expected:
                self.step = min(h * min(4.0, max(1.0, 1 / length)), self.longest)
            return True
        return False

    def split(self, state: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(state, self.cuts), self.shapes, strict=True)]

    def _speed(self, state: np.ndarray) -> tuple[float, np.ndarray]:
        layers = self.split(state)
        prefixes = products_from_input(layers)
        cost, G = self.numpy_cost.value_and_gradient(prefixes[-1])
        slopes = pull_back(layers, prefixes, G)
        return cost, -np.concatenate([slope.ravel() for slope in slopes])

    def hessian(self):
        """Return the product with the Hessian at the present point: the tangent of `pull_back`."""
        layers = self.split(self.state)
        prefixes = products_from_input(layers)
        A = prefixes[-1]
        carried = [self.numpy_cost.value_and_gradient(A)[1]]
        for W in layers[:0:-1]:
            carried.append(W.T @ carried[-1])
        carried = carried[::-1]

        def times(direction: np.ndarray) -> np.ndarray:
            moves = self.split(direction)
            tangents = [moves[0]]
            for W, dW, F in zip(layers[1:], moves[1:], prefixes, strict=False):
                tangents.append(dW @ F + W @ tangents[-1])
            bent = self.numpy_cost.curvature(A, tangents[-1])
            results = []
            for index in range(len(layers) - 1, 0, -1):
                results.append(bent @ prefixes[index - 1].T + carried[index] @ tangents[index - 1].T)
                bent = moves[index].T @ carried[index] + layers[index].T @ bent
            return np.concatenate([part.ravel() for part in [bent, *results[::-1]]])

        return times


def _norm(state: np.ndarray) -> float:
    with np.errstate(over="ignore"):  # a trial step may overshoot to anywhere; inf is refused like any large error
        return float(np.sqrt(state @ state))
