"""Which methods a system can be integrated by: that of its structure, others that it has parts for, explicit ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import diffrax
import equinox as eqx

from saddlescope.arguments import ArgumentError
from saddlescope.solve.methods.dopri8 import Dopri8
from saddlescope.solve.methods.tsit5 import Tsit5

if TYPE_CHECKING:
    from saddlescope.solve.protocols import System


def serving(system: System) -> dict[str, diffrax.AbstractSolver]:
    """Return the solvers that can integrate a system, by the names of their methods, the default first."""
    solvers: dict[str, diffrax.AbstractSolver] = {}
    for solver in (system.solver(), *system.other_solvers(), Tsit5(), Dopri8()):
        solvers.setdefault(type(solver).__name__, solver)
    return solvers


def solver_of(system: System, method: Any) -> Any:
    """Return the solver of a method that was `checked`, or that of the system's structure where none was asked for."""
    if method is None:
        return system.solver()
    return serving(system)[method] if isinstance(method, str) else method


def checked(system: System, method: Any) -> Any:
    """Return the name of a method that was asked for, or an explicit one of the user's own; refuse what cannot serve.

    Args:
        system: what is to be integrated.
        method: a value of `ss.method`, such as `ss.method.Tsit5()`, or its name; None for the system's own.

    Raises:
        ArgumentError: if it is no method, or needs a structure that the system does not have.
    """
    if method is None:
        return None
    from saddlescope import method as known
    from saddlescope.method import named

    name = named("method", method) if isinstance(method, str) else type(method).__name__
    if not isinstance(method, str | diffrax.AbstractSolver):
        named("method", method)
    if isinstance(method, diffrax.AbstractERK) and name not in known.__all__:
        return method
    if isinstance(method, diffrax.AbstractSolver) and not eqx.tree_equal(method, type(method)()):
        # a method is chosen by its kind: the parts that its structure needs are those of the flow
        raise ArgumentError("method", f"be given without parts of its own, as ss.method.{name}()", name)
    able = serving(system)
    if name not in able:
        must = f"be one that this flow has the structure for ({', '.join(able)})"
        raise ArgumentError("method", must, name)
    return name
