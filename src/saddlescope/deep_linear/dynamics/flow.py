"""Gradient flow of a deep linear network, from lazy training to saddle-to-saddle."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from saddlescope.deep_linear.dynamics.network_dynamics import DeepLinearDynamics, scales_of
from saddlescope.deep_linear.dynamics.system import DeepLinearSystem, flat, product_curves
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.solve import Flow

_SMALL = 0.03  # share of a layer's largest singular value under which others are far from learnt beside it
_STIFF = 20.0  # how much stiffer the end may be than the start before stabilised steps pay


class DeepLinearFlow(DeepLinearDynamics, Flow):
    """Gradient flow dW_l/dt = -dC/dW_l - weight_decay W_l of the layers of A = W_L ... W_1.

    Wide networks are replaced by narrow ones with the same flow: exactly for depth 2 and wherever the reachable
    subspaces close, by block Krylov spaces with an error estimate for a Gaussian start of depth 3 or more.

    Lazy runs are integrated by Tsit5, runs past saddles by linearly implicit steps that hold what is stiff in the
    Hessian, for products of more than 400 entries by the stabilised ROCK4. The result names the method, and the error
    of jump times to expect: a few 1e-6 of themselves at rtol 1e-6, more from tiny starts (some 1e-4 at scale 1e-4).

    Args:
        cost: C(A), such as `LeastSquares` or `MatrixCompletion`.
        depth: number of layers L >= 1.
        width: of the hidden layers.
        gamma: entries of the start are N(0, scale^2 width^(-gamma)); under 1 lazy, 1 mean field, over 1
            saddle-to-saddle.
        scale: alpha, a factor on all initial weights.
        seed: of the start.
        initial: given layers [W_1, .., W_L] instead of depth, width, gamma and seed; `scale` multiplies them too.
        compress: "auto" replaces a wide network where that at least halves the width, or gives modes far smaller than
            the other weights neurons of their own; False saves the states of the whole network; a whole number fixes
            the rounds of the Krylov construction.
        tolerance: on the error of a Krylov compression, in times relative to themselves or in costs relative to the
            first; rounds are added until it is met.
        weight_decay: lambda of the penalty (lambda / 2) sum_l |W_l|_F^2 beside C, at least 0. `cost` stays C alone, and
            the result has `penalty` beside it. See `decayed_modes` for where such runs end.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Jacot et al., arXiv 2106.15933.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.DeepLinearFlow(ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=10, gamma=1.5)
        >>> trajectory = ss.solve(flow, until=20.0)
        >>> trajectory["singular_values"][-1].round(4).tolist()
        [2.0, 1.0]
    """

    _compresses_inexactly = True
    _copies = 28  # stages of a step, and states that are to be saved

    @property
    def descends(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the cost never rises: with weight decay that is the cost and the penalty together."""
        return self.weight_decay == 0

    def start(self) -> tuple[Any, Any]:
        system, y0 = self._system(), jnp.asarray(flat(self.weights))
        now, later = self._rates(system, y0)
        if later < _STIFF * now and not self._holds_small_modes():
            system = dataclasses.replace(system, explicit=True)
        return system, y0

    def _holds_small_modes(self) -> bool:
        """Whether modes wait beside others that are learnt, so that the run is long beside what is stiff in it."""
        if self.depth == 1:  # a linear flow: no mode waits for another
            return False
        singular = [np.linalg.svd(W, compute_uv=False) for W in (self.weights[0], self.weights[-1])]
        return any(bool(np.any((s < _SMALL * s[0]) & (s > 1e-15 * s[0]))) for s in singular)

    def _rates(self, system: DeepLinearSystem, y0: Any) -> tuple[float, float]:
        """Bounds of the Hessian's spectral radius at the start, and where the cost is at its minimum."""
        length = NumpyCost(self.cost).length
        now = float(system.spectral_radius(y0))
        return now, float(system.curvature_bound) * self.depth * length ** (2 - 2 / self.depth) + self.weight_decay

    def scale(self):
        """Size of each weight at the start: of its layer, or of its row or column where that is far smaller, a mode."""
        return np.concatenate([sizes.ravel() for sizes in scales_of(self.weights)])

    @property
    def shortest_time(self):
        return 1 / max(*self._rates(self._system(), jnp.asarray(flat(self.weights))), 1e-300)

    def curves(self, record):
        """The cost, and the modes of the product."""
        return [*super().curves(record), *product_curves(self.cost, record.observables)]

    def refined(self, runs):
        from saddlescope.deep_linear.dynamics.refinement import refine

        return refine(self, runs)
