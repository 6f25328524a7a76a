"""A run whose surroundings fail: signals, a full disk, no folder to write to, no terminal, an odd locale."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Family, UnsuitableError
from campaigns.draws import one_of
from campaigns.fuzz.ending import files, must

_MAIN = "import sys; from saddlescope.cli import main; sys.exit(main())"
_SPEC = """[problem]
link = [1.0, -1.0, 1.0]
activation = [1.0, 1.0, 0.5]
[dynamics]
epsilon = 1e-6
until = 3.0
[theory]
levels = 2
"""
_KINDS = {
    "SIGINT": 5.0,
    "SIGTERM": 2.0,
    "full disk": 1.0,
    "file limit": 2.0,
    "no folder": 1.0,
    "no terminal": 1.0,
    "locale C": 1.0,
    "pipe": 1.0,
    "narrow": 1.0,
    "no home": 1.0,
}
_LONGEST = 90.0


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """What happens, and when."""
    return {
        "kind": one_of(rng, list(_KINDS), list(_KINDS.values())),
        "moment": float(np.round(rng.uniform(0.05, 4.0), 2)),
        "bytes": int(rng.integers(0, 300_000)),
    }


@functools.lru_cache(maxsize=1)
def _earlier() -> dict[str, bytes]:
    """The files of a run that came to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "problem.toml").write_text(_SPEC)
        subprocess.run([sys.executable, "-c", _MAIN, "run", "problem.toml", "--out", "out"], cwd=folder, check=True,
                       capture_output=True, timeout=300)  # fmt: skip
        return files(folder)


def judge(p: dict[str, Any]) -> Answer:
    """The run ends in time, in a sentence, and what lay in its folder is whole: the earlier result or a new one."""
    before = _earlier()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in before.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        if p["kind"] == "full disk":
            return _on_a_full_disk(folder, p)
        return _in(folder, p, before)


def _in(folder: Path, p: dict[str, Any], before: dict[str, bytes]) -> Answer:
    kind = p["kind"]
    words = [
        sys.executable,
        "-c",
        _MAIN,
        "run",
        "problem.toml",
        "--out",
        "/proc/nowhere" if kind == "no folder" else "out",
    ]
    keys: dict[str, Any] = {"env": dict(os.environ), "preexec_fn": None}
    if kind == "locale C":
        keys["env"] |= {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"}
    elif kind == "narrow":
        keys["env"]["COLUMNS"] = "40"
    elif kind == "no home":
        keys["env"] |= {"HOME": "/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"}
    elif kind == "file limit":
        keys["preexec_fn"] = functools.partial(_limit_files, p["bytes"])
    elif kind == "pipe":
        words = ["sh", "-c", " ".join(f"'{word}'" for word in words) + " | head -1 >/dev/null; exit ${PIPESTATUS:-0}"]
    process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace", **keys)  # fmt: skip
    try:
        if kind in ("SIGINT", "SIGTERM"):
            time.sleep(p["moment"])
            process.send_signal(getattr(signal, kind))
        out, err = process.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Answer("HUNG", (), (must("comes to an end", False),))
    code = process.returncode
    wanted = {"SIGINT": (0, 130), "SIGTERM": (0, 130, 143), "file limit": (0, 1), "no folder": (1, 2)}.get(kind, (0,))
    # before Python has set its handlers, a signal ends it as it ends any program
    early = kind in ("SIGINT", "SIGTERM") and p["moment"] < 0.3 and code in (-2, -15, 1, 130)
    checks = [
        must(f"exit code, not {code}", code in wanted or early),
        must("no traceback", "Traceback" not in out + err or early),
        must("few lines", err.count("\n") <= 4 or early),
        must("problem is as it was", (folder / "problem.toml").read_bytes() == before["problem.toml"]),
    ]
    kept = files(folder)
    lost = [file for file in before if file not in kept]
    checks.append(must(f"nothing lost, not {lost[:3]}", not lost))
    for file in kept:
        if file.endswith(".nc"):
            checks.append(must(f"{Path(file).name} is whole", _whole(folder / file)))
    checks.append(must("no half-written files", not any("partial" in file for file in kept)))
    return Answer(str(code), (), tuple(checks))


def _limit_files(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _whole(path: Path) -> bool:
    try:
        ss.load(path)
    except ss.ArgumentError:
        return False
    return True


def _on_a_full_disk(folder: Path, p: dict[str, Any]) -> Answer:
    """The same on a small file system of its own, where one may be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={400_000 + p['bytes']}"
    if (
        not shutil.which("mount")
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], capture_output=True, check=False
        ).returncode
    ):
        raise UnsuitableError("no file system may be mounted here")
    try:
        (disk / "problem.toml").write_text(_SPEC)
        (disk / "filling").write_bytes(bytes(350_000))
        done = subprocess.run([sys.executable, "-c", _MAIN, "run", "problem.toml", "--out", "out"], cwd=disk,
                              capture_output=True, text=True, timeout=_LONGEST, check=False)  # fmt: skip
        checks = [
            must(f"exit code, not {done.returncode}", done.returncode in (0, 1)),
            must("no traceback", "Traceback" not in done.stderr),
            must("few lines", done.stderr.count("\n") <= 4),
            must("spec is as it was", (disk / "problem.toml").read_text() == _SPEC),
        ]
    finally:
        subprocess.run(["umount", str(disk)], check=False, capture_output=True)
    return Answer(str(done.returncode), (), tuple(checks))


FAMILY = Family("surroundings", 0.2, draw, judge)
