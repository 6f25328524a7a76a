"""Specs of diagonal linear networks: a regression, the scale of the start, and how far to follow the flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, positive
from saddlescope.specs.checks import (
    Count,
    CountFromTwo,
    CountFromZero,
    Flag,
    Fraction,
    Matrix,
    Numbers,
    Positive,
    RelativeTolerance,
    SolverMethod,
    Table,
)
from saddlescope.specs.run_spec import Range, RunSpec
from saddlescope.specs.steps import Steps

if TYPE_CHECKING:
    import numpy as np

    from saddlescope.diagonal_linear import DiagonalDescent, DiagonalFlow


def _until(value: Any, info: ValidationInfo) -> float | str:
    if value == "auto":
        return value
    try:
        return positive(str(info.field_name), value)
    except ArgumentError:
        raise ArgumentError(str(info.field_name), 'be "auto" or a positive number', value) from None


class Given(Table):
    """A regression that is given."""

    kind: Literal["given"] = Field(description="a regression, L(beta) = |X beta - y|^2 / (2n)")
    inputs: Matrix = Field(description="X, a list of rows, one an example")
    outputs: Numbers = Field(description="y, one number an example")

    @model_validator(mode="after")
    def _fits(self) -> Given:
        if len(self.outputs) != len(self.inputs):
            raise ArgumentError("outputs", f"have one number per example, {len(self.inputs)} of them", self.outputs)
        return self

    def regression(self) -> tuple[Any, Any]:
        """Return X, shape (n, d), and y, shape (n,)."""
        return self.inputs, self.outputs


class Sparse(Table):
    """A random sparse regression without noise."""

    kind: Literal["sparse"] = Field(description="random Gaussian inputs, outputs by few of their coordinates")
    examples: Count = Field(description="number n of examples")
    dimension: Count = Field(description="number d of coordinates")
    coefficients: Numbers = Field(description="of the first coordinates; all others have none")
    seed: CountFromZero = Field(0, description="seed of the inputs")

    @model_validator(mode="after")
    def _fits(self) -> Sparse:
        if len(self.coefficients) > self.dimension:
            raise ArgumentError("coefficients", f"be at most {self.dimension} numbers", self.coefficients)
        if not any(self.coefficients):
            raise ArgumentError("coefficients", "not all be zero", self.coefficients)
        return self

    def regression(self) -> tuple[np.ndarray, np.ndarray]:
        """Return X, shape (n, d), and y, shape (n,)."""
        from saddlescope.diagonal_linear.problem.regression import sparse_regression

        return sparse_regression(self.examples, self.dimension, self.coefficients, self.seed)


class Network(Table):
    """How the weights make the coefficients."""

    depth: CountFromTwo = Field(2, description="number of layers L")
    parametrization: Literal["product", "difference"] = Field(
        "product", description="product: beta = u_1 * ... * u_L; difference: beta = u^L - v^L"
    )


class Start(Table):
    """The start: u_l = sqrt(2) alpha and u_L = 0 of a product, u = v = alpha of a difference."""

    log_scale: Positive = Field(description="ln(1/alpha); larger is nearer to the limit, 1000 is no trouble")


class Dynamics(Steps):
    """What moves the weights, and for how long."""

    until: Annotated[float | Literal["auto"], BeforeValidator(_until)] = Field(
        "auto",
        description="end, on the clock of the jumps (of u * v, in units of ln(1/alpha)); auto: after the last jump",
    )


class Solver(Table):
    """How it is solved."""

    rtol: RelativeTolerance = Field(1e-6, description="relative tolerance of a step")
    atol: Fraction | None = Field(None, description="absolute tolerance; by default tied to the scale of the start")
    method: SolverMethod | None = Field(None, description="a method of ss.method; by default that of the structure")
    states: CountFromTwo = Field(20, description="number of saved states")
    cost_below: Positive | None = Field(None, description="stop when the cost is at or below this")
    max_steps: Count = Field(1_000_000, description="limit on attempted steps")


class Theory(Table):
    """What it is compared with."""

    jumps: Flag = Field(True, description="predict the saddles that are visited, and when they are left")


class Picture(Table):
    """What is drawn."""

    scale: Literal["linear", "log"] = Field("linear", description="axis of the cost")


class Spec(RunSpec):
    """One run of a diagonal linear network."""

    FILES: ClassVar = ("trajectory.nc", "stages.json", "jumps.png", "spec.toml")
    NAME: ClassVar = "Diagonal"
    RANGES: ClassVar = {
        "problem.examples": Range(2, 60, most=300),
        "problem.dimension": Range(2, 80, most=400),
        "network.depth": Range(2, 5, most=10),
        "dynamics.learning_rate": Range(1e-4, 0.1, log=True, most=10.0),
        "dynamics.batch_size": Range(1, 60, log=True, most=1e4),
        "start.log_scale": Range(2.0, 1000.0, log=True, most=1e6),
        "dynamics.until": Range(0.5, 50.0, log=True, unit="ln(1/alpha)", most=1e4),
        "solver.rtol": Range(1e-9, 1e-3, log=True, most=1.0),
        "solver.states": Range(5, 100, most=200),
        "solver.max_steps": Range(1e3, 1e5, log=True, most=1e6),
    }

    family: Literal["diagonal_linear"] = Field("diagonal_linear", description="which family of problems")  # pyright: ignore
    problem: Given | Sparse = Field(discriminator="kind")
    network: Network = Network()  # pyright: ignore[reportCallIssue]
    start: Start
    dynamics: Dynamics = Dynamics()  # pyright: ignore[reportCallIssue]
    solver: Solver = Solver()  # pyright: ignore[reportCallIssue]
    theory: Theory = Theory()  # pyright: ignore[reportCallIssue]
    picture: Picture = Picture()  # pyright: ignore[reportCallIssue]

    @model_validator(mode="after")
    def _steps_have_a_length(self) -> Spec:
        self.dynamics.refuse_what_is_not_of_its_kind(self.dynamics.until, self.solver)
        return self

    def flow(self) -> DiagonalFlow | DiagonalDescent:
        """Return the dynamics, ready to be solved.

        Raises:
            ArgumentError: if there is nothing to learn, or the scale or the steps are out of range.
        """
        from saddlescope.diagonal_linear import DiagonalDescent, DiagonalFlow

        how = {"log_scale": self.start.log_scale, **self.network.model_dump()}
        if self.dynamics.kind == "flow":
            return DiagonalFlow(*self.problem.regression(), **how)
        return DiagonalDescent(*self.problem.regression(), **how, **self.dynamics.steps())

    def solve_arguments(self) -> dict[str, Any]:
        """Return the arguments of `solve` other than the flow and the end of the time range."""
        known = self.solver.model_dump(exclude={"cost_below", *self.dynamics.not_of_steps})
        return {**known, "risk_below": self.solver.cost_below}
