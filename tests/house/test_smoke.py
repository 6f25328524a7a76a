"""The guard on counts of work: what it lets pass and what it tells."""

import json

from benchmarks.smoke import RECORD, RUNS, compare

ROW = {"method": "BDF", "steps": 100, "evaluations": 150, "programs": 7, "programs_again": 0, "error": 1e-6}


def test_what_stays_within_a_tenth_passes():
    assert compare({"run": ROW}, {"run": ROW}) == []
    assert compare({"run": ROW | {"steps": 110, "evaluations": 50, "error": 1.9e-6}}, {"run": ROW}) == []
    # an error that is no more than rounding says nothing
    assert compare({"run": ROW | {"error": 1e-8}}, {"run": ROW | {"error": 1e-11}}) == []


def test_what_grew_is_named():
    told = compare({"run": ROW | {"steps": 112, "error": 3e-6, "programs_again": 3}, "new": ROW}, {"run": ROW})
    assert told == [
        "run: steps grew from 100 to 112.",
        "run: programs_again grew from 0 to 3.",
        "run: the error grew from 1.0e-06 to 3.0e-06.",
        "new: it is not in the record.",
    ]


def test_every_run_is_in_the_record():
    record = json.loads(RECORD.read_text())
    assert record.keys() == RUNS.keys()
    # a second run of the same shape compiles nothing
    assert {row["programs_again"] for row in record.values()} == {0}
