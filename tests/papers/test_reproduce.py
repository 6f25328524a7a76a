import dataclasses
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.cli.reproducing import reproduce_papers
from saddlescope.papers.framework.ledger import read_ledger

TIMES = re.compile(r'"(seconds|wall)": [0-9.]+')


def test_everything_is_run_judged_drawn_and_written(made, tmp_path, capsys):
    made.add("one", "first")
    made.add("one", "second", more="finite_size='size 1'")
    made.add("two", "third")
    out = tmp_path / "out"
    assert reproduce_papers(None, [], False, out, made.root) == 0
    assert made.runs == ["second 1", "first 1", "third 1"]  # ORDER comes first
    rows = [row for record in read_ledger(out / "ledger.json").records.values() for row in record.rows]
    assert [row.id for row in rows] == ["second/value", "first/value", "third/value"]
    assert [row.verdict for row in rows] == ["agrees within the stated finite-size error", "agrees", "agrees"]
    assert rows[0].error == pytest.approx(0.05)
    names = {path.name for path in (out / "figures").iterdir()}
    assert names == {f"{n}.{k}" for n in ("first", "second", "third") for k in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == {"figures", "ledger.json", "report.html"}
    shown = capsys.readouterr().out
    assert "first" in shown
    assert "  value" in shown
    assert "1.05" in shown


def test_the_page_needs_no_network_and_escapes_text(made, tmp_path):
    made.add("one", "first")
    reproduce_papers(None, [], False, tmp_path / "out", made.root)
    page = (tmp_path / "out" / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert any(source.startswith("data:image/") for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert "one &lt;exactly&gt;." in page


def test_full_runs_the_full_parameters(made, tmp_path):
    made.add("one", "first")
    out = tmp_path / "out"
    assert reproduce_papers("one", [], True, out, made.root) == 0
    assert made.runs == ["first 2"]
    assert read_ledger(out / "ledger.json").records["first"].version == "full"
    reproduce_papers("one", [], False, out, made.root)
    assert made.runs == ["first 2", "first 1"]


def test_a_failing_experiment_is_named_and_stops_no_other(made, tmp_path, capsys):
    made.add("one", "broken", body="raise ValueError('no such saddle')")
    made.add("one", "later")
    (made.folder / "one" / "alas.py").write_text("import no_such_module_anywhere\n")
    out = tmp_path / "out"
    assert reproduce_papers(None, [], False, out, made.root) == 1
    assert made.runs == ["broken 1", "later 1"]
    records = read_ledger(out / "ledger.json").records
    assert records["broken"].error == "ValueError: no such saddle"
    assert "no_such_module_anywhere" in records["alas"].error
    assert records["later"].rows[0].verdict == "agrees"
    assert "ValueError: no such saddle" in (out / "report.html").read_text()
    assert "ValueError: no such saddle" in " ".join(capsys.readouterr().out.split())
    # what failed is tried again, what succeeded is not
    made.add("one", "broken")
    (made.folder / "one" / "alas.py").unlink()
    assert reproduce_papers(None, [], False, out, made.root) == 0
    assert made.runs == ["broken 1", "later 1", "broken 1"]


@pytest.mark.parametrize(("more", "code"), [("", 1), ("known_difference='the constant has a logarithm'", 0)])
def test_exit_code_of_a_difference(made, tmp_path, capsys, more, code):
    made.add("one", "first", value="2.0", more=more)
    assert reproduce_papers(None, [], False, tmp_path / "out", made.root) == code
    assert "differs" in capsys.readouterr().out


def test_a_row_that_is_not_a_number_differs(made, tmp_path):
    made.add("one", "first", value="float('nan')")
    assert reproduce_papers(None, [], False, tmp_path / "out", made.root) == 1
    row = read_ledger(tmp_path / "out" / "ledger.json").records["first"].rows[0]
    assert (row.measured, row.error, row.verdict) == ("not a number", None, "differs")


def test_a_killed_run_goes_on_where_it_was(made, tmp_path):
    made.add("one", "first")
    made.add("one", "later", body="import os; os._exit(9)")
    out = tmp_path / "out"
    code = f"from saddlescope.cli.reproducing import reproduce_papers as r; from pathlib import Path; \
r(None, [], False, Path({str(out)!r}), {made.root!r})"
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    assert killed.returncode == 9
    assert (out / ".lock").exists()
    assert list(read_ledger(out / "ledger.json").records) == ["first"]
    made.add("one", "later")
    assert reproduce_papers(None, [], False, out, made.root) == 0
    assert made.runs == ["first 1", "later 1", "later 1"]
    assert not (out / ".lock").exists()


def test_a_stopped_run_keeps_what_is_done(made, tmp_path, capsys):
    made.add("one", "first")
    made.add("one", "later", body="raise KeyboardInterrupt")
    out = tmp_path / "out"
    assert reproduce_papers(None, [], False, out, made.root) == 130
    assert list(read_ledger(out / "ledger.json").records) == ["first"]
    assert "Made up first" in (out / "report.html").read_text()
    assert "goes on from here" in capsys.readouterr().err


SWALLOWED = """
    import signal
    import saddlescope as ss
    from saddlescope.solve.control import Control
    descent = ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 3, gamma=1.0, learning_rate=1e-3)
    try:
        ss.solve(descent, 1e6, control=Control(lambda standing: signal.raise_signal(signal.SIGINT)))
    except Exception:
        pass
    {then}
"""


@pytest.mark.parametrize("then", ["pass", "raise ValueError('a curve cut short')"])
def test_a_half_experiment_is_not_kept_although_its_solver_returned(made, tmp_path, then):
    # solvers return what they have at Ctrl-C; what an experiment makes of that is no result
    made.add("one", "first")
    made.add("one", "later", body=SWALLOWED.format(then=then))
    out = tmp_path / "out"
    before = signal.getsignal(signal.SIGINT)
    assert reproduce_papers(None, [], False, out, made.root) == 130
    assert list(read_ledger(out / "ledger.json").records) == ["first"]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_asked_for_by_id_is_run_afresh(made, tmp_path):
    made.add("one", "first")
    made.add("two", "third")
    out = tmp_path / "out"
    reproduce_papers(None, [], False, out, made.root)
    assert reproduce_papers(None, ["third/value"], False, out, made.root) == 0
    assert made.runs == ["first 1", "third 1", "third 1"]
    assert list(read_ledger(out / "ledger.json").records) == ["first", "third"]
    # and a changed experiment is run again without being asked for
    made.add("one", "first", value="0.95")
    reproduce_papers(None, [], False, out, made.root)
    assert made.runs[3:] == ["first 1"]


def test_a_missing_figure_is_made_again(made, tmp_path):
    made.add("one", "first")
    out = tmp_path / "out"
    reproduce_papers(None, [], False, out, made.root)
    (out / "figures" / "first.svg").unlink()
    reproduce_papers(None, [], False, out, made.root)
    assert len(made.runs) == 2
    assert (out / "figures" / "first.svg").exists()


def test_the_same_run_gives_the_same_ledger(made, tmp_path):
    made.add("one", "first")
    texts = []
    for name in ("a", "b"):
        reproduce_papers(None, [], False, tmp_path / name, made.root)
        texts.append(TIMES.sub("", (tmp_path / name / "ledger.json").read_text()))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("paper", "only", "known"),
    [("three", [], "one, two"), (None, ["nothing"], "first, third"), ("two", ["first"], "third")],
)
def test_unknown_names_list_the_known_ones(made, tmp_path, paper, only, known):
    made.add("one", "first")
    made.add("two", "third")
    with pytest.raises(ArgumentError, match=known):
        reproduce_papers(paper, only, False, tmp_path / "out", made.root)
    assert made.runs == []
    assert not (tmp_path / "out").exists()


def holding(folder, pid, host=None):
    folder.mkdir()
    (folder / ".lock").write_text(f"{pid} {host or socket.gethostname()}\n")
    (folder / "ledger.json").write_text('{"format": "saddlescope ledger 1", "experiments": []}')


def everything(folder):
    return {
        str(p): (p.read_bytes() if p.is_file() else None, p.stat().st_mtime_ns) for p in [folder, *folder.rglob("*")]
    }


@pytest.mark.parametrize("host", [None, "another-machine"])
def test_a_folder_in_use_is_left_alone(made, tmp_path, host):
    made.add("one", "first")
    out = tmp_path / "out"
    holding(out, os.getppid(), host)
    before = everything(out)
    with pytest.raises(ArgumentError, match=f"in use by process {os.getppid()}"):
        reproduce_papers(None, [], False, out, made.root)
    assert everything(out) == before
    assert made.runs == []


def test_the_lock_of_a_dead_process_is_taken_over(made, tmp_path):
    made.add("one", "first")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    holding(tmp_path / "out", dead.pid)
    assert reproduce_papers(None, [], False, tmp_path / "out", made.root) == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "saddlescope ledger 1", "experiments": [{"id": "x"}]}'])
def test_a_file_that_is_no_ledger_is_not_overwritten(made, tmp_path, text):
    made.add("one", "first")
    out = tmp_path / "out"
    out.mkdir()
    (out / "ledger.json").write_text(text)
    before = everything(out)
    with pytest.raises(ArgumentError, match="is a ledger"):
        reproduce_papers(None, [], False, out, made.root)
    assert everything(out) == before


def test_a_file_in_the_place_of_the_folder_is_refused(made, tmp_path):
    made.add("one", "first")
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ArgumentError, match="is a file"):
        reproduce_papers(None, [], False, tmp_path / "out" / "below", made.root)
    assert (tmp_path / "out").read_text() == "mine"


def test_ledger_is_valid_json_with_the_versions(made, tmp_path):
    made.add("one", "first", value="float('inf')")
    reproduce_papers(None, [], False, tmp_path / "out", made.root)
    text = (tmp_path / "out" / "ledger.json").read_text()
    content = json.loads(text, parse_constant=pytest.fail)
    assert {"saddlescope", "jax", "python"} <= content["experiments"][0]["versions"].keys()


def test_two_at_a_time_give_the_ledger_of_one(made, tmp_path):
    for name in ("first", "second", "third"):
        made.add("one", name, body="import time; time.sleep(0.2)" if name == "first" else "pass")
    made.add("one", "broken", body="raise ValueError('not now')")
    for name, workers in (("alone", 1), ("together", 2)):
        assert reproduce_papers(None, [], False, tmp_path / name, made.root, workers=workers) == 1
    alone, together = (read_ledger(tmp_path / name / "ledger.json").records for name in ("alone", "together"))
    assert alone.keys() == together.keys() == {"first", "second", "third", "broken"}
    for id, record in alone.items():
        assert dataclasses.replace(record, seconds=0, wall=0, rows=(), trace="") == dataclasses.replace(
            together[id], seconds=0, wall=0, rows=(), trace=""
        )
        assert [row.measured for row in record.rows] == [row.measured for row in together[id].rows]
    # and what is done is taken
    assert reproduce_papers(None, [], False, tmp_path / "together", made.root, workers=2) == 1
    assert sorted(made.runs[-1:]) == ["broken 1"]


def test_an_experiment_that_takes_its_process_down_stops_no_other(made, tmp_path, capsys):
    made.add("one", "first")
    made.add("one", "second", body="import os; os._exit(9)")
    made.add("one", "third")
    out = tmp_path / "out"
    assert reproduce_papers(None, [], False, out, made.root, workers=2) == 1
    records = read_ledger(out / "ledger.json").records
    assert [id for id, record in records.items() if record.error] == ["second"]
    assert "its process ended" in records["second"].error
    assert "its process ended" in capsys.readouterr().out


def test_ctrl_c_ends_the_processes_and_keeps_what_is_done(made, tmp_path):
    made.add("one", "first")
    body = f"import os, signal, time; os.kill({os.getpid()}, signal.SIGINT); time.sleep(60)"
    made.add("one", "second", body=body)
    out = tmp_path / "out"
    assert reproduce_papers(None, [], False, out, made.root, workers=2) == 130
    assert set(read_ledger(out / "ledger.json").records) <= {"first"}
    assert multiprocessing.active_children() == []
