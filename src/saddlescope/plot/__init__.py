"""One place for each kind of picture; matplotlib without global state, `ax=` taken and returned."""

from saddlescope.plot.canvas import new_axes, save
from saddlescope.plot.ladder import ladder
from saddlescope.plot.overlaps import overlaps

__all__ = ["ladder", "new_axes", "overlaps", "save"]
