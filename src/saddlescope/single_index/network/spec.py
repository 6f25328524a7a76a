"""Specs of networks as they are: one problem, several descriptions of its learning on one axis of time."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from saddlescope.arguments import ArgumentError, count, finite
from saddlescope.single_index.problem.rate_ratio import FIXED, rate_ratio
from saddlescope.single_index.spec import Function, LawTable, Levels
from saddlescope.specs.checks import (
    Count,
    CountFromTwo,
    CountFromZero,
    Flag,
    Fraction,
    Numbers,
    Positive,
    RelativeTolerance,
    SolverMethod,
    Table,
    Text,
    checked,
    numbers,
)
from saddlescope.specs.run_spec import Range, RunSpec
from saddlescope.specs.settings import settings

Kind = Literal["mean_field", "network", "sgd", "samples"]
Method = Literal["auto", "direct", "gram"]
Start = Literal["sphere", "orthogonal", "gaussian"]

# what each description can be told, and what it must be told
_NETWORK = frozenset({"neurons", "dimension", "runs", "seed", "sphere", "norm", "biases", "inputs"})
_TAKES: dict[str, frozenset[str]] = {
    "mean_field": frozenset(),
    "network": _NETWORK | {"start"},
    "sgd": _NETWORK | {"step_size", "batch_size", "label_noise", "method"},
    "samples": _NETWORK | {"step_size", "samples", "label_noise"},
}
_NEEDS: dict[str, tuple[str, ...]] = {
    "mean_field": (),
    "network": ("neurons", "dimension"),
    "sgd": ("neurons", "dimension", "step_size"),
    "samples": ("neurons", "dimension", "step_size", "samples"),
}


def _dimension(value: Any, info: ValidationInfo) -> int | float:
    if isinstance(value, float) and math.isinf(value) and value > 0:
        return value
    try:
        return count(str(info.field_name), value)
    except ArgumentError:
        must = "be a whole number of at least 1, or inf"
        raise ArgumentError(str(info.field_name), must, value) from None


def _directions(value: Any, info: ValidationInfo) -> int | list[list[float]]:
    if isinstance(value, list):
        rows = [list(row) if isinstance(row, list) else row for row in value]
        if not all(isinstance(row, list) and len(row) == len(rows) for row in rows):
            raise ArgumentError(str(info.field_name), "be a number or a square matrix of overlaps", value)
        return [[finite(str(info.field_name), entry) for entry in row] for row in rows]
    try:
        return count(str(info.field_name), value)
    except ArgumentError:
        must = "be a whole number of at least 1, or a matrix of overlaps"
        raise ArgumentError(str(info.field_name), must, value) from None


def _noise(value: Any, info: ValidationInfo) -> float:
    noise = finite(str(info.field_name), value)
    if noise < 0:
        raise ArgumentError(str(info.field_name), "not be negative", noise)
    return noise


def _biases(value: Any, info: ValidationInfo) -> float | str | dict[str, Any]:
    if isinstance(value, str) or (isinstance(value, dict) and "law" in value):
        return value
    try:
        return finite(str(info.field_name), value)
    except ArgumentError:
        must = 'be a number, or a table such as {law = "normal", std = 1.0}'
        raise ArgumentError(str(info.field_name), must, value) from None


def _inputs(value: Any, info: ValidationInfo) -> list[float] | dict[str, Any]:
    if isinstance(value, dict):
        return value
    must = "be a list of eigenvalues, or a table such as {power_law = 1.0, number = 100} or {distance = 1.5}"
    return numbers(str(info.field_name), value, must)


Biases = Annotated[float | str | dict[str, Any], BeforeValidator(_biases)]
Inputs = Annotated[list[float] | dict[str, Any], BeforeValidator(_inputs)]
RateRatio = Annotated[float, checked(rate_ratio)]
Dimension = Annotated[int | float, BeforeValidator(_dimension)]
Directions = Annotated[int | list[list[float]], BeforeValidator(_directions)]
Noise = Annotated[float, BeforeValidator(_noise)]


class Problem(Table):
    """What is learnt, and by which activation."""

    link: Function | None = Field(
        None, description="what is learnt: Hermite coefficients [phi_0, phi_1, ...] or a name"
    )
    target: Text | None = Field(
        None, description="what is learnt of several directions at once: z1 + z1*z2 and the like"
    )
    activation: Function = Field(description="what learns it: Hermite coefficients or a name such as relu")
    directions: Directions = Field(1, description="number p of orthogonal teacher directions, or their overlaps")
    weights: Numbers | None = Field(None, description="weights b of the directions in (1/p) sum_r b_r phi; else ones")

    @model_validator(mode="after")
    def _one_is_learnt(self) -> Problem:
        if self.target is None:
            if self.link is None:
                raise ArgumentError("link", "be given, or else target", None)
            return self
        for name, value in (("link", self.link), ("weights", self.weights)):
            if value is not None:
                raise ArgumentError(name, "not be given together with target", value)
        if self.directions != 1:
            raise ArgumentError("directions", "not be given with a target, which says itself", self.directions)
        return self

    def made(self) -> Any:
        """Return the problem itself.

        Raises:
            ArgumentError: if a function is not known or the target is no polynomial of two directions or more.
        """
        from saddlescope.single_index import JointIndex, MultiIndex, SingleIndex

        if self.target is not None:
            return JointIndex(self.target, self.activation)
        if self.single:
            return SingleIndex(link=self.link, activation=self.activation)
        return MultiIndex(self.link, self.activation, self.directions, self.weights)

    @property
    def p(self) -> int:
        """The number of directions."""
        if self.target is not None:
            return len(self.made().gram)
        return self.directions if isinstance(self.directions, int) else len(self.directions)

    @property
    def single(self) -> bool:
        """Whether this is a single-index problem, for which there is a mean-field limit and a predicted order."""
        return self.target is None and self.p == 1 and self.weights is None


class Dynamics(Table):
    """How it starts and moves; what a run does not say itself."""

    kind: Kind = Field("network", description="which description, where there is no [[run]]")
    epsilon: RateRatio | None = Field(
        None, description="learning-rate ratio; the second layer learns 1/epsilon times faster, not at all at inf"
    )
    until: Positive = Field(description="end of the time range; of sgd, time is step number times step size")
    second_layer: LawTable = Field(
        {"law": "uniform", "low": -(3**0.5), "high": 3**0.5},
        description='law of the second layer at the start; or "fixed": it stays at ones, as with epsilon = inf',
    )
    neurons: Count | None = Field(None, description="m")
    dimension: Dimension | None = Field(None, description="d; inf for network only")
    step_size: Positive | None = Field(None, description="time of a step of sgd or samples")
    batch_size: Count = Field(1, description="fresh samples a step of sgd")
    samples: Count | None = Field(None, description="number of samples that descent on fixed samples has")
    label_noise: Noise = Field(0.0, description="standard deviation of noise on labels; risks are without it")
    runs: Count = Field(1, description="independent runs, with the seeds seed, seed + 1, ...")
    seed: CountFromZero = Field(0, description="of start and samples; runs of one seed start alike")
    method: Method = Field("auto", description="of sgd: direct draws all d coordinates, gram what matters of them")
    start: Start = Field(
        "sphere", description="of network: random directions, orthogonal ones, or (of free norm) Gaussian coordinates"
    )
    sphere: Flag = Field(True, description="whether neurons keep their norm one; if not, it is free")
    norm: Positive = Field(1.0, description="of the neurons at the start, where it is free")
    biases: Biases | None = Field(
        None, description="start of b in sigma(<u, x> + b): a number or a law; without it neurons have none"
    )
    inputs: Inputs | None = Field(
        None,
        description="covariance of x, for neurons of free norm: eigenvalues, or a table of {eigenvalues, shares, "
        "teacher}, {power_law, number} or {file} of samples; without it the identity; or, for network, a mixture of "
        "two clouds: {distance, teacher, weights}",
    )


class Run(Table):
    """One description: which, and what differs from the table `dynamics`."""

    name: Text = Field(description="name of the run in table and pictures")
    kind: Kind = Field(description="mean_field: m, d infinite; network: flow; sgd: fresh samples; samples: fixed ones")
    neurons: Count | None = Field(None, description="instead of dynamics.neurons")
    dimension: Dimension | None = Field(None, description="instead of dynamics.dimension")
    step_size: Positive | None = Field(None, description="instead of dynamics.step_size")
    batch_size: Count | None = Field(None, description="instead of dynamics.batch_size")
    samples: Count | None = Field(None, description="instead of dynamics.samples")
    label_noise: Noise | None = Field(None, description="instead of dynamics.label_noise")
    runs: Count | None = Field(None, description="instead of dynamics.runs")
    seed: CountFromZero | None = Field(None, description="instead of dynamics.seed")
    method: Method | None = Field(None, description="instead of dynamics.method")
    start: Start | None = Field(None, description="instead of dynamics.start")
    sphere: Flag | None = Field(None, description="instead of dynamics.sphere")
    norm: Positive | None = Field(None, description="instead of dynamics.norm")
    biases: Biases | None = Field(None, description="instead of dynamics.biases")
    inputs: Inputs | None = Field(None, description="instead of dynamics.inputs")


class Solver(Table):
    """How it is solved."""

    rtol: RelativeTolerance = Field(1e-6, description="relative tolerance of a step of a flow")
    method: SolverMethod | None = Field(None, description="a method of ss.method; by default that of the structure")
    states: CountFromTwo = Field(100, description="number of saved states")
    max_steps: Count = Field(1_000_000, description="limit on attempted steps of a flow")


class Theory(Table):
    """What it is compared with."""

    levels: Levels = Field(3, description="of single-index problems: predict the degrees up to this one")
    fraction: Fraction = Field(0.5, description="a degree is learnt when its residual is this fraction of its target")


class Picture(Table):
    """What is drawn."""

    scale: Literal["linear", "log"] = Field("linear", description="axis of the risk")
    order_parameters: Flag | None = Field(
        None, description="draw overlaps of neurons with teachers; by default for more than one teacher"
    )


class Spec(RunSpec):
    """Descriptions of one problem on one axis of time: mean-field, network, SGD, descent on samples."""

    FILES: ClassVar = (
        "trajectory_*.nc",
        "stages.json",
        "descriptions.png",
        "directions.png",
        "order_parameters*.png",
        "spec.toml",
    )

    NAME: ClassVar = "Networks and SGD"
    PATHS: ClassVar = ("dynamics.inputs.file", "run.inputs.file")
    RANGES: ClassVar = {
        "dynamics.epsilon": Range(1e-6, 1.0, log=True, most=1e6),
        "dynamics.until": Range(1e-2, 1e3, log=True, unit="paper's time", most=1e5),
        "dynamics.neurons": Range(1, 200, log=True, most=1000),
        "dynamics.dimension": Range(10, 1e9, log=True, most=1e15),
        "dynamics.step_size": Range(1e-6, 1e-1, log=True, unit="time a step", most=1e3),
        "dynamics.batch_size": Range(1, 100, log=True, most=10_000),
        "dynamics.samples": Range(10, 5000, log=True, most=20_000),
        "dynamics.label_noise": Range(0.0, 1.0, most=100.0),
        "dynamics.runs": Range(1, 8, most=8),
        "dynamics.norm": Range(1e-3, 1.0, log=True, most=100.0),
        "solver.rtol": Range(1e-9, 1e-3, log=True, most=1.0),
        "solver.states": Range(10, 300, most=400),
        "solver.max_steps": Range(1e3, 1e5, log=True, most=1e6),
        "theory.levels": Range(0, 4, most=6),
        "theory.fraction": Range(0.05, 0.95, most=1.0),
    }

    family: Literal["network"] = Field("network", description="which family of problems")  # pyright: ignore
    problem: Problem
    dynamics: Dynamics
    run: list[Run] = Field([], description="several descriptions instead of one")
    solver: Solver = Solver()  # pyright: ignore[reportCallIssue]
    theory: Theory = Theory()  # pyright: ignore[reportCallIssue]
    picture: Picture = Picture()  # pyright: ignore[reportCallIssue]

    @model_validator(mode="after")
    def _epsilon_is_known(self) -> Spec:
        how = self.dynamics
        if how.second_layer == FIXED and how.epsilon not in (None, math.inf):
            raise ArgumentError("dynamics.epsilon", f'be inf or left out beside second_layer = "{FIXED}"', how.epsilon)
        if how.second_layer != FIXED and how.epsilon is None:
            raise ArgumentError("dynamics.epsilon", f'be given (or else second_layer = "{FIXED}")', None)
        return self

    @model_validator(mode="after")
    def _runs_can_be_made(self) -> Spec:
        names = [run.name for run in self.run]
        twice = next((name for name in names if not name or names.count(name) > 1), None)
        if twice is not None:
            raise ArgumentError("run.name", "be there and differ from run to run", twice)
        for run in self.run:
            given = run.model_dump(exclude_none=True, exclude={"name", "kind"})
            for key in given:
                if key not in _TAKES[run.kind]:
                    must = f"not be given in run {run.name!r}, since {run.kind} has none"
                    raise ArgumentError(f"run.{key}", must, given[key])
        for name, (kind, told) in self.descriptions().items():
            where = f"run {name!r}" if self.run else f"dynamics.kind {kind!r}"
            if kind == "mean_field" and not self.problem.single and self.problem.target is None:
                must = f'be another one than "mean_field" for {where}, as that is for one direction of weight one'
                raise ArgumentError("run.kind" if self.run else "dynamics.kind", must, kind)
            how = self.dynamics
            if kind == "mean_field" and not how.sphere:
                must = f"be true for {where}, as the mean-field flow is that of neurons on the sphere"
                raise ArgumentError("dynamics.sphere", must, how.sphere)
            if kind == "mean_field" and how.biases is not None:
                must = f"not be given for {where}, as the mean-field flow is that of neurons without"
                raise ArgumentError("dynamics.biases", must, how.biases)
            if kind == "mean_field" and how.inputs is not None:
                must = f"not be given for {where}, as the mean-field flow is that of isotropic inputs"
                raise ArgumentError("dynamics.inputs", must, how.inputs)
            # what two keys forbid together is refused here, where a sweep looks at every task
            own = next((run.model_dump(exclude_none=True) for run in self.run if run.name == name), {})
            at = {key: f"run.{key}" if key in own else f"dynamics.{key}" for key in ("norm", "start", "sphere")}
            if told.get("sphere") and told["norm"] != 1:
                must = f"be 1 for {where} while neurons keep their norm one (sphere = false frees it)"
                raise ArgumentError(at["norm"], must, told["norm"])
            if told.get("sphere") and told.get("start") == "gaussian":
                must = f'not be "gaussian" for {where} while neurons keep their norm one (sphere = false frees it)'
                raise ArgumentError(at["start"], must, told["start"])
            if told.get("sphere") and told.get("inputs") is not None:
                must = f"be false for {where} beside inputs that are not isotropic"
                raise ArgumentError(at["sphere"], must, True)
            for key in _NEEDS[kind]:
                if key not in told:
                    must = f"be given for {where}, here or for all runs as dynamics.{key}"
                    raise ArgumentError(f"run.{key}" if self.run else f"dynamics.{key}", must, None)
        return self

    def descriptions(self) -> dict[str, tuple[Kind, dict[str, Any]]]:
        """Return the kind of every run and what it is told, by its name.

        >>> from saddlescope.specs import read
        >>> [kind for kind, told in read("sgd_on_the_ladder").descriptions().values()][:2]
        ['mean_field', 'network']
        """
        # in the order of the keys, so that files and checkpoints do not depend on the process
        keys = [s.name for s in settings(Run) if s.name not in ("name", "kind")]
        common = self.dynamics.model_dump()
        results: dict[str, tuple[Kind, dict[str, Any]]] = {}
        for run in self.run or [Run(name=self.dynamics.kind, kind=self.dynamics.kind)]:  # pyright: ignore
            own = common | run.model_dump(exclude_none=True)
            results[run.name] = run.kind, {k: own[k] for k in keys if k in _TAKES[run.kind] and own[k] is not None}
        return results

    def flows(self) -> dict[str, list[Any]]:
        """Return the dynamics of every run by its name; several network flows of one run differ in their seed.

        Raises:
            ArgumentError: if a function or a law is not known, or a run cannot be made.
        """
        problem = self.problem.made()
        return {name: self._made(name, problem, kind, told) for name, (kind, told) in self.descriptions().items()}

    def _made(self, name: str, problem: Any, kind: Kind, told: dict[str, Any]) -> list[Any]:
        from saddlescope.single_index import MeanFieldFlow, NetworkFlow, OnePassSGD, SampleDescent

        how = self.dynamics
        try:
            if kind == "mean_field":
                return [MeanFieldFlow(problem, how.epsilon, how.second_layer)]
            if kind == "sgd":
                return [OnePassSGD(problem, how.epsilon, second_layer=how.second_layer, **told)]
            if kind == "samples":
                return [SampleDescent(problem, how.epsilon, second_layer=how.second_layer, **told)]
            seeds = range(told["seed"], told["seed"] + told["runs"])
            rest = {k: v for k, v in told.items() if k not in ("seed", "runs")}
            # the flow tells infinity from a whole number by its type
            return [
                NetworkFlow(problem, how.epsilon, second_layer=how.second_layer, seed=seed, **rest) for seed in seeds
            ]
        except ArgumentError as error:
            if error.argument not in told:
                raise
            where = f"of run {name!r} " if self.run else ""
            own = f"Argument `{error.argument}`"
            error.args = (str(error).replace(own, f"Argument `{error.argument}` {where}".rstrip(), 1),)
            raise
