"""The same particles, the same tolerances, one process: saddlescope and the solvers people reach for."""

import pytest
from benchmarks.competitors import scipy, solvers
from benchmarks.reference import LADDER_256 as LADDER
from benchmarks.reference import answer_of_ours, answer_of_steps, ours, reference


def test_reference_agrees_with_another_method_on_another_right_hand_side():
    """A tight multistep method on the NumPy right-hand side finds the reference answer."""
    answer = answer_of_steps(LADDER, scipy(LADDER, 1e-11, LADDER.until, "LSODA", analytic=True))
    assert answer.error_of_times(reference(LADDER)) < 3e-9
    assert answer.error_of_risk(reference(LADDER)) < 3e-9


@pytest.mark.parametrize(("rtol", "bound"), [(1e-6, 2e-5), (1e-8, 2e-7), (1e-10, 2e-9)])
def test_our_answer_is_as_exact_as_asked(rtol, bound):
    answer = answer_of_ours(LADDER, ours(LADDER, rtol))
    assert answer.error_of_times(reference(LADDER)) < bound
    assert answer.error_of_risk(reference(LADDER)) < bound


# rtol, rounds, and seconds for the whole comparison
_SLOW = {
    "Radau": [(1e-8, 2, 1800)],
    "Radau, analytic Jacobian": [(1e-8, 2, 900)],
    "diffrax Kvaerno5": [(1e-6, 1, 900), (1e-8, 1, 1800)],
}
_CASES = [(name, *case) for name in solvers(LADDER) for case in _SLOW.get(name, [(1e-8, 3, 600)])]


@pytest.mark.parametrize(("name", "rtol", "rounds", "limit"), _CASES)
def test_against(name, rtol, rounds, limit, measured, record):
    row, failure = measured("side_by_side", name, "--rtol", rtol, "--rounds", rounds, limit=limit)
    if row is None:
        record(
            f"solver: {name}, {rtol:g}", {"kind": "solver", "name": name, "rtol": rtol, "failure": failure}
        )
        pytest.xfail(f"{name}: {failure}")
    record(f"solver: {name}, {rtol:g}", {"kind": "solver", "rtol": rtol, "failure": None} | row)
    assert row["ours"]["times"] < 20 * rtol
    assert row["ours"]["risk"] < 20 * rtol
    # some rtol of ours is at least as exact as the competitor
    assert "ours_equal" in row
