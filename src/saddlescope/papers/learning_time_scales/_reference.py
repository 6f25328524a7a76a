"""The problem most of these experiments look at: sigma = (1, 1, 1/2, 3/10), weights uniform of variance one."""

from __future__ import annotations

from collections.abc import Sequence

from saddlescope.single_index import SingleIndex

ACTIVATION = (1.0, 1.0, 0.5, 0.3)
EDGE = 3**0.5  # of the uniform law of a(0), so that its variance is one


def problem(link: Sequence[float]) -> SingleIndex:
    """Return the problem with this link."""
    return SingleIndex(link=list(link), activation=list(ACTIVATION))
