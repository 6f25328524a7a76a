import math

import pytest

from saddlescope.papers import Criterion, Experiment, Result, Verdict


@pytest.mark.parametrize(
    ("how", "within", "claimed", "measured", "error", "agrees"),
    [
        ("relative", 0.01, 2.0, 2.01, 0.005, True),
        ("relative", 0.01, -2.0, -2.1, 0.05, False),
        ("relative", 0.01, 0.0, 0.0, math.inf, False),
        ("absolute", 0.1, 0.25, 0.2, 0.05, True),
        ("absolute", 0.1, 0.25, 0.4, 0.15, False),
        ("at most", 0.0, 1.0, 0.5, 0.0, True),
        ("at most", 0.0, 1.0, 1.5, 0.5, False),
        ("at least", 0.0, 1.0, 1.5, 0.0, True),
        ("at least", 0.2, 1.0, 0.9, 0.1, True),
        ("equal", 0.0, "lazy", "lazy", 0.0, True),
        ("equal", 0.0, "lazy", "mean field", 1.0, False),
        ("equal", 0.0, True, False, 1.0, False),
    ],
)
def test_verdict(how, within, claimed, measured, error, agrees):
    result, verdict = Criterion("n", "q", how, within, "r").judge(claimed, measured)
    assert result == pytest.approx(error)
    assert verdict is (Verdict.AGREES if agrees else Verdict.DIFFERS)


@pytest.mark.parametrize("how", ["relative", "absolute", "at most", "at least"])
@pytest.mark.parametrize("measured", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_agrees(how, measured):
    assert Criterion("n", "q", how, 1e9, "r").judge(1.0, measured)[1] is Verdict.DIFFERS


def test_finite_size_rows_say_so():
    criterion = Criterion("n", "q", "absolute", 0.1, "r", finite_size="width 100, correction of order 1/width")
    assert criterion.judge(1.0, 1.05)[1] is Verdict.WITHIN
    assert criterion.judge(1.0, 1.5)[1] is Verdict.DIFFERS
    assert "correction of order 1/width" in criterion.sentence


def experiment(*criteria):
    return Experiment("t", "c", "s", criteria, {}, {}, lambda p: Result({}), lambda f: None)  # pyright: ignore


def test_a_known_difference_is_a_difference_but_expected():
    known = Criterion("a", "q", "absolute", 0.1, "r", claimed=1.0, known_difference="the limit is approached slowly")
    plain = Criterion("b", "q", "absolute", 0.1, "r", claimed=1.0)
    rows = experiment(known, plain).rows("x", Result({"a": 2.0, "b": 2.0}), 1.234)
    assert [row.verdict for row in rows] == ["differs", "differs"]
    assert [row.expected for row in rows] == [True, False]
    assert [row.id for row in rows] == ["x/a", "x/b"]
    assert rows[0].why == "the limit is approached slowly"
    assert "beyond 0.1" in rows[1].why


def test_a_run_must_measure_what_its_criteria_compare():
    with pytest.raises(KeyError, match="value"):
        experiment(Criterion("value", "q", "absolute", 0.1, "r", claimed=1.0)).rows("x", Result({}), 0.0)


@pytest.mark.parametrize(
    ("how", "within", "claimed", "measured", "verdict"),
    [
        ("relative", 0.01, 1.0, 1.5, Verdict.REFUTED),
        ("relative", 0.01, 1.0, 1.001, Verdict.UNNOTICED),
        ("at least", 0.0, 1.0, 0.5, Verdict.REFUTED),
        ("at least", 0.0, 1.0, 1.5, Verdict.UNNOTICED),
        ("equal", 0.0, "never", "leap", Verdict.REFUTED),
        ("relative", 0.01, 1.0, math.nan, Verdict.UNNOTICED),
        ("relative", 0.01, 1.0, math.inf, Verdict.UNNOTICED),
    ],
)
def test_a_control_must_fail_and_by_a_number(how, within, claimed, measured, verdict):
    control = Criterion("control-n", "q", how, within, "r", claimed=claimed, control=True)
    assert control.judge(claimed, measured)[1] is verdict
    (row,) = experiment(control).rows("x", Result({"control-n": measured}), 0.0)
    assert row.expected == (verdict is Verdict.REFUTED)
    assert bool(row.why) != row.expected
