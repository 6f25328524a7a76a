"""saddlescope: exact learning dynamics of solvable neural networks."""

import jax

# Learning dynamics span ten decades of time and residuals of order epsilon: float32 stalls or skips escapes.
jax.config.update("jax_enable_x64", True)

from saddlescope.single_index import MeanFieldFlow, SingleIndex  # noqa: E402
from saddlescope.solve import solve  # noqa: E402
