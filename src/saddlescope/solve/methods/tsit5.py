"""Tsit5: the explicit method of order 5 for what is not stiff."""

from __future__ import annotations

from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

# Along the negative axis a step is stable up to 3.5 over the rate; here it still takes a third off what is too much.
_STABLE = 3.3
# of a state; two stages that are no further apart tell of rounding, not of a rate
_ROUNDING = 1e-13
_STAGES = np.asarray(diffrax.Tsit5.tableau.a_lower[-2])  # weights of the stage at time 1 beside the solution


class Tsit5(diffrax.Tsit5):
    """Tsitouras' explicit Runge-Kutta method of order 5, as diffrax has it. It serves every flow that is not stiff.

    Where a state rests, nothing of the error of a step asks for a length: steps grow beyond the stable one, and what
    they make of rounding grows from step to step until it has the size of the tolerance. Steps are therefore held to
    the stable length, for a rate that two stages at the same time tell.

    Source: Tsitouras, Comput. Math. Appl. 62 (2011), 770; the rate as in Hairer and Wanner, Solving Ordinary
        Differential Equations II (1996), IV.2.
    """

    references: ClassVar[tuple[str, ...]] = ("tsitouras2011",)

    def stable_length(self, dense: dict[str, Any], length: jax.Array) -> jax.Array:
        """The longest stable step.

        Args:
            dense: what a step hands out: its ends `y0`, `y1`, and `k`, the field at its stages times its length.
            length: of that step.
        """
        y0, y1, k = dense["y0"], dense["y1"], dense["k"]
        stage = y0 + jnp.tensordot(jnp.asarray(_STAGES), k[: len(_STAGES)], 1)
        apart = jnp.maximum(jnp.linalg.norm((y1 - stage).ravel()), _ROUNDING * jnp.linalg.norm(y1.ravel()))
        rate = jnp.linalg.norm((k[-1] - k[-2]).ravel()) / apart
        return length * jnp.where((rate > 0) & jnp.isfinite(rate), _STABLE / rate, jnp.inf)
