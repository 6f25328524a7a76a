"""What the integrator asks of a dynamics: a System to integrate, and a Flow that makes systems and reads results."""

from __future__ import annotations

import abc
import copy
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from saddlescope.arguments import shortened
from saddlescope.solve.labels import Label, Reading
from saddlescope.solve.methods.step_length import relative
from saddlescope.trajectory import Trajectory

if TYPE_CHECKING:
    from saddlescope.solve.loop import Record


State = Float[Array, "*rows size"]
Number = Float[Array, ""]
Observed = Float[Array, "..."]


class Refinement(NamedTuple):
    """A flow's verdict on its own discretisation.

    Attributes:
        finer: the version to run next; None when the result is final.
        accuracy: error estimates to add to the result.
        doubts: sentences to add to the result's doubts.
    """

    finer: Flow | None = None
    accuracy: dict[str, Any] = {}  # noqa: RUF012
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """An observable by which two runs are compared.

    Attributes:
        values: shape (time,).
        rates: their derivatives in time, shape (time,).
        size: of a change that matters.
    """

    values: np.ndarray
    rates: np.ndarray
    size: float


class System(eqx.Module):
    """An autonomous system y' = F(y) with its numbers as array leaves, so that new numbers never compile again.

    The state y is one array whose last axis may be padded; `solver` and all static fields pick the compiled program.
    """

    stop_on: ClassVar[str] = "risk"  # the scalar observable that a target or a progress bar looks at

    @abc.abstractmethod
    def solver(self) -> diffrax.AbstractSolver:
        """Return the diffrax solver that suits this system's structure best; its args are the system itself."""

    def other_solvers(self) -> tuple[diffrax.AbstractSolver, ...]:
        """Return more solvers that the structure has the parts for; explicit ones serve every system anyway."""
        return ()

    @abc.abstractmethod
    def vector_field(self, y: State) -> State:
        """Return F(y), of the shape of y."""

    @abc.abstractmethod
    def observables(self, y: State, rate: State) -> dict[str, Observed]:
        """Return what is saved at every accepted step; `rate` is F(y). Holds at least `stop_on`, a scalar."""

    def error_norm(self, error: State, before: State, after: State, rtol: Number, atol: Number | State) -> Number:
        """Return one number for the local error of a step between two states; a step of 1 or more is refused."""
        return jnp.sqrt(jnp.mean(relative(error, before, after, rtol, atol) ** 2))

    def longest_step(self, y: State, rate: State, length: Number) -> Number:
        """Return the length, at most `length`, that a step from y may have whatever its error; `rate` is F(y).

        A mode that grows from far below the tolerance says nothing in the error of a step, and is lost in long ones.
        """
        del y, rate
        return length

    def change_ahead(self, y: State, rate: State, left: Number) -> Number:
        """Return by how much the scalar `stop_on` changes in the time `left` if no mode grows; `rate` is F(y)."""
        return jnp.abs(self.observables(y, rate)[f"{self.stop_on}_rate"]) * left


class Dynamics(abc.ABC):
    """A learning dynamics: what is learnt, how it starts, how it moves.

    Dynamics are values: nothing of one changes once it is made, nor with the arrays that it was made of. There are two
    kinds, a `Flow` in continuous time and a `Descent` in steps, and every class is abstract or final.
    """

    labels: ClassVar[tuple[Label, ...]]  # of all that the family observes
    references: ClassVar[tuple[str, ...]]  # what the dynamics rests on, beside its method

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        own = cls.__dict__.get("__init__")
        if own is None:
            return

        @functools.wraps(own)
        def made(self: Dynamics, *values: Any, **named: Any) -> None:
            own(self, *values, **named)
            if type(self).__init__ is made:  # and not one that a subclass calls on its way
                held = {name: _kept(value) for name, value in vars(self).items()}
                vars(self).update(held, _is_made=True)

        cls.__init__ = made

    def __setattr__(self, name: str, value: Any) -> None:
        if "_is_made" in vars(self):
            raise AttributeError(f"A {type(self).__name__} does not change: make another one with another {name}.")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A {type(self).__name__} does not change: its {name} stays.")

    def _with(self, **changes: Any) -> Self:
        """Return a copy of this flow with other attributes."""
        other = copy.copy(self)
        vars(other).update({name: _kept(value) for name, value in changes.items()})
        return other

    def __repr__(self) -> str:
        told = (f"{name}={shortened(str(value))}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(told)})"

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        return pairs(type(self).__name__, self.__rich_repr__())

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """What it is made of, for `rich` and for `repr`."""
        for name, value in self.describe().items():
            if value is not None and not name.endswith("_coefficients"):
                yield name, value

    @abc.abstractmethod
    def start(self) -> tuple[Any, Any]:
        """Return the `System` of a flow or the `Iteration` of a descent, and its initial state."""

    @property
    @abc.abstractmethod
    def shortest_time(self) -> float:
        """The fastest time-scale, in units of the time of the dynamics: the first saved time follows it."""

    @abc.abstractmethod
    def read(self, record: Record) -> Reading:
        """Return what a raw record says, under the names of the labels; the trajectory is assembled from it."""

    def describe(self) -> dict[str, Any]:
        """Return what was asked for, as plain values, for people: a run is known by its `identity`."""
        return {}


class Flow(Dynamics):
    """A learning dynamics in continuous time, integrated by a method with a tolerance.

    A flow that discretises a continuum hands back finer and finer versions of itself until the answer stands.
    """

    descends: ClassVar[bool] = False  # a gradient flow: what it stops on never rises

    @abc.abstractmethod
    def scale(self) -> Any:
        """Return the size of each component of the state that matters, of the state's shape: it sets atol."""

    def curves(self, record: Any) -> list[Curve]:
        """Return the observables by which two runs of this flow are compared: the one that the system stops on.

        Args:
            record: a raw `solve.Record`.
        """
        name = "risk" if "risk" in record.observables else "cost"
        values = record.observables[name]
        return [Curve(values, record.observables[f"{name}_rate"], float(np.abs(values).max()))]

    def refined(self, runs: Sequence[Trajectory]) -> Refinement:
        """Look at the last results, each of a finer version of the flow, and say whether the last stands.

        Args:
            runs: up to three complete runs, the last one of this flow.
        """
        del runs
        return Refinement()


class Descent(Dynamics):
    """A learning dynamics in steps of one length: what a step does is fixed, and there is nothing to tolerate."""

    @property
    @abc.abstractmethod
    def step_size(self) -> float:
        """Time of a step."""

    @property
    def shortest_time(self) -> float:
        return self.step_size


def _kept(value: Any) -> Any:
    """The value with arrays of its own that cannot be written to."""
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    elif type(value) is tuple:
        value = tuple(_kept(item) for item in value)
    elif type(value) is list:
        value = [_kept(item) for item in value]
    return value
