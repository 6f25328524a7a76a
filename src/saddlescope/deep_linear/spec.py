"""Specs of deep linear networks: a cost, a network and its start; one run, or several on one pair of axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, from_zero, positive
from saddlescope.deep_linear.problem.spec import Completion, Digits, Examples, Ratings, Sensing, Target
from saddlescope.specs.checks import (
    Count,
    CountFromTwo,
    CountFromZero,
    Finite,
    Flag,
    Fraction,
    Positive,
    RelativeTolerance,
    SolverMethod,
    Table,
    Text,
    checked,
)
from saddlescope.specs.run_spec import Range, RunSpec
from saddlescope.specs.steps import Steps

if TYPE_CHECKING:
    from saddlescope.deep_linear import Cost, DeepLinearFlow, GradientDescent, WideLinearFlow

_LARGEST = 100  # decades that the product of all layers may be away from one


def _until(value: Any, info: ValidationInfo) -> float | str:
    if value == "auto":
        return value
    try:
        return positive(str(info.field_name), value)
    except ArgumentError:
        raise ArgumentError(str(info.field_name), 'be "auto" or a positive number', value) from None


Until = Annotated[float | Literal["auto"], BeforeValidator(_until)]
Decay = Annotated[float, checked(from_zero)]


class Network(Table):
    """The network and its start."""

    depth: Count = Field(description="number of layers L")
    width: Count = Field(description="width w of the hidden layers")
    gamma: Finite = Field(description="weights start with variance w^-gamma; under 1 lazy, over 1 saddle-to-saddle")
    scale: Positive = Field(1.0, description="alpha, a factor on all initial weights")
    seed: CountFromZero = Field(0, description="seed of the initial weights")
    limit: Flag = Field(
        False, description="infinite width with scale^2 width^(1 - gamma) held; depth 2, and a given `until`"
    )


class Dynamics(Steps):
    """What moves the weights, and for how long."""

    until: Until = Field("auto", description="end of the time range; auto: until all is learnt, see `solver.learnt`")
    weight_decay: Decay = Field(
        0.0, description="lambda of the penalty (lambda / 2) sum_l |W_l|^2; needs a given `until`"
    )


class Solver(Table):
    """How it is solved."""

    rtol: RelativeTolerance = Field(1e-6, description="relative tolerance of a step")
    atol: Fraction | None = Field(None, description="absolute tolerance; by default tied to the scale of the start")
    method: SolverMethod | None = Field(None, description="a method of ss.method; by default that of the structure")
    states: CountFromTwo = Field(20, description="number of saved states")
    cost_below: Positive | None = Field(None, description="stop when the cost is at or below this")
    learnt: Fraction = Field(1e-6, description="auto ends when the cost above its minimum is this share of its start")
    max_steps: Count = Field(1_000_000, description="limit on attempted steps")
    compress: Flag = Field(True, description="replace wide networks by narrow ones with the same flow")


class Theory(Table):
    """What it is compared with."""

    saddles: Flag = Field(True, description="predict the saddles that are visited, and when they are left")
    max_rank: Count | None = Field(None, description="predict saddles up to this rank only, and no times")


class Picture(Table):
    """What is drawn."""

    time: Literal["auto", "linear", "log"] = Field(
        "auto",
        description="time axis of the descent; auto: linear where jumps are predicted, as they are evenly spaced",
    )
    scale: Literal["linear", "log"] = Field("linear", description="axis of the cost")
    singular_values: Flag = Field(True, description="draw singular_values.png too, with the effective rank")
    plane: Flag = Field(True, description="draw plane.png too: the run and the greedy path, seen in a plane")


class Compared(Table):
    """One of several runs: what differs from the table `network`, and its time range."""

    name: Text = Field(description="name of the run in table and pictures")
    depth: Count | None = Field(None, description="instead of network.depth")
    width: Count | None = Field(None, description="instead of network.width")
    gamma: Finite | None = Field(None, description="instead of network.gamma")
    scale: Positive | None = Field(None, description="instead of network.scale")
    seed: CountFromZero | None = Field(None, description="instead of network.seed")
    until: Until | None = Field(None, description="instead of dynamics.until")


class Spec(RunSpec):
    """One run of a deep linear network, or several that differ in their start."""

    FILES: ClassVar = (
        "trajectory.nc",
        "trajectory_*.nc",
        "stages.json",
        "descent.png",
        "singular_values.png",
        "plane.png",
        "regimes.png",
        "spec.toml",
    )
    PATHS: ClassVar = ("problem.file", "problem.test_file")
    FORMER: ClassVar = {"picture.modes": "picture.singular_values"}
    NAME: ClassVar = "Deep linear"
    RANGES: ClassVar = {
        "problem.size": Range(2, 20, most=40),
        "problem.observed": Range(1, 399, most=1600),
        "problem.measurements": Range(1, 800, most=3200),
        "problem.images": Range(2, 60, most=200),
        "problem.held_out": Range(0.0, 0.9, most=1.0),
        "network.depth": Range(1, 6, most=10),
        "network.width": Range(2, 400, log=True, most=1000),
        "network.gamma": Range(0.3, 3.0, most=20.0),
        "network.scale": Range(0.02, 4.0, log=True, most=100.0),
        "dynamics.learning_rate": Range(1e-4, 0.1, log=True, most=10.0),
        "dynamics.batch_size": Range(1, 100, log=True, most=1e4),
        "dynamics.until": Range(1.0, 1e6, log=True, most=1e12),
        "solver.rtol": Range(1e-9, 1e-3, log=True, most=1.0),
        "solver.states": Range(5, 100, most=200),
        "solver.max_steps": Range(1e3, 1e5, log=True, most=1e6),
        "theory.max_rank": Range(1, 10, most=40),
    }

    family: Literal["deep_linear"] = Field("deep_linear", description="which family of problems")  # pyright: ignore
    problem: Target | Completion | Sensing | Examples | Ratings | Digits = Field(discriminator="kind")
    network: Network
    dynamics: Dynamics = Dynamics()  # pyright: ignore[reportCallIssue]
    solver: Solver = Solver()  # pyright: ignore[reportCallIssue]
    theory: Theory = Theory()  # pyright: ignore[reportCallIssue]
    picture: Picture = Picture()  # pyright: ignore[reportCallIssue]
    compare: list[Compared] = Field([], description="several runs instead of one")

    @model_validator(mode="after")
    def _names_differ(self) -> Spec:
        names = [run.name for run in self.compare]
        twice = next((name for name in names if not name or names.count(name) > 1), None)
        if twice is not None:
            raise ArgumentError("compare.name", "be there and differ from run to run", twice)
        return self

    @model_validator(mode="after")
    def _decay_has_an_end(self) -> Spec:
        decay = self.dynamics.weight_decay
        if decay > 0 and self.compare:
            raise ArgumentError("dynamics.weight_decay", "be 0 where several runs are compared", decay)
        if decay > 0 and self.dynamics.until == "auto":
            must = "be a number with weight decay, which keeps the cost from its minimum"
            raise ArgumentError("dynamics.until", must, "auto")
        return self

    @model_validator(mode="after")
    def _steps_have_a_length(self) -> Spec:
        self.dynamics.refuse_what_is_not_of_its_kind(self.dynamics.until, self.solver)
        if self.dynamics.kind != "flow" and self.compare:
            raise ArgumentError("dynamics.kind", 'be "flow" where several runs are compared', self.dynamics.kind)
        return self

    @model_validator(mode="after")
    def _limit_is_known(self) -> Spec:
        if not self.network.limit:
            return self
        if self.network.depth != 2:
            raise ArgumentError("network.depth", "be 2 with network.limit", self.network.depth)
        if self.compare:
            raise ArgumentError("network.limit", "be false where several runs are compared", True)
        if self.dynamics.weight_decay > 0:
            raise ArgumentError("dynamics.weight_decay", "be 0 with network.limit", self.dynamics.weight_decay)
        if self.dynamics.kind != "flow":
            raise ArgumentError("dynamics.kind", 'be "flow" with network.limit', self.dynamics.kind)
        if self.dynamics.until == "auto":
            raise ArgumentError("dynamics.until", "be a number with network.limit", "auto")
        return self

    def networks(self) -> dict[str, tuple[Network, float | str]]:
        """Return the network and the time range of every run by its name, "" for a single run.

        >>> from saddlescope.specs import read
        >>> [network.gamma for network, until in read("saddle_to_saddle").networks().values()]
        [2.0]
        """
        if not self.compare:
            return {"": (self.network, self.dynamics.until)}
        results = {}
        for run in self.compare:
            changes = run.model_dump(exclude_none=True, exclude={"name", "until"})
            until = self.dynamics.until if run.until is None else run.until
            results[run.name] = self.network.model_copy(update=changes), until
        return results

    def flow(self, cost: Cost, network: Network) -> DeepLinearFlow | GradientDescent | WideLinearFlow:
        """Return the dynamics of one of the networks, ready to be solved.

        Raises:
            ArgumentError: if gamma and scale make a start that a float cannot hold, or the steps are refused.
        """
        from saddlescope.deep_linear import DeepLinearFlow, GradientDescent, WideLinearFlow

        size = math.log10(network.scale) - network.gamma / 2 * math.log10(network.width)
        if abs(size) * network.depth > _LARGEST:
            must = f"leave weights a float can multiply (here they are of size 1e{size:.0f})"
            # of the two, the one that the size comes from
            by_scale = abs(math.log10(network.scale)) > abs(network.gamma / 2 * math.log10(network.width))
            name, value = ("scale", network.scale) if by_scale else ("gamma", network.gamma)
            raise ArgumentError(f"network.{name}", must, value)
        if network.limit:
            k = network.scale**2 * network.width ** (1 - network.gamma)
            try:
                return WideLinearFlow(cost, scale=k**0.5)
            except ArgumentError:
                must = f"be another one with network.limit: k = scale^2 width^(1 - gamma) is {k:.1e}, out of range"
                raise ArgumentError("network.scale", must, network.scale) from None
        compress = "auto" if self.solver.compress else False
        start = {
            **network.model_dump(exclude={"limit"}),
            "compress": compress,
            "weight_decay": self.dynamics.weight_decay,
        }
        if self.dynamics.kind == "flow":
            return DeepLinearFlow(cost, **start)
        return GradientDescent(cost, **start, **self.dynamics.steps())

    def solve_arguments(self) -> dict[str, Any]:
        """Return the arguments of `solve` other than the flow and the end of the time range."""
        known = self.solver.model_dump(exclude={"learnt", "compress", "cost_below", *self.dynamics.not_of_steps})
        return {**known, "risk_below": self.solver.cost_below}
