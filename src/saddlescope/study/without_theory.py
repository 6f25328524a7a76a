"""What a run is worth without its prediction: where theory fails, the run stands, with a doubt that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import in_a_sentence

if TYPE_CHECKING:
    from saddlescope.study.comparison import Comparison
    from saddlescope.study.protocol import Study
    from saddlescope.trajectory import Trajectory


def prediction(predict: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Return what a study predicts, and doubts; None and a doubt where it fails.

    >>> prediction(lambda: 1 / 0)
    (None, ['Nothing is predicted: ZeroDivisionError: division by zero.'])
    """
    try:
        return predict(), []
    except Exception as error:  # whatever it is, the run stands
        return None, [f"Nothing is predicted: {in_a_sentence(error)}"]


def compared(study: Study, solved: Any, theory: Any) -> tuple[Comparison, Any, list[str]]:
    """Return a run beside what is predicted, the theory in it, and doubts; where that fails, the run alone.

    Args:
        study: that was solved.
        solved: what its `solve` returned.
        theory: what its `predict` returned, or None.

    Raises:
        Exception: whatever `compare` raises, where there is no trajectory that stands without it.
    """
    doubts: list[str] = []
    if theory is not None:
        try:
            return study.compare(solved, theory), theory, doubts
        except Exception as error:
            doubts.append(f"The prediction could not be set beside the run: {in_a_sentence(error)}")
    try:
        return study.compare(solved, None), None, doubts
    except Exception as error:
        runs = study.trajectories(solved)
        if not runs:
            raise
        doubts.append(f"Nothing is compared: {in_a_sentence(error)}")
        return _alone(study.title, runs), None, doubts


def _alone(title: str, runs: dict[str, Trajectory]) -> Comparison:
    """How runs ended, of which nothing else can be told."""
    from saddlescope.study.comparison import Column, Comparison
    from saddlescope.study.provenance import provenance

    rows = tuple(
        {"file": file, "end": float(run.time[-1]), "outcome": run.message, **provenance(run)}
        for file, run in runs.items()
    )
    return Comparison(
        title,
        "what was computed, and nothing beside it",
        (Column("file", "file", words=True), Column("end", "ends at"), Column("outcome", "because", words=True)),
        rows,
        doubts=tuple(dict.fromkeys(doubt for run in runs.values() for doubt in run.doubts)),
        references=tuple(dict.fromkeys(key for run in runs.values() for key in run.references)),
        record={"runs": list(rows)},
        interrupted=any(run.outcome == "INTERRUPTED" for run in runs.values()),
        complete=False,
    )
