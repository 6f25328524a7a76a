"""Numbers of a trajectory that shipped sweeps are about; a spec names them: `measure = "degree_one"`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from saddlescope.arguments import ArgumentError

if TYPE_CHECKING:
    from saddlescope.trajectory import Trajectory


def degree_one(run: Trajectory) -> dict[str, float]:
    """Return when a network has learnt half of degree 1, and when the formula of its width says.

    Args:
        run: of a `NetworkFlow` on a single-index problem.

    Returns:
        time, predicted_time, ratio of the two, and infinite_width, the time that is predicted there.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0])
        >>> network = ss.NetworkFlow(problem, epsilon=1e-2, neurons=50, dimension=float("inf"))
        >>> found = degree_one(ss.solve(network, until=1.0))
        >>> 0.8 < found["ratio"] < 1.2
        True
    """
    from saddlescope.measure import learning_times
    from saddlescope.single_index.theory.finite_width import width_time

    flow = run.flow
    if run.kind != "NetworkFlow" or flow is None:
        raise ArgumentError("measure", "be another one for what is no network flow", "degree_one")
    law, epsilon = flow.second_layer, flow.epsilon
    times = learning_times(run)
    measured = float(times[1]) if len(times) > 1 else math.nan
    predicted = width_time(flow.problem, epsilon, law, flow.neurons)
    limit = width_time(flow.problem, epsilon, law, math.inf)
    return {
        "time": measured,
        "predicted_time": predicted,
        "ratio": measured / predicted,
        "infinite_width": limit,
    }


def learning_times(run: Trajectory) -> dict[str, float]:
    """Return the first times at which the residual of each degree is half its target: T_0, T_1, ...; nan for never."""
    from saddlescope.measure import learning_times

    return {f"T_{degree}": float(time) for degree, time in enumerate(learning_times(run))}
