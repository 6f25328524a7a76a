"""The same particles, the same tolerances, one process: saddlescope and the solvers people reach for."""

from typing import NamedTuple

import pytest
from benchmarks.competitors import cvode
from benchmarks.reference import LADDER_256 as LADDER
from benchmarks.reference import answer_of_ours, answer_of_steps, ours, reference


def test_reference_agrees_with_another_method_on_another_right_hand_side():
    """A tight multistep method on the NumPy right-hand side finds the reference answer."""
    answer = answer_of_steps(LADDER, cvode(LADDER, 1e-12, LADDER.until, "gmres", analytic=False))
    assert answer.error_of_times(reference(LADDER)) < 1e-9
    assert answer.error_of_risk(reference(LADDER)) < 1e-9


@pytest.mark.parametrize(("rtol", "bound"), [(1e-6, 2e-5), (1e-8, 2e-7), (1e-10, 2e-9)])
def test_our_answer_is_as_exact_as_asked(rtol, bound):
    answer = answer_of_ours(LADDER, ours(LADDER, rtol))
    assert answer.error_of_times(reference(LADDER)) < bound
    assert answer.error_of_risk(reference(LADDER)) < bound


class Case(NamedTuple):
    name: str
    rtol: float = 1e-8
    epsilon: float = LADDER.epsilon
    threads: int | None = 1  # of BLAS; None is as it comes
    rounds: int = 3
    limit: float = 600.0  # seconds for the whole comparison

    @property
    def label(self) -> str:
        label = self.name
        if self.epsilon != LADDER.epsilon:
            label += f", epsilon {self.epsilon:g}"
        return label if self.threads else label + ", BLAS threads as they come"


CASES = [
    Case("LSODA"),
    Case("LSODA", threads=None, rounds=2),
    Case("LSODA, analytic Jacobian"),
    Case("Radau", rounds=1, limit=1200),
    Case("Radau, analytic Jacobian", rounds=2, limit=900),
    Case("CVODE BDF, dense"),
    Case("CVODE BDF, dense, analytic Jacobian"),
    Case("CVODE BDF, LAPACK, analytic Jacobian"),
    Case("CVODE BDF, GMRES"),
    Case("CVODE BDF, GMRES", epsilon=1e-12),
    Case("CVODE BDF, GMRES", epsilon=1e-14),
    Case("diffrax Kvaerno5", rtol=1e-6, rounds=1, limit=1200),
    Case("diffrax Kvaerno5", rounds=1, limit=1200),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.label}, {case.rtol:g}")
def test_against(case, measured, record):
    options = ("--rtol", case.rtol, "--epsilon", case.epsilon, "--rounds", case.rounds)
    row, failure = measured("side_by_side", case.name, *options, limit=case.limit, threads=case.threads)
    about = {"kind": "solver", "label": case.label, "rtol": case.rtol, "failure": failure}
    record(f"solver: {case.label}, {case.rtol:g}", about | (row or {}))
    if row is None:
        pytest.xfail(f"{case.label}: {failure}")
    assert row["ours"]["times"] < 20 * case.rtol
    if case.epsilon == LADDER.epsilon:
        assert row["ours"]["risk"] < 20 * case.rtol
    # some rtol of ours is at least as exact as the competitor
    assert "ours_equal" in row
