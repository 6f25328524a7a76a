import json
from pathlib import Path

import pytest

from saddlescope.cli import main
from saddlescope.papers.framework import experiment
from saddlescope.papers.framework.catalogue import catalogue
from saddlescope.papers.framework.docs_page import markdown
from saddlescope.papers.framework.ledger import read_ledger

ENTRIES = [entry for paper in catalogue() for entry in paper.entries]
DOCS = Path(__file__).parents[2] / "docs"


def test_ids_are_unique_and_orders_name_existing_modules():
    ids = [entry.id for entry in ENTRIES]
    assert len(ids) == len(set(ids)) >= 25
    import importlib

    for paper in catalogue():
        folder = importlib.import_module(f"saddlescope.papers.{paper.name.replace('-', '_')}")
        assert set(folder.ORDER) == {entry.module.split(".")[-1] for entry in paper.entries}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_experiment_says_what_it_claims_and_why_its_bounds(entry):
    own = entry.experiment
    names = [criterion.name for criterion in own.criteria]
    assert names
    assert len(names) == len(set(names))
    assert all("/" not in name for name in names)
    assert own.title
    assert own.claim.endswith(".")
    assert own.source
    assert set(own.quick) == set(own.full)
    json.dumps([own.quick, own.full])
    for criterion in own.criteria:
        assert criterion.reason
        assert criterion.quantity
        assert (criterion.how == "equal") <= (criterion.within == 0)
        assert criterion.control == criterion.name.startswith("control-")


def test_the_ledger_has_rows_that_can_fail_and_controls_that_must():
    criteria = [criterion for entry in ENTRIES for criterion in entry.experiment.criteria]
    assert sum(not criterion.control for criterion in criteria) >= 180
    assert sum(criterion.control for criterion in criteria) >= 40
    for entry in ENTRIES:
        true = [criterion for criterion in entry.experiment.criteria if not criterion.control]
        # a control is held to no stricter a bound than the true rows of its kind are
        for c in (criterion for criterion in entry.experiment.criteria if criterion.control):
            assert c.within >= min(t.within for t in true if t.how == c.how), c.name


def test_no_room_of_papers_is_over_twelve_modules():
    for folder in {Path(str(entry.loaded.__file__)).parent for entry in ENTRIES} | {Path(experiment.__file__).parent}:
        assert len(list(folder.glob("*.py"))) <= 12


def test_real_experiments_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "out"
    asked = ["level-one", "strictness-of-saddles", "diagonal-jumps"]
    words = [word for name in asked for word in ("--only", name)]
    assert main(["reproduce", "--out", str(out), *words]) == 0
    records = read_ledger(out / "ledger.json").records
    assert list(records) == asked
    assert all(row.expected for record in records.values() for row in record.rows)
    assert {row.verdict for row in records["level-one"].rows if "/control-" in row.id} == {"fails, as it must"}
    page = (out / "report.html").read_text()
    assert page.count("data:image/") == 3
    assert "  strict-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["jacot"], "learning-time-scales, finite-networks, saddle-to-saddle, around"),
        (["--only", "level-nine"], "did you mean 'level-one'? known: plateaus-in-one-run, "),
        (["around", "--only", "level-one"], "balanced-modes"),
    ],
)
def test_unknown_names_end_with_2_and_list_the_known_ones(words, known, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) == 2
    assert known in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_in_the_docs_has_every_experiment_and_its_page():
    ledger = read_ledger(DOCS / "ledger.json")
    assert set(ledger.records) == {entry.id for entry in ENTRIES}
    assert (DOCS / "ledger.md").read_text(encoding="utf-8") == markdown(catalogue(), ledger)
    for entry in ENTRIES:
        rows = {row.id for row in ledger.records[entry.id].rows}
        assert rows == {f"{entry.id}/{criterion.name}" for criterion in entry.experiment.criteria}
