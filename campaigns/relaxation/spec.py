"""Specs of the family: the rate of a decay, and what goes wrong."""

from typing import Literal

from pydantic import Field

from saddlescope.specs.checks import Count, CountFromZero, Positive, Table, Text
from saddlescope.specs.run_spec import RunSpec


class Dynamics(Table):
    """How it relaxes."""

    rate: Positive = Field(description="of the decay")
    amplitude: Positive = Field(1.0, description="at the start")
    seed: CountFromZero = Field(0, description="of nothing")
    terms: Count = Field(1, description="rows of the table")
    runs: Count = Field(1, description="trajectories that it makes")
    seconds: Positive | None = Field(None, description="that it takes")
    fault: Text = Field("", description="what goes wrong")
    at: Positive = Field(1e300, description="rates from which that happens")


class Spec(RunSpec):
    """An exponential decay."""

    family: Literal["relaxation"] = Field("relaxation", description="which family of problems")  # pyright: ignore
    dynamics: Dynamics
