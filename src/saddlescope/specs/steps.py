"""The keys of a spec that say whether the weights flow or descend in steps, and which steps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from saddlescope.arguments import ArgumentError, from_zero, share
from saddlescope.specs.checks import Count, CountFromZero, Positive, Table, checked


class Steps(Table):
    """Gradient flow, or descent in steps: part of the table `dynamics`."""

    kind: Literal["flow", "sgd", "adam", "rmsprop"] = Field(
        "flow", description="gradient flow, or descent in steps (adam and rmsprop need the extra optax)"
    )
    learning_rate: Positive | None = Field(None, description="of descent in steps, each of which takes it as its time")
    momentum: Annotated[float, checked(share)] | None = Field(
        None, description="of sgd, in [0, 1); a step then takes learning_rate / (1 - momentum)"
    )
    batch_size: Count | None = Field(None, description="examples in a step, of descent in steps; by default all")
    gradient_noise: Annotated[float, checked(from_zero)] = Field(
        0.0, description="deviation of noise on each entry of a gradient, of descent in steps"
    )
    batch_seed: CountFromZero = Field(0, description="seed of the batches and the noise")

    def refuse_what_is_not_of_its_kind(self, until: float | str, solver: Any) -> None:
        """Refuse keys that mean nothing for a flow, or for descent in steps, and steps without a length or an end.

        Args:
            until: end of the time range, or "auto".
            solver: the table of that name.

        Raises:
            ArgumentError: in these cases.
        """
        if self.kind == "flow":
            of_steps = {"learning_rate": self.learning_rate, "momentum": self.momentum, "batch_size": self.batch_size}
            for name, value in {**of_steps, "gradient_noise": self.gradient_noise or None}.items():
                if value is not None:
                    raise ArgumentError(f"dynamics.{name}", 'not be given where `dynamics.kind` is "flow"', value)
            return
        if self.learning_rate is None:
            raise ArgumentError("dynamics.learning_rate", f'be given where `dynamics.kind` is "{self.kind}"', None)
        if self.momentum is not None and self.kind != "sgd":
            must = f'not be given where `dynamics.kind` is "{self.kind}"'
            raise ArgumentError("dynamics.momentum", must, self.momentum)
        if until == "auto":
            raise ArgumentError("dynamics.until", "be a number for descent in steps", "auto")
        for name in ("atol", "method"):
            if getattr(solver, name) is not None:
                must = "not be given for descent in steps, which have one length"
                raise ArgumentError(f"solver.{name}", must, getattr(solver, name))

    @property
    def not_of_steps(self) -> frozenset[str]:
        """Keys of the table `solver` that descent in steps does not take."""
        return frozenset() if self.kind == "flow" else frozenset({"rtol", "atol", "method"})

    def steps(self) -> dict[str, Any]:
        """Return the arguments of a descent that say how it steps."""
        from saddlescope.optimizer import SGD, Adam, RMSprop

        rate: Any = self.learning_rate
        made = {
            "sgd": lambda: SGD(rate, momentum=self.momentum or 0.0),
            "adam": lambda: Adam(rate),
            "rmsprop": lambda: RMSprop(rate),
        }
        return {
            "optimizer": made[self.kind](),
            "batch_size": self.batch_size,
            "gradient_noise": self.gradient_noise,
            "batch_seed": self.batch_seed,
        }
