"""The gate: a wrong result without a doubt must be caught, and nothing else."""

import dataclasses
import json
from typing import ClassVar

import numpy as np
import pytest
from campaigns import pool
from campaigns.__main__ import main
from campaigns.case import Answer, Check, Entry
from campaigns.pool import answers
from campaigns.registry import FAMILIES, tasks
from campaigns.verdict import Verdict, doubted_share, faults, table, verdict
from campaigns.worker import answered

import saddlescope as ss


def answer(error, *, stated=1e-5, unsure=0.0, doubts=()):
    return Answer("REACHED_END", doubts, (Check("small", 0.0, 1e-5), Check("risk", error, stated, unsure)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(9e-6), Verdict.CLEAN_RIGHT),
        (answer(9e-5), Verdict.CLEAN_LOOSE),
        (answer(1.1e-4), Verdict.CLEAN_WRONG),
        (answer(np.nan), Verdict.CLEAN_WRONG),
        (answer(np.inf), Verdict.CLEAN_WRONG),
        (answer(1.1e-4, unsure=1e-4), Verdict.CLEAN_RIGHT),  # the reference itself may be off by that much
        (answer(1e-6, unsure=1e-3), Verdict.UNSURE),
        (answer(1e-6, doubts=("may be off",)), Verdict.DOUBTED_RIGHT),
        (answer(1.0, doubts=("may be off",)), Verdict.DOUBTED_WRONG),
        (Answer("REACHED_END", (), ()), Verdict.UNSURE),
        (Answer("STEP_LIMIT", ("stopped",), answer(1.0).checks), Verdict.DOUBT_DUE),
        (Answer("DONE", ("a tie",), answer(1e-6).checks, due=True), Verdict.DOUBT_DUE),
        (Answer("DONE", (), answer(1.0).checks, due=True), Verdict.CLEAN_WRONG),
    ],
)
def test_verdicts(given, expected):
    assert verdict(given) is expected


def entry(name):
    return Entry(0, 0, "toy", {}, "REACHED_END", [], [], name, 1.0)


def test_table_and_share_of_doubts():
    entries = [entry(v) for v in ["CLEAN_RIGHT"] * 3 + ["DOUBTED_RIGHT", "CLEAN_WRONG", "REFUSED", "CRASHED", "HUNG"]]
    assert doubted_share(entries) == 0.25
    assert [e.verdict for e in faults(entries)] == ["CLEAN_WRONG", "CRASHED", "HUNG"]
    lines = table(entries).splitlines()
    assert lines[-1].split()[:7] == ["all", "8", "3", ".", "1", ".", "1"]


_EASY = {
    "kind": "random",
    "link": [0.5, 1.0],
    "activation": [1.0, 1.0],
    "epsilon": 0.5,
    "a": [0.4, -1.0],
    "s": [0.0, 0.0],
    "weights": None,
    "horizon": 5.0,
    "end": "horizon",
    "degree": 1,
    "past": 1.01,
    "way": "plain",
}
_TASK = {"seed": 0, "number": 0, "family": "mean-field flow", "parameters": _EASY}


def test_a_right_result_passes():
    line = answered(_TASK)
    assert line["verdict"] == "CLEAN_RIGHT", line
    assert {check["name"] for check in line["checks"]} == {"risk", "time 0", "time 1"}


@pytest.mark.parametrize(
    ("bent", "caught"),
    [
        (lambda risk, time: risk * 1.01, "CLEAN_WRONG"),
        (lambda risk, time: np.interp(time * 1.003, time, risk), "CLEAN_WRONG"),
        (lambda risk, time: risk * (1 + 1e-9), "CLEAN_RIGHT"),
    ],
)
def test_a_planted_error_is_caught(monkeypatch, bent, caught):
    honest = ss.solve

    def planted(*arguments, **keys):
        run = honest(*arguments, **keys)
        return dataclasses.replace(run, observables=run.observables | {"risk": bent(run["risk"], run.time)})

    monkeypatch.setattr(ss, "solve", planted)
    assert answered(_TASK)["verdict"] == caught


def test_a_planted_error_with_a_doubt_is_not_silent(monkeypatch):
    honest = ss.solve

    def planted(*arguments, **keys):
        run = honest(*arguments, **keys)
        return dataclasses.replace(run, observables=run.observables | {"risk": run["risk"] * 2}, doubts=("Bent.",))

    monkeypatch.setattr(ss, "solve", planted)
    assert answered(_TASK)["verdict"] == "DOUBTED_WRONG"


def test_a_crash_and_a_refusal_are_told_apart(monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError("planted")

    refused = answered(_TASK | {"parameters": _EASY | {"epsilon": -1.0}})
    assert refused["verdict"] in ("REFUSED", "UNSURE")
    monkeypatch.setattr(ss, "solve", fails)
    line = answered(_TASK)
    assert (line["verdict"], "planted" in line["remark"]) == ("CRASHED", True)


def test_a_problem_that_hangs_is_stopped():
    # no process starts in a hundredth of a second
    (line,) = answers([_TASK], jobs=1, limit=0.01)
    assert line["verdict"] == "HUNG"


def test_a_task_whose_process_dies_is_run_once_more_and_then_told(monkeypatch):
    class Dying(pool._Worker):
        lives: ClassVar[list[int]] = [0, 1]  # of the processes that are started, what each is good for

        def __init__(self):
            super().__init__()
            if not (self.lives.pop(0) if self.lives else 0):
                self.process.kill()
                self.process.wait()

    monkeypatch.setattr(pool, "_Worker", Dying)
    (line,) = answers([_TASK], jobs=1, limit=60.0)
    assert line["verdict"] == "CLEAN_RIGHT"
    (line,) = answers([_TASK], jobs=1, limit=60.0)
    assert line["verdict"] == "CRASHED"
    assert "the process died" in line["remark"]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_problems_are_plain_and_repeat(family):
    for number in range(20):
        first, second = (family.draw(np.random.default_rng([3, number])) for _ in range(2))
        assert json.loads(json.dumps(first)) == second


def test_a_longer_campaign_begins_with_the_shorter():
    assert list(tasks(5, 7)) == list(tasks(50, 7))[:5]


def test_the_command_ends_with_one_for_a_fault(tmp_path, capsys, monkeypatch):
    lines = [answered(_TASK), answered(_TASK) | {"verdict": "CLEAN_WRONG"}]
    monkeypatch.setattr("campaigns.__main__.answers", lambda *_: iter(lines))
    log = tmp_path / "log.jsonl"
    assert main(["--problems", "2", "--seed", "5", "--log", str(log)]) == 1
    assert "1 of 2 problems" in capsys.readouterr().out
    assert len(log.read_text().splitlines()) == 2
    monkeypatch.setattr("campaigns.__main__.answers", lambda *_: iter(lines))
    assert main(["--log", str(log), "--report"]) == 0


def test_a_known_fault_fails_nothing_and_says_when_it_is_gone(tmp_path, capsys, monkeypatch):
    problem = {"family": "mean-field flow", "parameters": _EASY}
    lines = [answered(_TASK) | {"number": n, "verdict": v} for n, v in enumerate(["CLEAN_WRONG", "CLEAN_RIGHT"])]
    monkeypatch.setattr("campaigns.__main__.answers", lambda *_: iter(lines))
    file = tmp_path / "problems.jsonl"
    for open_, code in (([True, True], 0), ([False, True], 1)):
        file.write_text("".join(json.dumps(problem | {"open": known}) + "\n" for known in open_))
        monkeypatch.setattr("campaigns.__main__.answers", lambda *_: iter(lines))
        assert main(["--replay", str(file), "--log", str(tmp_path / "log.jsonl")]) == code
    assert "line 2 is marked as open, but is CLEAN_RIGHT now" in capsys.readouterr().out
