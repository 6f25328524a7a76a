"""From a checked spec to the flow it describes."""

from __future__ import annotations

from typing import Any

from saddlescope.single_index import MeanFieldFlow, SingleIndex
from saddlescope.specs.models import RunSpec


def flow(spec: RunSpec) -> MeanFieldFlow:
    """Return the dynamics of a spec, ready to be solved.

    Raises:
        ArgumentError: if a function or a law is not known, or a value is refused.

    Example:
        >>> from saddlescope.specs import read
        >>> flow(read("canonical")).epsilon
        1e-08
    """
    problem = SingleIndex(link=spec.problem.link, activation=spec.problem.activation)
    how = spec.dynamics
    return MeanFieldFlow(
        problem,
        how.epsilon,
        how.second_layer,
        how.particles,
        neurons=how.neurons,
        seed=how.seed,
        tolerance=how.tolerance,
    )


def solve_arguments(spec: RunSpec) -> dict[str, Any]:
    """Return the arguments of `solve` other than the flow."""
    return {"until": spec.dynamics.until, **spec.solver.model_dump()}
