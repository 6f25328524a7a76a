"""Files are written whole or not at all, whatever the disk does; what stood at their place stays."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from saddlescope import files
from saddlescope.arguments import ArgumentError
from saddlescope.files import FolderLock, NotWrittenError, write, write_into


def test_what_is_written_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "a name.bin"
    assert write(path, b"\x00\xff" * 5000) == path
    assert path.read_bytes() == b"\x00\xff" * 5000
    write(str(path), "ε\n")
    assert path.read_bytes() == "ε\n".encode()
    assert os.listdir(tmp_path) == ["a name.bin"]


def test_a_new_file_has_the_permissions_of_any_new_file_and_an_old_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        new = write(tmp_path / "new", b"")
    finally:
        os.umask(before)
    assert new.stat().st_mode & 0o777 == 0o640
    new.chmod(0o600)
    write(new, b"again")
    assert new.stat().st_mode & 0o777 == 0o600


def test_files_of_our_own_folders_are_written_like_those_of_users(tmp_path, monkeypatch):
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"{os.fstat(handle).st_size} bytes")
        sync(handle)

    def replaced(*paths):
        done.append("replaced")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    content = bytes(range(256)) * 4000
    for act in (lambda: write(tmp_path / "one", content), lambda: write_into(str(tmp_path), "other", content)):
        done.clear()
        act()
        # on the disk before it is there, and its name after that
        assert done == [f"{len(content)} bytes", "replaced"] + (["folder"] if os.name == "posix" else [])
    assert (tmp_path / "other").read_bytes() == content
    assert (tmp_path / "other").stat().st_mode == (tmp_path / "one").stat().st_mode
    with pytest.raises(FileNotFoundError):
        write_into(str(tmp_path / "no folder"), "x", b"")


@pytest.mark.parametrize("fails", ["replace", "fsync", "open"])
def test_a_file_of_our_own_folder_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, fails):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(NotWrittenError, match="new could not be written: No space left on device"):
        write_into(str(tmp_path), "new", b"x" * 1000)
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target = write(tmp_path / "there" / "real", b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("fails", ["replace", "fsync"])
def test_a_write_that_fails_leaves_what_was_there_and_says_so(tmp_path, monkeypatch, fails):
    path = write(tmp_path / "kept", b"precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(NotWrittenError, match=r"kept could not be written: No space left on device; .* unchanged\."):
        write(path, b"new")
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["kept"]


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "x", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no folder/x", "lie in an existing folder"),
        (".", "name a file, not a folder"),
        ("x" * 300, "be a name that a file can have"),
        ("a\0b", "be a name that a file can have"),
        ("file/x", "lie in an existing folder"),
        (os.devnull, "name a file, not a device"),
    ],
)
def test_a_place_that_no_file_can_have_is_refused_by_the_users_word(tmp_path, name, reason):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match=rf"Argument `--out` must {reason}"):
        write(tmp_path / name, b"", argument="--out")


def test_a_name_of_the_longest_length_can_be_written(tmp_path):
    assert write(tmp_path / ("x" * 255), b"1").read_bytes() == b"1"


def test_many_writers_of_one_file_leave_the_whole_file_of_one(tmp_path):
    path = tmp_path / "shared"
    contents = [bytes([65 + i]) * 200_000 for i in range(6)]
    threads = [threading.Thread(target=write, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["shared"]


_WITHOUT_ROOM = """
import os, resource, sys
import numpy as np, saddlescope as ss
from saddlescope.files import NotWrittenError

what, path = sys.argv[1:]
if what == "trajectory":
    time = np.arange(50_000.0)
    made = ss.Trajectory(
        kind="MadeUp", observables={"risk": time + 1}, dims={"risk": ("time",)}, coords={"time": time},
        outcome="REACHED_END",
    )
    save = lambda: made.save(path)
elif what == "checkpoint":
    from saddlescope.solve.checkpoint import Checkpoint
    state = np.arange(50_000.0)
    os.remove(path)
    save = lambda: Checkpoint(path, {}).save(state, 1, [(0, {"cost": np.zeros(1)}, state)])
    save()
else:
    from saddlescope import plot
    from saddlescope.plot.parts.canvas import new_axes
    ax = new_axes()
    ax.plot(np.arange(50))
    save = lambda: plot.save(ax, path)
before = open(path, "rb").read()
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    save()
except NotWrittenError as error:
    print(error)
assert open(path, "rb").read() == before
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on file sizes here")
@pytest.mark.parametrize(("what", "name"), [("trajectory", "r.nc"), ("checkpoint", "c.npz"), ("picture", "p.png")])
def test_without_room_every_kind_of_file_ends_in_a_sentence_and_the_interpreter_ends_well(tmp_path, what, name):
    """A write into HDF5 on a full disk ends the interpreter by a segmentation fault, when it exits."""
    path = tmp_path / name
    path.write_text("precious")
    ran = subprocess.run([sys.executable, "-c", _WITHOUT_ROOM, what, str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert f"{name} could not be written: " in ran.stdout
    assert os.listdir(tmp_path) == [name]


def test_put_replaces_at_once_and_a_failure_names_the_file(tmp_path):
    staged, target = write(tmp_path / "staged", b"new"), write(tmp_path / "target", b"old")
    files.put(staged, target)
    assert target.read_bytes() == b"new"
    with pytest.raises(NotWrittenError, match="target could not be written: No such file"):
        files.put(staged, target)


def test_a_folder_is_locked_for_others_and_free_afterwards(tmp_path: Path):
    code = (
        "import sys, pathlib; from saddlescope.files import FolderLock\n"
        "with FolderLock(pathlib.Path(sys.argv[1]), '--to'): pass"
    )
    with FolderLock(tmp_path, "--to"):
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        assert f"in use by process {os.getpid()}" in other.stderr
        assert "Argument `--to`" in other.stderr
    assert os.listdir(tmp_path) == []
    with FolderLock(tmp_path, "--to"):
        pass
