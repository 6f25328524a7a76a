"""What a run is worth without its prediction: where theory fails, the run stands, with a doubt that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import in_a_sentence

if TYPE_CHECKING:
    from saddlescope.study.comparison import Comparison
    from saddlescope.study.protocol import Study


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
    """
    try:
        return study.compare(solved, theory), theory, []
    except Exception as error:
        if theory is None:
            raise
        doubt = f"The prediction could not be set beside the run: {in_a_sentence(error)}"
        return study.compare(solved, None), None, [doubt]
