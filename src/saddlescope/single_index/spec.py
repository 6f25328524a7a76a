"""Specs of single-index problems: what is learnt, how it starts, how it is solved, compared and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, count
from saddlescope.specs.checks import (
    Count,
    CountFromTwo,
    CountFromZero,
    Flag,
    Fraction,
    Positive,
    RelativeTolerance,
    SolverMethod,
    Table,
    checked,
    numbers,
)
from saddlescope.specs.run_spec import Range, RunSpec

if TYPE_CHECKING:
    from saddlescope.single_index import MeanFieldFlow


def _function(value: Any, info: ValidationInfo) -> str | list[float]:
    name = str(info.field_name)
    if isinstance(value, str):
        return value
    return numbers(name, value, "be a name or a list of Hermite coefficients")


def _law(value: Any, info: ValidationInfo) -> str | dict[str, Any]:
    if not isinstance(value, str | dict):
        raise ArgumentError(str(info.field_name), 'be a table such as {law = "uniform", low = -1, high = 1}', value)
    return value


def _particles(value: Any, info: ValidationInfo) -> int | str:
    if value == "auto":
        return value
    try:
        return count(str(info.field_name), value)
    except ArgumentError:
        must = 'be "auto" or a whole number of at least 1'
        raise ArgumentError(str(info.field_name), must, value) from None


Levels = Annotated[int, checked(count, least=0, most=6)]
Function = Annotated[str | list[float], BeforeValidator(_function)]
LawTable = Annotated[str | dict[str, Any], BeforeValidator(_law)]
Particles = Annotated[int | Literal["auto"], BeforeValidator(_particles)]


class Problem(Table):
    """What is learnt, and by which activation."""

    link: Function = Field(description="what is learnt: Hermite coefficients [phi_0, phi_1, ...] or a name")
    activation: Function = Field(description="what learns it: Hermite coefficients or a name such as relu")


class Dynamics(Table):
    """How it starts and moves."""

    kind: Literal["mean_field"] = Field("mean_field", description="which dynamics")
    epsilon: Positive = Field(description="learning-rate ratio; the second layer learns 1/epsilon times faster")
    until: Positive = Field(description="end of the time range, in the paper's time")
    second_layer: LawTable = Field(
        {"law": "uniform", "low": -(3**0.5), "high": 3**0.5},
        description="law of the second layer at the start",
    )
    particles: Particles = Field("auto", description="nodes of the law; auto refines them until the answer stands")
    neurons: Count | None = Field(None, description="instead of nodes, this many neurons sampled from the law")
    seed: CountFromZero = Field(0, description="seed of that sample")
    tolerance: Fraction = Field(1e-4, description="relative change of learning times at which refinement ends")

    @model_validator(mode="after")
    def _particles_or_neurons(self) -> Dynamics:
        if self.neurons is not None and self.particles != "auto":
            raise ArgumentError("neurons", "be given without `particles`", self.neurons)
        return self


class Solver(Table):
    """How it is solved."""

    rtol: RelativeTolerance = Field(1e-6, description="relative tolerance of a step")
    atol: Fraction | None = Field(None, description="absolute tolerance; by default tied to the scale of the state")
    method: SolverMethod | None = Field(None, description="a method of ss.method; by default that of the structure")
    states: CountFromTwo = Field(100, description="number of saved states")
    risk_below: Positive | None = Field(None, description="stop when the risk is at or below this")
    stop_when_still: Flag = Field(False, description="stop when nothing more can happen")
    max_steps: Count = Field(1_000_000, description="limit on attempted steps")


class Theory(Table):
    """What it is compared with."""

    levels: Levels = Field(3, description="predict the degrees up to this one; 0 for degree 0 alone")
    fraction: Fraction = Field(0.5, description="a degree is learnt when its residual is this fraction of its target")


class Picture(Table):
    """What is drawn."""

    scale: Literal["linear", "log"] = Field("linear", description="linear: risk stacked by degree; log: one line each")
    overlaps: Flag = Field(False, description="draw overlaps.png too: which neurons carry the action")


class Spec(RunSpec):
    """One run of a single-index problem: problem, dynamics, solver, theory and picture."""

    FILES: ClassVar = ("trajectory.nc", "stages.json", "ladder.png", "overlaps.png", "spec.toml")
    NAME: ClassVar = "Two-layer ladder"
    RANGES: ClassVar = {
        "dynamics.epsilon": Range(1e-14, 1.0, log=True, most=1e6),
        "dynamics.until": Range(1e-3, 1e3, log=True, unit="paper's time", most=1e6),
        "dynamics.particles": Range(16, 1024, log=True, most=4096),
        "dynamics.neurons": Range(4, 1024, log=True, most=4096),
        "dynamics.tolerance": Range(1e-6, 1e-2, log=True, most=1.0),
        "solver.rtol": Range(1e-10, 1e-3, log=True, most=1.0),
        "solver.states": Range(10, 300, most=400),
        "solver.max_steps": Range(1e3, 1e5, log=True, most=1e6),
        "theory.levels": Range(0, 4, most=6),
        "theory.fraction": Range(0.05, 0.95, most=1.0),
    }

    problem: Problem
    dynamics: Dynamics
    solver: Solver = Solver()  # pyright: ignore[reportCallIssue]
    theory: Theory = Theory()  # pyright: ignore[reportCallIssue]
    picture: Picture = Picture()  # pyright: ignore[reportCallIssue]

    def flow(self) -> MeanFieldFlow:
        """Return the dynamics, ready to be solved.

        Raises:
            ArgumentError: if a function or a law is not known, or a value is refused.

        Example:
            >>> from saddlescope.specs import read
            >>> read("canonical").flow().epsilon
            1e-08
        """
        from saddlescope.single_index import MeanFieldFlow, SingleIndex

        how = self.dynamics
        return MeanFieldFlow(
            SingleIndex(link=self.problem.link, activation=self.problem.activation),
            how.epsilon,
            how.second_layer,
            how.particles,
            neurons=how.neurons,
            seed=how.seed,
            tolerance=how.tolerance,
        )

    def solve_arguments(self) -> dict[str, Any]:
        """Return the arguments of `solve` other than the flow."""
        return {"until": self.dynamics.until, **self.solver.model_dump()}
