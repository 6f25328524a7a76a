"""Methods of integration, as values: `ss.solve(flow, until, method=ss.method.Tsit5())`.

By default a flow is integrated by the method of its structure. `Tsit5` and `Dopri8` are explicit and serve every flow,
slowly where it is stiff; the others need a structure, and are refused where a flow does not have it.

Example:
    >>> import saddlescope as ss
    >>> flow = ss.DiagonalFlow([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], scale=0.1)
    >>> [ss.solve(flow, 1.0, method=m).solver["method"] for m in (None, ss.method.Tsit5())]
    ['Rodas5P', 'Tsit5']
"""

from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError
from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.solve.methods.bdf import BDF
    from saddlescope.solve.methods.dopri8 import Dopri8
    from saddlescope.solve.methods.extrapolation import ExtrapolatedEuler
    from saddlescope.solve.methods.rkc import RKC2
    from saddlescope.solve.methods.rock import ROCK4
    from saddlescope.solve.methods.rodas import Rodas5P
    from saddlescope.solve.methods.tsit5 import Tsit5

__all__ = ["BDF", "RKC2", "ROCK4", "Dopri8", "ExtrapolatedEuler", "Rodas5P", "Tsit5"]


def named(argument: str, name: Any) -> str:
    """Return the name of a method as it is written here, or refuse what is none.

    Args:
        argument: what it is the value of.
        name: in any case, such as "tsit5".

    Raises:
        ArgumentError: if there is no such method.

    Example:
        >>> named("method", "tsit5")
        'Tsit5'
    """
    known = {one.lower(): one for one in __all__}
    if str(name).lower() not in known:
        raise ArgumentError(argument, f"be a method of ss.method ({', '.join(__all__)})", name)
    return known[str(name).lower()]


lazy(__name__)
