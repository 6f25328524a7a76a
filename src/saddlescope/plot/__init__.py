"""One place for each kind of picture; matplotlib without global state, `ax=` taken and returned."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.plot._exit_times import exit_times
    from saddlescope.plot._sweep import sweep
    from saddlescope.plot.curves import stages
    from saddlescope.plot.deep_linear._decay import decay
    from saddlescope.plot.deep_linear._mixed import mixed_modes
    from saddlescope.plot.deep_linear._singular_values import singular_values
    from saddlescope.plot.deep_linear.descent import descent
    from saddlescope.plot.deep_linear.phase_diagram import phase_diagram
    from saddlescope.plot.deep_linear.plane import plane
    from saddlescope.plot.deep_linear.regimes import regimes
    from saddlescope.plot.diagonal_linear.jumps import jumps
    from saddlescope.plot.parts.canvas import new_axes, save
    from saddlescope.plot.single_index._descriptions import descriptions
    from saddlescope.plot.single_index._directions import directions
    from saddlescope.plot.single_index._eigenvalues import eigenvalues
    from saddlescope.plot.single_index.ladder import ladder
    from saddlescope.plot.single_index.order_parameters import order_parameters
    from saddlescope.plot.single_index.overlaps import overlaps

__all__ = [
    "decay",
    "descent",
    "descriptions",
    "directions",
    "eigenvalues",
    "exit_times",
    "jumps",
    "ladder",
    "mixed_modes",
    "new_axes",
    "order_parameters",
    "overlaps",
    "phase_diagram",
    "plane",
    "regimes",
    "save",
    "singular_values",
    "stages",
    "sweep",
]

lazy(__name__)
