"""The fuzzers: what they plant is a fault, and what they call a good ending is one."""

import numpy as np
import pytest
from campaigns.case import Answer
from campaigns.fuzz import calls, damage, specs
from campaigns.fuzz.ending import command, sentence
from campaigns.registry import FUZZ, tasks
from campaigns.verdict import Verdict, verdict

import saddlescope as ss
from saddlescope.solve import Outcome


def bad(checks):
    return [check.name for check in checks if check.error > 0]


def test_a_sentence_and_what_is_none():
    good = "saddlescope: Argument `epsilon` must be positive, but got -1.0.\n"
    assert bad(sentence(good)) == []
    assert bad(sentence(good + good)) == ["one line"]
    assert bad(sentence("error\n")) == ["says who speaks", "ends as a sentence"]
    assert bad(sentence(good.replace("-1.0", "\x1b[31m"))) == ["no control characters"]
    assert bad(sentence(good.replace("-1.0", "1" * 700))) == ["no longer than a sentence"]


def test_a_refusal_of_the_command_line_is_seen(tmp_path):
    code, out, err = command(["run", "nowhere.toml"], tmp_path)
    assert (code, out, bad(sentence(err))) == (2, "", [])


def test_a_plain_spec_passes_and_a_broken_one_is_refused():
    text = specs._BASES[0]
    for changed, outcome in ((text, "0"), (text.replace("1e-3", "-1"), "2")):
        answer = specs.judge({"text": changed, "settings": []})
        assert (answer.outcome, bad(answer.checks)) == (outcome, [])


def test_a_traceback_or_a_lost_file_closes_the_gate(monkeypatch):
    def lost(words, folder):
        (folder / "problem.toml").unlink()
        return 2, "", "Traceback (most recent call last):\n"

    monkeypatch.setattr(specs, "command", lost)
    answer = specs.judge({"text": "x", "settings": []})
    assert verdict(answer) is Verdict.CLEAN_WRONG
    assert {"spec is as it was", "no traceback", "says who speaks"} <= set(bad(answer.checks))


def test_mutations_change_the_spec():
    drawn = [specs.draw(np.random.default_rng([9, n])) for n in range(60)]
    changed = sum(p["text"] not in specs._BASES or bool(p["settings"]) for p in drawn)
    assert changed >= 58


def test_damage_changes_the_bytes_and_reading_other_data_is_caught():
    data = bytes(range(256)) * 8
    drawn = [damage.draw(np.random.default_rng([9, n])) for n in range(60)]
    assert sum(damage.damaged(data, p) != data for p in drawn) >= 50
    run = ss.Trajectory(
        "toy", {"risk": np.ones(2)}, {"risk": ("time",)}, {"time": np.arange(2.0)}, outcome=Outcome.REACHED_END
    )
    other = ss.Trajectory(
        "toy", {"risk": np.zeros(2)}, {"risk": ("time",)}, {"time": np.arange(2.0)}, outcome=Outcome.REACHED_END
    )
    assert bad(damage._same(run, run)) == []
    assert bad(damage._same(other, run)) == ["observables are those that were written"]


@pytest.mark.parametrize(("value", "outcome"), [("minus one", "REFUSED"), ("float32", "ANSWERED"), ("text", "REFUSED")])
def test_calls(monkeypatch, value, outcome):
    # the limit on memory is for workers
    monkeypatch.setattr(calls.resource, "setrlimit", lambda *_: None)
    answer = calls.judge({"call": "MeanFieldFlow", "argument": "epsilon", "value": value})
    assert isinstance(answer, Answer)
    assert (answer.outcome, bad(answer.checks)) == (outcome, [])


def test_a_fuzz_run_is_broken_input_only():
    assert {task["family"] for task in tasks(200, 0, list(FUZZ))} == set(FUZZ)
    assert not {task["family"] for task in tasks(200, 0)} & set(FUZZ)
