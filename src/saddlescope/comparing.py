"""`compare`: predicted beside measured, for a run of any family, a curve beside a spec, or several descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saddlescope.families import study_of


def compare(*results: Any, labels: Sequence[str] | None = None, flow: Any = None, **options: Any) -> Any:
    """Return predicted beside measured: for one run, a curve of your own, or several descriptions of one problem.

    Args:
        results: one trajectory of any family; or a curve (a `Curve`, its `Stages`, or anything with `.time` and
            `.value`) and a spec (the name of a shipped one, a path, what `saddlescope.specs.read` returned, or a
            trajectory), whose run is set beside the curve on a free scale of time; or several trajectories of one
            single-index problem, with a `canonical_order` among them if wanted.
        labels: of several descriptions; by default what they are, with width, dimension and step size.
        flow: what made the one run, where it does not know because it was loaded from a file.
        options: for one run of a two-layer network `levels`, the degrees to predict, and `fraction`, the share of its
            target at which a degree counts as learnt; of a deep linear network `max_rank`. For several `fraction`.

    Returns:
        A `Comparison` for one run or a curve, `Descriptions` for several. Both print as tables.

    Raises:
        ArgumentError: if there is no result, or one of another problem, or no family knows it.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0])
        >>> run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-6), until=0.1)
        >>> result = ss.compare(run)
        >>> [int(row["degree"]) for row in result.rows]
        [0, 1]
        >>> bool(abs(result.values()["measured_over_predicted"][1] - 1) < 0.01)
        True
    """
    from saddlescope.trajectory import Trajectory

    if results and _measured(results[0]):
        if len(results) != 2 or labels is not None or flow is not None or options:
            from saddlescope.arguments import ArgumentError

            raise ArgumentError(
                "results", "be a curve and one spec, as in compare(curve, spec), and no more", len(results)
            )
        from saddlescope.study.curve_beside_run import compare_curve, model_of

        return compare_curve(results[0], model_of(results[1]))
    if len(results) == 1 and isinstance(results[0], Trajectory) and labels is None:
        run = results[0]
        return study_of(run).compare_run(run, **({} if flow is None else {"flow": flow}), **options)
    from saddlescope.single_index import side_by_side

    return side_by_side(*results, labels=labels, **options)


def _measured(subject: Any) -> bool:
    """Whether it is a curve or what was found on one, and no run."""
    from saddlescope.measure import Stages

    return isinstance(subject, Stages) or (
        hasattr(subject, "time") and hasattr(subject, "value") and not hasattr(subject, "observables")
    )
