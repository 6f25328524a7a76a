"""Rodas5P: a fifth-order, stiffly accurate Rosenbrock method, as a diffrax solver given the Jacobian's structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from diffrax import RESULTS, AbstractAdaptiveSolver, AbstractLocalInterpolation, ODETerm

# Coefficients of Rodas5P: G. Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and numerical
# benchmarks within the Julia Differential Equations package", BIT Numer. Math. 63:27 (2023), in the
# transformed variables U_i of Hairer & Wanner, Solving ODEs II, section IV.7 (no products with J).
_GAMMA = 0.21193756319429014
# Stages 7 and 8 start from the stage before plus its increment, and so does the new value: stiffly accurate.
_A = np.zeros((8, 8))
_A[1, :1] = [3.0]
_A[2, :2] = [2.849394379747939, 0.45842242204463923]
_A[3, :3] = [-6.954028509809101, 2.489845061869568, -10.358996098473584]
_A[4, :4] = [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641]
_A[5, :5] = [
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
]
_A[6, :6] = [*_A[5, :5], 1.0]
_A[7, :7] = [*_A[5, :5], 1.0, 1.0]
_C = np.zeros((8, 8))
_C[1, :1] = [-14.155112264123755]
_C[2, :2] = [-17.97296035885952, -2.859693295451294]
_C[3, :3] = [147.12150275711716, -1.41221402718213, 71.68940251302358]
_C[4, :4] = [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306]
_C[5, :5] = [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471]
_C[6, :6] = [
    30.91273214028599,
    -3.1208243349937974,
    77.79954646070892,
    34.28646028294783,
    -19.097331116725623,
    -28.087943162872662,
]
_C[7, :7] = [
    37.80277123390563,
    -3.2571969029072276,
    112.26918849496327,
    66.9347231244047,
    -40.06618937091002,
    -54.66780262877968,
    -9.48861652309627,
]
_H = np.array(
    [
        [
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ],
        [
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ],
        [
            11.419903575922262,
            2.8879645146136994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ],
    ]
)


class Rodas5PInterpolation(AbstractLocalInterpolation):
    """The fourth-order dense output that comes with Rodas5P."""

    t0: Any
    t1: Any
    y0: Any
    y1: Any
    increments: Any  # of the eight stages; combined only where a value between two steps is asked for

    def evaluate(self, t0, t1=None, left: bool = True):  # pyright: ignore
        """Value at `t0`, or the increment from `t0` to `t1`."""
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        x = (t0 - self.t0) / (self.t1 - self.t0)
        low, middle, high = (sum(w * u for w, u in zip(row, self.increments, strict=True)) for row in _H)
        bend = low + x * (middle + x * high)
        return (1 - x) * self.y0 + x * (self.y1 + (1 - x) * bend)


class Rodas5P(AbstractAdaptiveSolver):
    """Rosenbrock method of order 5 for stiff autonomous systems y' = f(y) whose Jacobian has structure.

    The stage matrix I - gamma h J is never formed: `linearise(y, args)` returns whatever describes J at y,
    and `factor(J, shift)` returns a function that applies (I - shift J)^-1. One factorisation serves the
    eight stages of a step.

    The state is a single array.
    """

    linearise: Callable[..., Any]
    factor: Callable[..., Callable[[jax.Array], jax.Array]]

    term_structure: ClassVar = ODETerm
    interpolation_cls: ClassVar = Rodas5PInterpolation

    def order(self, terms):
        """Order of the method."""
        del terms
        return 5

    def init(self, terms, t0, t1, y0, args):
        """No hidden state: a step depends on y alone."""
        del terms, t0, t1, y0, args

    def func(self, terms, t0, y0, args):
        """The vector field at y0."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step; the error estimate is the last stage's increment."""
        del solver_state, made_jump
        h = t1 - t0
        # Inner jits are traced once and called by all stages; written out eight times, tracing costs more than solving.
        field = jax.jit(lambda y: terms.vf(t0, y, args))
        solve = jax.jit(self.factor(self.linearise(y0, args), _GAMMA * h))
        increments: list[jax.Array] = []
        y = y0
        for a, c in zip(_A, _C, strict=True):
            n = len(increments)
            y = y0 + sum(a[j] * increments[j] for j in range(n) if a[j] != 0)
            right = h * field(y) + sum(c[j] * increments[j] for j in range(n))
            increments.append(solve(_GAMMA * right))
        y1 = y + increments[-1]
        error = increments[-1]
        # A step so long that a growing mode makes the stage matrix singular must be refused, not trusted. (Huge, not
        # infinite: a norm with zero weights would turn infinity into nan, and the controller could not go on.)
        error = jnp.where(jnp.all(jnp.isfinite(y1)), error, 1e100)
        return y1, error, {"y0": y0, "y1": y1, "increments": tuple(increments)}, None, RESULTS.successful
