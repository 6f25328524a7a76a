"""The output folder is filled whole or not at all."""

import pytest

from saddlescope.cli.folder import OutputFolder

NAMES = ("trajectory.nc", "picture.png")


def content(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_files_appear_only_with_commit_and_leave_nothing_hidden(tmp_path):
    out = tmp_path / "new" / "folder"
    with OutputFolder(out, NAMES) as output:
        output.place("trajectory.nc").write_text("1")
        assert not (out / "trajectory.nc").exists()
        assert output.commit() == [out / "trajectory.nc"]
    assert sorted(p.name for p in out.iterdir()) == ["trajectory.nc"]


def fail(out, error):
    with OutputFolder(out, NAMES) as output:
        output.place("trajectory.nc").write_text("half")
        raise error


def test_a_failure_leaves_no_trace_of_a_new_folder(tmp_path):
    with pytest.raises(RuntimeError):
        fail(tmp_path / "a" / "b", RuntimeError())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_an_earlier_result_untouched(tmp_path):
    (tmp_path / "trajectory.nc").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    assert OutputFolder(tmp_path, NAMES).holds_result
    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path, KeyboardInterrupt())
    assert content(tmp_path) == {"trajectory.nc": "old", "notes.txt": "mine"}


def test_a_new_result_replaces_all_of_the_old_and_nothing_else(tmp_path):
    (tmp_path / "trajectory.nc").write_text("old")
    (tmp_path / "picture.png").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    with OutputFolder(tmp_path, NAMES) as output:
        output.place("trajectory.nc").write_text("new")
        output.commit()
    # the old picture would be taken for a picture of the new result
    assert content(tmp_path) == {"trajectory.nc": "new", "notes.txt": "mine"}


def test_a_result_below_leaves_the_one_above(tmp_path):
    (tmp_path / "trajectory.nc").write_text("old")
    with OutputFolder(tmp_path, NAMES) as output:
        output.place("trajectory.nc").write_text("part")
        assert output.commit("interrupted") == [tmp_path / "interrupted" / "trajectory.nc"]
    assert content(tmp_path) == {"trajectory.nc": "old", "interrupted/trajectory.nc": "part"}


KNOWN = ("trajectory.nc", "run_*.nc", "record.json", "other.json", "picture.png")


def test_files_that_an_earlier_run_lists_go_and_those_of_the_user_stay(tmp_path):
    (tmp_path / "other.json").write_text('{"files": ["run_1.nc", "picture.png", "other.json", "notes.txt", "../x.nc"]}')
    for name in ("run_1.nc", "run_mine.nc", "picture.png", "notes.txt"):
        (tmp_path / name).write_text("old")
    with OutputFolder(tmp_path, ("run_*.nc", "record.json"), lambda: KNOWN) as output:
        output.place("run_2.nc").write_text("new")
        output.place("record.json").write_text("{}")
        assert output.commit() == [tmp_path / "run_2.nc", tmp_path / "record.json"]
    assert sorted(content(tmp_path)) == ["notes.txt", "record.json", "run_2.nc", "run_mine.nc"]


def test_a_result_of_several_runs_counts_as_one(tmp_path):
    folder = OutputFolder(tmp_path, ("trajectory.nc", "run_*.nc", "record.json"), lambda: KNOWN)
    (tmp_path / "spec.toml").write_text("")
    assert not folder.holds_result
    (tmp_path / "run_1.nc").write_text("")
    assert folder.holds_result
