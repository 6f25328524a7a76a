"""Solving as the command line does it, and what it says about how something was solved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saddlescope.solve import Descent, Flow
    from saddlescope.trajectory import Trajectory


def solved(flow: Flow | Descent, **arguments: Any) -> Trajectory:
    """Return the trajectory of a flow, a partial one after Ctrl-C.

    Raises:
        KeyboardInterrupt: if there is too little to be kept.
    """
    from saddlescope.solve import solve
    from saddlescope.solve.control import worth_keeping

    trajectory = solve(flow, **arguments)
    if not worth_keeping(trajectory):
        raise KeyboardInterrupt
    return trajectory


def steps(trajectory: Trajectory) -> str:
    """Say by which method and in how many steps a run was solved."""
    solver, error = trajectory.solver, trajectory.accuracy.get("integration_error")
    if "rtol" not in solver:  # steps of one length, with nothing to tolerate
        return f"{solver['steps']} steps of {solver['step_size']:g} in time"
    off = "" if error is None else f", off by {error:.0e} of times or heights"
    return (
        f"{solver['method']}, rtol {solver['rtol']:g}: {solver['steps_accepted']} steps, "
        f"{solver['steps_rejected']} rejected{off}"
    )


def provenance(trajectory: Trajectory) -> dict[str, Any]:
    """What a run rests on, as plain values."""
    return {
        "accuracy": trajectory.accuracy,
        "solver": trajectory.solver,
        "versions": trajectory.versions,
        "cite": list(trajectory.references),
    }


def ending(run: Trajectory) -> dict[str, Any]:
    """How a run of a deep linear network ended, as plain values."""
    return {
        "outcome": run.outcome,
        "message": run.message,
        "doubts": list(run.doubts),
        "initial_cost": float(run["cost"][0]),
        "final_cost": float(run["cost"][-1]),
        "final_test_error": float(run["test_error"][-1]),
        "end": float(run.time[-1]),
    }
