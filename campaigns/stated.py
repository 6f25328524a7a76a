"""The error that a trajectory states of itself."""

from __future__ import annotations

import math

from saddlescope import Trajectory

RTOL = 1e-6  # the default of `solve`
_KEYS = ("integration_error", "krylov_error", "kernel_error", "link_error", "learning_time_change")


def stated_error(run: Trajectory, rtol: float = RTOL) -> float:
    """The largest error in the `accuracy` of a run; ten times rtol where it says nothing of the integration.

    Nodes that are refined stand to the tolerance that was asked for, whatever the last change was. Methods of order 2
    are documented to be off by rtol^(2/3).
    """
    accuracy = run.accuracy
    errors = [float(accuracy[key]) for key in _KEYS if key in accuracy]
    errors = [error for error in errors if math.isfinite(error)]
    if "learning_time_change" in accuracy:
        errors.append(float(accuracy["learning_time_tolerance"]))
    if "integration_error" not in accuracy:
        errors.append(rtol ** (2 / 3) if run.solver.get("method") == "RKC2" else 10 * rtol)
    return max(errors)
