"""The tables of a spec file, with the meaning, the default and the check of every key.

Only types and ranges are checked here; names of functions and laws are checked when the flow is made, still
before any work starts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, count, fraction, positive, vector


def _checked(check: Any, **limits: Any) -> BeforeValidator:
    def checked(value: Any, info: ValidationInfo) -> Any:
        try:
            return check(info.field_name, value, **limits)
        except OverflowError:
            raise ArgumentError(str(info.field_name), "fit into a float", f"{str(value)[:8]}...") from None

    return BeforeValidator(checked)


def _flag(value: Any, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(str(info.field_name), "be true or false", value)
    return value


def _text(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise ArgumentError(str(info.field_name), "be a text in quotes", value)
    return value


def _function(value: Any, info: ValidationInfo) -> str | list[float]:
    name = str(info.field_name)
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or any(isinstance(entry, bool) for entry in value):
        raise ArgumentError(name, "be a name or a list of Hermite coefficients", value)
    return vector(name, value).tolist()


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


Positive = Annotated[float, _checked(positive)]
Fraction = Annotated[float, _checked(fraction)]
Count = Annotated[int, _checked(count)]
CountFromZero = Annotated[int, _checked(count, least=0)]
Levels = Annotated[int, _checked(count, least=0, most=6)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Function = Annotated[str | list[float], BeforeValidator(_function)]
LawTable = Annotated[str | dict[str, Any], BeforeValidator(_law)]
Particles = Annotated[int | Literal["auto"], BeforeValidator(_particles)]


class Table(BaseModel):
    """A table of a spec: no unknown keys, not to be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    rtol: Fraction = Field(1e-6, description="relative tolerance of a step")
    atol: Fraction | None = Field(None, description="absolute tolerance; by default tied to the scale of the state")
    states: Annotated[int, _checked(count, least=2)] = Field(100, description="number of saved states")
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


class RunSpec(Table):
    """One run: problem, dynamics, solver, theory and picture."""

    title: Text = Field("", description="one line for lists and pictures")
    problem: Problem
    dynamics: Dynamics
    solver: Solver = Solver()  # pyright: ignore[reportCallIssue]
    theory: Theory = Theory()  # pyright: ignore[reportCallIssue]
    picture: Picture = Picture()  # pyright: ignore[reportCallIssue]

    def plain(self) -> dict[str, Any]:
        """All keys with their values, defaults included, as nested tables; keys without a value are left out.

        >>> from saddlescope.specs import read
        >>> read("canonical").plain()["theory"]
        {'levels': 3, 'fraction': 0.5}
        """
        return self.model_dump(exclude_none=True)
