"""Optimisers of descent in steps, as values: `ss.GradientDescent(..., optimizer=ss.optimizer.Adam(1e-3))`.

The learning rate of each may be a schedule. All but SGD use optax, an extra: `pip install 'saddlescope[optax]'`.

Example:
    >>> import saddlescope as ss
    >>> cost = ss.LeastSquares([[2.0]])
    >>> descent = ss.GradientDescent(cost, 2, 4, gamma=1.0, optimizer=ss.optimizer.Adam(1e-2))
    >>> run = ss.solve(descent, until=10.0)
    >>> run.solver["steps"], float(run["cost"][-1]) < 1e-6
    (1000, True)
"""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.solve.optimizers.schedules import Cosine, Piecewise, Schedule
    from saddlescope.solve.optimizers.updates import SGD, Adam, Named, Optimizer, RMSprop, Switched

__all__ = ["SGD", "Adam", "Cosine", "Named", "Optimizer", "Piecewise", "RMSprop", "Schedule", "Switched"]

lazy(__name__)
