"""Specs of the phase diagram of deep linear networks: distances at the start, over gamma and width."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, count
from saddlescope.specs.checks import Count, CountFromTwo, CountFromZero, Numbers, Table
from saddlescope.specs.run_spec import RunSpec

_LARGEST = 100  # decades that the product of all layers may be away from one


def _widths(value: Any, info: ValidationInfo) -> list[int]:
    name = str(info.field_name)
    if not isinstance(value, list) or len(value) < 2:
        raise ArgumentError(name, "be a list of at least two widths", value)
    widths = [count(name, entry) for entry in value]
    if sorted(set(widths)) != widths:
        raise ArgumentError(name, "rise from width to width", value)
    return widths


class Problem(Table):
    """The target of whitened least squares; only its singular values matter."""

    singular_values: Numbers = Field(description="of the target S in C(A) = |A - S|^2 / 2")

    @model_validator(mode="after")
    def _positive(self) -> Problem:
        if min(self.singular_values) <= 0:
            raise ArgumentError("singular_values", "be positive", self.singular_values)
        return self


class Network(Table):
    """The networks whose start is looked at."""

    depth: CountFromTwo = Field(description="number of layers L")
    samples: Count = Field(1, description="starts to average over")
    seed: CountFromZero = Field(0, description="seed of the first of them")


class Grid(Table):
    """Where to look."""

    gammas: Numbers = Field(description="weights start with variance width^-gamma")
    widths: Annotated[list[int], BeforeValidator(_widths)] = Field(description="of the hidden layers, rising")


class Spec(RunSpec):
    """Distances to the global minima and to the saddles, over gamma and width."""

    FILES: ClassVar = ("distances.json", "phase_diagram.png", "spec.toml")

    family: Literal["deep_linear_distances"] = Field("deep_linear_distances", description="which family of problems")  # pyright: ignore
    problem: Problem
    network: Network
    grid: Grid

    @model_validator(mode="after")
    def _has_starts(self) -> Spec:
        gammas, size = self.grid.gammas, math.log10(self.grid.widths[-1]) * self.network.depth / 2
        if len(set(gammas)) < len(gammas):
            raise ArgumentError("grid.gammas", "differ from each other", gammas)
        if max(map(abs, gammas)) * size > _LARGEST:
            must = f"leave weights a float can multiply at width {self.grid.widths[-1]}"
            raise ArgumentError("grid.gammas", must, gammas)
        rank = len(self.problem.singular_values)
        if self.grid.widths[0] < rank:
            raise ArgumentError("grid.widths", f"be at least the rank {rank} of the target", self.grid.widths)
        return self
