"""The index of a store: columns are what rows are and what segments say, and are not trusted where they are not."""

import importlib
import sqlite3
import struct

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.sweep.spec import asked_for
from saddlescope.sweep.store.columns import Columns
from saddlescope.sweep.store.index import Index
from saddlescope.sweep.store.rows import Row
from saddlescope.sweep.store.segments import read
from saddlescope.sweep.store.store import Store
from saddlescope.sweep.sweep import Sweep

# failures, tables of several lengths; the last rate is not run
AXES = {"dynamics.terms": [1, 3, 2], "dynamics.rate": [20.0, 21.0, 31.0, 23.0, 22.0]}
LAYOUTS = ((("time", "degree", "0"), ("time", "degree", "1"), ("risk", "", "null")), (("risk", "", "null"),), ())


@pytest.fixture
def kept_from(monkeypatch):
    """Sets the number of results in a folder from which columns are kept."""
    return lambda number: monkeypatch.setattr(
        importlib.import_module("saddlescope.sweep.store.store"), "_WORTH", number
    )


@pytest.fixture
def swept(relaxation, tmp_path, kept_from):
    """What is asked, and a store of it with failures and tasks that were run twice, in columns."""
    kept_from(1)
    relaxation["dynamics"] |= {"fault": "limit", "at": 30.0}
    done = AXES | {"dynamics.rate": AXES["dynamics.rate"][:-1]}
    for again in (None, "FAILED"):
        ss.sweep(relaxation, done, store=tmp_path / "s", engine="serial", again=again)
    return asked_for(relaxation, axes=AXES), tmp_path / "s"


def some_rows(number=40):
    random = np.random.default_rng(0)
    for place in range(number):
        layout = LAYOUTS[place % 3]
        numbers = random.normal(size=len(layout))
        if place == 4:
            numbers[0] = np.nan
        complete = place % 7 > 0
        told = ("REACHED_END", "It is é.") if complete else (("FAILED", "STEP_LIMIT")[place % 2], "It\nfailed: é\ud800")
        # the fifth task was tried three times
        task = bytes([7, place // 3 if place < 18 else place]) + bytes(13) + bytes([255 - place % 3])
        yield Row(
            task if place % 5 else bytes([7, 200]) + bytes(14),
            1 + place // 5,
            100 + place,
            complete,
            *told,
            "one\ntwo" if place in (3, 21) else "",
            float(random.random()),
            place % 3,
            layout,
            struct.pack(f"<{len(layout)}d", *numbers),
        )


def rows_in(columns):
    """What columns say, row by row, without sizes."""
    results = []
    for place, own in enumerate(columns.own):
        layout = int(own["layout"])
        ((mine,), (numbers,)) = columns.numbers_of(np.array([place]), layout)
        assert mine == 0
        results.append(
            (
                own["task"].tobytes(),
                int(own["attempt"]),
                bool(own["complete"]),
                columns.outcomes[own["outcome"]],
                columns.messages.get(place, ""),
                columns.doubts.get(place, ""),
                float(own["seconds"]),
                int(own["keep"]),
                columns.layouts[layout],
                numbers.tobytes(),
            )
        )
    return results


def test_columns_hold_what_rows_hold_and_come_back_from_the_file(tmp_path):
    rows = list(some_rows())
    np.random.default_rng(1).shuffle(rows)
    expected = sorted((r.task, r.attempt, r.complete, r.outcome, "" if r.complete else r.message, *r[6:]) for r in rows)
    columns = Columns.of(rows)
    assert rows_in(columns) == expected
    last = {task: attempt for task, attempt, *_ in expected}
    assert [(bytes(t), a) for t, a in columns.own[columns.latest][["task", "attempt"]].tolist()] == list(last.items())
    index = Index(tmp_path / "index")
    index.keep(7, b"listing", columns)
    index.keep(8, b"listing", Columns.of([]))
    index.close()
    index = Index(tmp_path / "index")
    again, none = index.columns(7, b"listing"), index.columns(8, b"listing")
    assert again is not None
    assert rows_in(again) == expected
    assert none is not None
    assert len(none) == len(none.latest) == 0
    assert index.columns(7, b"another listing") is None
    index.close()


def test_columns_that_are_not_as_they_were_written_are_none(tmp_path):
    path = tmp_path / "index"
    index = Index(path)
    index.keep(7, b"", Columns.of(list(some_rows())))
    index.close()
    with sqlite3.connect(path) as file:
        (content,) = file.execute("select content from folders").fetchone()
    file.close()

    def with_content(changed, column="folders set content = ?"):
        with sqlite3.connect(path) as file:
            file.execute(f"update {column}", (changed,))
        file.close()
        index = Index(path)
        result = index.columns(7, b"")
        index.close()
        return result

    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        assert with_content(bytes(changed)) is None
    for size in (0, 3, 4, 20, len(content) - 1):
        assert with_content(content[:size]) is None
    assert with_content(content) is not None
    # a layout that got its number in another index
    assert with_content('[["other", "", "null"]]', "layouts set columns = ? where id = 2") is None


def test_results_from_columns_are_those_from_rows_and_from_segments(swept, kept_from):
    asked, folder = swept
    with Sweep(asked, folder) as run:
        assert all(
            run.store._index.columns(k, d) is not None for k, d in run.store._listings.items() if _files(folder, k)
        )
        fast, known = run.dataset(), run.outlook()
        failed = run.outlook("FAILED").missing
    with sqlite3.connect(folder / "index.sqlite") as file:
        file.execute("delete from folders")
    file.close()
    kept_from(10**9)
    with Sweep(asked, folder) as run:
        slow, by_rows = run.dataset(), run.outlook()
    assert fast.identical(slow)
    for one, other in zip(vars(known).values(), vars(by_rows).values(), strict=True):
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    # by the segments themselves
    latest = {}
    for path in sorted((folder / "results").rglob("*.json")):
        result, _ = read(path)
        latest[result.task] = result
    for number, identity in enumerate(run.identities):
        place = dict(zip(("terms", "rate"), np.unravel_index(number, asked.design.shape), strict=True))
        row = fast.isel(place)
        result = latest.get(identity.tobytes().hex())
        if result is None:
            assert number in known.missing
            assert row.outcome == "NOT_RUN"
            continue
        assert known.attempts[number] == result.attempt == (1 if result.complete else 2)
        assert (number in failed) == (not result.complete)
        assert (row.outcome, row.complete, row.message) == (
            result.outcome,
            result.complete,
            "" if result.complete else result.message,
        )
        for table in result.tables:
            for name, values in table.columns.items():
                np.testing.assert_array_equal(row[name].values.ravel()[: len(values)], values)
    assert (known.complete, known.failed) == (9, 3)


def _files(folder, first):
    return list((folder / "results" / f"{first:02x}").glob("*.json"))


def test_columns_do_not_outlive_what_they_were_made_of(swept):
    asked, folder = swept
    with Sweep(asked, folder) as run:
        before = run.outlook()
        gone = run.identities[6].tobytes().hex()
    # a file goes, and another comes that no index knows
    path = folder / "results" / gone[:2] / f"{gone}.1.json"
    content = path.read_bytes()
    path.unlink()
    with Sweep(asked, folder) as run:
        assert sorted(set(run.outlook().missing) - set(before.missing)) == [6]
        assert run.dataset().outcome.values.ravel()[6] == "NOT_RUN"
        path.write_bytes(content)
        run.store.refresh()
        assert np.array_equal(run.outlook().missing, before.missing)
    # one that is damaged is named each time, not once
    path.write_bytes(content[:-3])
    for _ in range(2):
        with Sweep(asked, folder) as run:
            assert run.store.damaged == [path]
            assert 6 in run.outlook().missing


def test_columns_that_cannot_be_kept_are_done_without(swept, monkeypatch):
    asked, folder = swept
    with Sweep(asked, folder) as run:
        before = run.dataset()
        rows = list(run.store._index.rows())
    (folder / "index.sqlite").unlink()

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Columns, "content", fail)
    with Sweep(asked, folder) as run:
        assert run.dataset().drop_vars("seconds").equals(before.drop_vars("seconds"))
        assert [row[:3] for row in run.store._index.rows()] == [row[:3] for row in rows]


def test_a_store_of_another_process_that_grows_is_seen_whole(swept, relaxation):
    asked, folder = swept
    with Sweep(asked, folder) as run:
        ss.sweep(relaxation, AXES, store=folder, engine="serial", again="ALL")
        run.store.refresh()
        assert not len(run.outlook().missing)
        assert set(run.outlook().attempts.tolist()) == {1, 2, 3}
    assert isinstance(run.store, Store)
