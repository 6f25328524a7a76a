"""What a store survives: kills, a full disk, a read-only folder, damage, two sweeps at once."""

import errno
import importlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
from campaigns.sweep_kills import trial

from saddlescope.arguments import RefusedError
from saddlescope.files import NotWrittenError
from saddlescope.sweep.spec import asked_for
from saddlescope.sweep.store.runners import Runner, leftovers
from saddlescope.sweep.sweep import Sweep

RATES = {"dynamics.rate": np.linspace(20.0, 30.0, 12)}


def results(folder):
    return sorted((folder / "results").rglob("*.json"))


def numbers(result):
    return result.drop_vars("seconds").drop_attrs()


@pytest.fixture(params=["rows", "columns"])
def swept(relaxation, tmp_path, monkeypatch, request):
    """A finished sweep: what is asked, its store, whose index holds rows or columns, too, its dataset."""
    if request.param == "columns":
        monkeypatch.setattr(importlib.import_module("saddlescope.sweep.store.store"), "_WORTH", 1)
    asked = asked_for(relaxation, axes=RATES)
    with Sweep(asked, tmp_path / "s") as run:
        run.run(engine="serial")
        return asked, tmp_path / "s", numbers(run.dataset())


@pytest.mark.skipif(sys.platform != "linux", reason="looks for child processes where Linux lists them")
def test_kills_lose_nothing_and_run_nothing_twice(relaxation):
    result = trial(kills=3, tasks=60, seed=1)
    assert result.kills == 3
    assert result.good, result


@pytest.mark.parametrize("damage", [b"", b"no database at all", None])
def test_the_index_is_made_again_from_the_segments(swept, damage):
    asked, folder, before = swept
    index = folder / "index.sqlite"
    if damage is None:
        index.unlink()
    elif damage:
        index.write_bytes(damage * 1000)
    else:
        content = bytearray(index.read_bytes())
        content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
        index.write_bytes(content)
    with Sweep(asked, folder) as run:
        assert not len(run.outlook().missing)
        assert numbers(run.dataset()).equals(before)


def test_one_wrong_number_in_the_index_is_found(swept):
    asked, folder, before = swept
    with sqlite3.connect(folder / "index.sqlite") as file:
        (task, stored) = file.execute("select task, numbers from results limit 1").fetchone()
        changed = np.frombuffer(stored, "<f8") * 1.5
        file.execute("update results set numbers = ? where task = ?", (changed.tobytes(), task))
    file.close()
    with Sweep(asked, folder) as run:
        assert numbers(run.dataset()).equals(before)


@pytest.mark.parametrize("keep_index", [True, False])
def test_a_truncated_segment_is_named_and_run_again(swept, keep_index):
    asked, folder, before = swept
    damaged = results(folder)[3]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    if not keep_index:
        (folder / "index.sqlite").unlink()
    with Sweep(asked, folder) as run:
        assert run.store.damaged == [damaged]
        assert len(run.outlook().missing) == 1
        assert run.run(engine="serial").finished == 1
        assert numbers(run.dataset()).equals(before)


def test_a_changed_byte_in_a_segment_is_found(swept):
    asked, folder, _ = swept
    damaged = results(folder)[0]
    damaged.write_bytes(damaged.read_bytes().replace(b'"measured":[0', b'"measured":[1'))
    (folder / "index.sqlite").unlink()
    with Sweep(asked, folder) as run:
        assert run.store.damaged == [damaged]


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_full_disk_ends_in_a_sentence_and_the_sweep_goes_on_later(relaxation, tmp_path, monkeypatch, engine):
    folder = tmp_path / "s"
    asked = asked_for(relaxation, axes=RATES)
    with Sweep(asked, folder) as run:
        with monkeypatch.context() as broken:
            if engine == "processes":
                # workers write by themselves: a limit on the size of files stands for the disk
                code = (
                    "import sys; sys.path[:] = {path!r}; import resource, signal\n"
                    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                    "from saddlescope.engines import worker\n"
                    "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\nworker.main()\n"
                )
                broken.setattr(importlib.import_module("saddlescope.engines.processes"), "CODE", code)
            else:

                def full(*_: object) -> None:
                    raise OSError(errno.ENOSPC, "No space left on device", str(folder))

                broken.setattr(importlib.import_module("saddlescope.sweep.store.store"), "write", full)
            with pytest.raises(NotWrittenError, match="could not be written"):
                run.run(engine=engine, workers=2)
        assert not list((folder / "claims").iterdir())
        run.store.refresh()
        run.run(engine="serial")
        assert run.dataset().complete.all()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_read_only_store_is_read_and_refused_for_runs(swept):
    asked, folder, before = swept
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with pytest.raises(RefusedError, match="cannot be written"):
            Sweep(asked, folder)
        with Sweep(asked, folder, write=False) as run:
            assert numbers(run.dataset()).equals(before)
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def test_stores_of_something_else_are_refused(swept, tmp_path):
    asked, folder, _ = swept
    about = json.loads((folder / "store.json").read_text())
    for change, said in (
        ({"format": "saddlescope sweep 7"}, "has the format 'saddlescope sweep 7'"),
        ({"family": "network"}, "is of the family 'network', not 'relaxation'"),
        ({"keys": "0" * 16, "saddlescope": "0.0.7"}, "was made by saddlescope 0.0.7, whose specs"),
    ):
        (folder / "store.json").write_text(json.dumps(about | change))
        with pytest.raises(RefusedError) as refused:
            Sweep(asked, folder)
        assert said in str(refused.value)
    (folder / "store.json").write_text("{")
    with pytest.raises(RefusedError, match="is damaged"):
        Sweep(asked, folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedError, match="cannot be used"):
        Sweep(asked, tmp_path / "file")


def test_two_sweeps_on_one_store_share_the_work(relaxation, tmp_path, command, environment):
    (tmp_path / "mine.toml").write_text(
        'family = "relaxation"\n[dynamics]\nseconds = 0.05\n[sweep.axes]\n'
        '"dynamics.rate" = { linspace = [20, 30], points = 40 }\n'
    )
    words = command("sweep", "mine.toml", "--engine", "serial")
    both = [
        subprocess.Popen(
            words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    names = [path.name for path in results(tmp_path / "mine")]
    assert len(names) == 40
    assert all(name.endswith(".1.json") for name in names)  # none a second time
    assert all("40 REACHED_END" in out for out, _ in said)


def test_claims_of_the_dead_are_taken_over_and_those_of_the_living_are_not(tmp_path):
    folder = tmp_path
    with Runner(folder) as first:
        assert first.claim("a" * 32)
        with Runner(folder) as second:
            assert not second.claim("a" * 32)
            assert second.claim("b" * 32)
        assert first.claim("b" * 32)  # the second let go
        assert not leftovers(folder)
    code = (
        "import sys, os; from pathlib import Path; from saddlescope.sweep.store.runners import Runner\n"
        f"r = Runner(Path({str(folder)!r})); r.__enter__(); r.claim('c' * 32); os._exit(9)"
    )
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=paths, check=False).returncode == 9
    assert len(leftovers(folder)) == 2
    with Runner(folder) as third:
        assert third.claim("c" * 32)


@pytest.mark.skipif(sys.platform == "win32", reason="has no locks of this kind")
def test_without_locks_the_dead_are_known_by_their_silence(tmp_path, monkeypatch):
    from saddlescope.sweep.store import runners

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(runners.fcntl, "flock", refuse)
    with Runner(tmp_path) as first:
        assert first.claim("a" * 32)
        content = first._path.read_text()
        dead = tmp_path / "runners" / f"{socket.gethostname()}-1-dead"
        dead.write_text(content)
        (tmp_path / "claims" / ("b" * 32)).write_text(dead.name)
        with Runner(tmp_path) as second:
            assert not second.claim("a" * 32)
            assert not second.claim("b" * 32)
            os.utime(dead, (time.time() - 3600, time.time() - 3600))
            assert second.claim("b" * 32)


def test_an_interrupt_anywhere_leaves_no_claim(tmp_path, monkeypatch):
    def then_interrupted(function):
        def act(*values, **options):
            function(*values, **options)
            raise KeyboardInterrupt

        return act

    with Runner(tmp_path) as runner:
        with monkeypatch.context() as broken:
            broken.setattr(Runner, "_made", then_interrupted(Runner._made))
            with pytest.raises(KeyboardInterrupt):
                runner.claim("a" * 32)
        runner.claim("b" * 32)
        with monkeypatch.context() as broken:
            broken.setattr(os, "unlink", then_interrupted(lambda *_, **__: None))
            with pytest.raises(KeyboardInterrupt):
                runner.release("b" * 32)
    assert list((tmp_path / "claims").iterdir()) == []


def test_an_index_that_could_not_be_written_once_holds_what_it_should(tmp_path, monkeypatch):
    from saddlescope.sweep.store import index as rooms
    from saddlescope.sweep.store.rows import row_of
    from saddlescope.sweep.task import Numbers, Result

    def row(number, column):
        table = Numbers("", (), {column: (float(number),)})
        return row_of(Result(f"{number:032x}", 1, "REACHED_END", True, "", tables=(table,)), 10)

    one, other = rooms.Index(tmp_path / "index"), rooms.Index(tmp_path / "index")
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        broken.setattr(rooms, "_stored", fail)
        one.add([row(1, "first")])
    other.add([row(2, "second")])  # its layout gets the number that was rolled back
    one.add([row(1, "first")])
    other.close()
    one.close()
    last = rooms.Index(tmp_path / "index")
    assert [r.layout[0][0] for r in last.rows()] == ["first", "second"]
    last.close()


def test_a_moved_store_is_the_same_store(swept, tmp_path):
    asked, folder, before = swept
    shutil.move(folder, tmp_path / "elsewhere")
    with Sweep(asked, tmp_path / "elsewhere") as run:
        assert numbers(run.dataset()).equals(before)


def test_workers_end_with_their_parent(relaxation, tmp_path, command, environment):
    (tmp_path / "mine.toml").write_text(
        'family = "relaxation"\n[dynamics]\nseconds = 30.0\n[sweep.axes]\n"dynamics.rate" = [20, 21, 22, 23]\n'
    )
    words = command("sweep", "mine.toml", "--engine", "processes", "--workers", "2")
    parent = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    children: list[str] = []
    listed = f"/proc/{parent.pid}/task/{parent.pid}/children"
    if not os.path.exists(listed):
        parent.kill()
        pytest.skip("child processes are not listed here")
    for _ in range(400):
        with open(listed) as file:
            children = file.read().split()
        if len(children) == 2 and len(list((tmp_path / "mine" / "claims").glob("*"))) >= 2:
            break
        time.sleep(0.05)
    assert len(children) == 2
    parent.kill()
    parent.wait()
    left = children
    for _ in range(200):
        left = [child for child in children if os.path.exists(f"/proc/{child}") and _runs(child)]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(left)


def _runs(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
