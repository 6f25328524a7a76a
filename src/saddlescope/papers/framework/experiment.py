"""An experiment: a claim, how it is run, and by which criterion, stated beforehand, it agrees or differs."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Value = float | int | str | bool


class Verdict(enum.Enum):
    """How what was measured stands to what is claimed."""

    AGREES = "agrees"
    WITHIN = "agrees within the stated finite-size error"
    DIFFERS = "differs"
    REFUTED = "fails, as it must"
    UNNOTICED = "agrees, and must not"


@dataclass(frozen=True)
class Criterion:
    """What is compared, how, and why so; written down before the run.

    Attributes:
        name: of the row, unique within its experiment.
        quantity: what is measured, in words.
        how: "relative" |m - c| / |c|, "absolute" |m - c|, "at most" m - c, "at least" c - m, or "equal".
        within: largest error at which the row agrees; 0 for "equal".
        reason: why this bound, in a sentence.
        claimed: the claimed value, where it is a number (or word) known before the run; else the run returns it.
        finite_size: for an asymptotic claim, the size of the run and the correction to expect; such a row agrees
            "within the stated finite-size error".
        known_difference: why the row is expected to differ; a row without one should agree.
        power: what wrong theory the row would have caught, in a few words.
        control: a negative control: the claim is wrong on purpose, and the row must fail by the same bound as the true
            one beside it.
    """

    name: str
    quantity: str
    how: Literal["relative", "absolute", "at most", "at least", "equal"]
    within: float
    reason: str
    claimed: Value | None = None
    finite_size: str = ""
    known_difference: str = ""
    power: str = ""
    control: bool = False

    @property
    def sentence(self) -> str:
        """The criterion in words."""
        bound = {
            "relative": f"relative error at most {self.within:g}",
            "absolute": f"absolute error at most {self.within:g}",
            "at most": "not above the claim" + (f" by more than {self.within:g}" if self.within else ""),
            "at least": "not below the claim" + (f" by more than {self.within:g}" if self.within else ""),
            "equal": "equal",
        }[self.how]
        return ". ".join(part.rstrip(".") for part in (bound, self.reason, self.finite_size) if part) + "."

    def error(self, claimed: Value, measured: Value) -> float:
        """Return the error that is compared with `within`; nan if a value is not a number."""
        if self.how == "equal":
            return 0.0 if claimed == measured else 1.0
        c, m = float(claimed), float(measured)
        if self.how == "relative":
            return abs(m - c) / abs(c) if c else math.inf
        if self.how == "absolute":
            return abs(m - c)
        return max(m - c if self.how == "at most" else c - m, 0.0) if math.isfinite(m) else math.nan

    def judge(self, claimed: Value, measured: Value) -> tuple[float, Verdict]:
        """Return the error and the verdict.

        >>> Criterion("p", "exponent", "absolute", 0.01, "rounding").judge(0.25, 0.2526)[1].value
        'agrees'
        """
        error = self.error(claimed, measured)
        if self.control:
            # what is not a number refutes nothing
            refuted = error > self.within if self.how == "equal" else self.within < error < math.inf
            return error, Verdict.REFUTED if refuted else Verdict.UNNOTICED
        if not error <= self.within:
            return error, Verdict.DIFFERS
        return error, Verdict.WITHIN if self.finite_size else Verdict.AGREES


@dataclass(frozen=True)
class Row:
    """One line of the ledger; plain values only.

    Attributes:
        id: "experiment/criterion".
        claim: the quantity compared.
        claimed, measured: the two values; words or numbers.
        error: in the sense of the criterion; None where it is not a number.
        verdict: value of a `Verdict`.
        why: of a row that differs.
        criterion: in words, with its reason.
        expected: whether the row is as expected: it agrees, or differs for a reason that was stated beforehand.
        seconds: of processor time of the experiment.
        power: what wrong theory the row would have caught.
    """

    id: str
    claim: str
    claimed: Value
    measured: Value
    error: float | None
    verdict: str
    why: str
    criterion: str
    expected: bool
    seconds: float
    power: str = ""


@dataclass(frozen=True)
class Result:
    """What a run measured.

    Attributes:
        measured: criterion name -> value.
        claimed: criterion name -> value, for claims that are themselves computed.
        curves: whatever the figure needs.
        doubts: sentences on what may be wrong with the run.
    """

    measured: Mapping[str, Value]
    claimed: Mapping[str, Value] = field(default_factory=dict)
    curves: Any = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A claim of a paper as a program.

    Attributes:
        title: a few words.
        claim: what is claimed, in our own words.
        source: paper, and section, theorem or figure.
        criteria: at least one; each gives a row.
        quick, full: parameters of the two versions, plain values, with the same keys.
        run: parameters -> what was measured.
        draw: what was measured -> a figure.
    """

    title: str
    claim: str
    source: str
    criteria: tuple[Criterion, ...]
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], Result]
    draw: Callable[[Result], Axes]

    def rows(self, id: str, result: Result, seconds: float) -> list[Row]:
        """Judge what was found; every criterion gets its row.

        Raises:
            KeyError: if the run has not measured what a criterion compares.
        """
        rows = []
        for criterion in self.criteria:
            measured = result.measured[criterion.name]
            claimed = result.claimed[criterion.name] if criterion.claimed is None else criterion.claimed
            error, verdict = criterion.judge(claimed, measured)
            why = criterion.known_difference
            if not why:
                why = f"the error {error:.3g} is beyond {criterion.within:g}" if criterion.within else "not as claimed"
            differs = verdict in (Verdict.DIFFERS, Verdict.UNNOTICED)
            if verdict is Verdict.UNNOTICED:
                why = "a wrong claim passes: the bound is too wide, or the measurement blind"
            rows.append(
                Row(
                    id=f"{id}/{criterion.name}",
                    claim=criterion.quantity,
                    claimed=_plain(claimed),
                    measured=_plain(measured),
                    error=float(error) if math.isfinite(error) else None,
                    verdict=verdict.value,
                    why=why if differs else "",
                    criterion=criterion.sentence,
                    expected=not differs or (bool(criterion.known_difference) and not criterion.control),
                    seconds=round(seconds, 2),
                    power=criterion.power,
                )
            )
        return rows


def _plain(value: Any) -> Value:
    """Return a value that JSON knows: numbers of NumPy as Python's, what is not finite in words."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    return value
