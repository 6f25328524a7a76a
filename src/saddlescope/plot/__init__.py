"""One place for each kind of picture; matplotlib without global state, `ax=` taken and returned."""

from saddlescope.plot.canvas import new_axes, save
from saddlescope.plot.descent import descent
from saddlescope.plot.ladder import ladder
from saddlescope.plot.levels import levels
from saddlescope.plot.modes import modes
from saddlescope.plot.order_parameters import order_parameters
from saddlescope.plot.overlaps import overlaps
from saddlescope.plot.phase_diagram import phase_diagram
from saddlescope.plot.plane import plane
from saddlescope.plot.regimes import regimes

__all__ = [
    "descent",
    "ladder",
    "levels",
    "modes",
    "new_axes",
    "order_parameters",
    "overlaps",
    "phase_diagram",
    "plane",
    "regimes",
    "save",
]
