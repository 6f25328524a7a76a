"""`--compare`: a spec that is read before the logs are, and solved once for all of their curves."""

from __future__ import annotations

import functools
import sys
from dataclasses import replace

from saddlescope.cli.curves.judging import Judged
from saddlescope.specs import read
from saddlescope.study import curve_beside_run


class Model:
    """The spec beside which curves are set.

    Args:
        spec: the name of a shipped one, or a path.

    Raises:
        SpecError: if there is none such, or it cannot be run.
    """

    def __init__(self, spec: str) -> None:
        self.spec = read(spec)

    @functools.cached_property
    def _solved(self) -> curve_beside_run.Model:
        if sys.stderr.isatty():
            print(f"Solving {self.spec.title or self.spec.family} ...", file=sys.stderr)
        return curve_beside_run.model_of(self.spec)

    def beside(self, one: Judged) -> Judged:
        """Return a curve with its drops beside those of the spec's run."""
        result = curve_beside_run.compare_stages(one.stages, self._solved, one.curve.head)
        # doubts about the curve stand below its own table
        return replace(
            one, comparison=replace(result, doubts=tuple(d for d in result.doubts if d not in one.stages.doubts))
        )
