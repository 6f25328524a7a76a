"""Damaged copies of the open cases end in an answer or in one sentence: never a traceback, 5 s or 300 MB.

The suite takes a few hundred; `python tests/curves/test_damaged.py 2000 [SEED]` takes as many as it is told.
"""

import contextlib
import io
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

CASES = Path(__file__).parent / "cases"
SECONDS, MEGABYTES = 5.0, 300


def truncated(data, rng):
    return data[: int(rng.integers(0, len(data)))]


def shuffled(data, rng):
    lines = data.split(b"\n")
    if rng.random() < 0.5:
        first = int(rng.integers(0, len(lines)))
        some = lines[first : first + int(rng.integers(2, 50))]
        lines[first : first + len(some)] = [some[k] for k in rng.permutation(len(some))]
        return b"\n".join(lines)
    return b"\n".join(lines[k] for k in rng.permutation(len(lines)))


def flipped(data, rng):
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 60))):
        damaged[int(rng.integers(len(damaged)))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def cut_out(data, rng):
    first, length = int(rng.integers(len(data))), int(rng.integers(1, max(len(data) // 3, 2)))
    return data[:first] + data[first + length :]


def doubled(data, rng):
    first, length = int(rng.integers(len(data))), int(rng.integers(1, len(data)))
    return data[: first + length] + data[first : first + length] + data[first + length :]


_ODD = (
    b"9" * 5000, b"1e999", b"-1e308", b"nan", b"\x00", b"\x1b[2J", b'"', b"\xff\xfe", b"," * 500, b"\r", b"{" * 2000,
    b"[" * 200_000, b"0x1p3", b"1_0", b"\xe2\x80\xae", b"a " * 20_000, b"-", b"#", b"\n\n", b"\t", b"'", b"1e-320",
    b"4.9e-324", b"99999999999999999999", b"loss=" * 3000, b"epoch 1/",
)  # fmt: skip


def odd_numbers(data, rng):
    """Put something odd in the place of some numbers, or between others."""
    places = [match.span() for match in re.finditer(rb"[-\d.]+", data)]
    if not places:
        return data
    for k in sorted(rng.integers(0, len(places), int(rng.integers(1, 6))), reverse=True):
        begin, end = places[k]
        data = data[:begin] + _ODD[int(rng.integers(len(_ODD)))] + data[end if rng.random() < 0.7 else begin :]
    return data


def mixed(data, rng):
    """Set a piece of another case behind a piece of this one."""
    files = sorted(CASES.iterdir())
    other = files[int(rng.integers(len(files)))].read_bytes()
    return truncated(data, rng) + other[int(rng.integers(len(other))) :]


def other_signs(data, rng):
    signs = [b",", b";", b"\t", b" ", b"|", b":", b"\r\n", b"\n", b".", b"e", b'"', b"_"]
    old, new = (signs[int(k)] for k in rng.integers(0, len(signs), 2))
    return data.replace(old, new)


DAMAGES = (truncated, shuffled, flipped, cut_out, doubled, odd_numbers, mixed, other_signs)


def outcome(path, main):
    """Run the command on a file; return "told", "refused", or what went wrong."""
    out, err = io.StringIO(), io.StringIO()
    begin = time.process_time()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            code = main(["plateaus", str(path)])
    except BaseException:
        return traceback.format_exc()
    if time.process_time() - begin > SECONDS:
        return f"took {time.process_time() - begin:.1f} s"
    said = err.getvalue()
    if code == 0 and out.getvalue() and not said:
        return "told"
    if code == 2 and len(said.splitlines()) == 1 and said.isprintable() is False and said[:-1].isprintable():
        return "refused" if len(said) < 2500 else f"a sentence of {len(said)} letters"
    return f"code {code}, said {said[:300]!r}"


def campaign(count, seed):
    """Run the command on damaged copies; print how they ended, and every failure."""
    from saddlescope.cli import main

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    files = [file for file in sorted(CASES.iterdir()) if file.name != "cases.json"]
    ended = Counter({"told": 0, "refused": 0})
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            file = files[number % len(files)]
            damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
            data = damage(file.read_bytes(), rng)
            if rng.random() < 0.2:
                damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
                data = damage(data, rng) if data else data
            path = Path(folder) / f"damaged{file.suffix}"
            path.write_bytes(data)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            end = outcome(path, main)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if after > MEGABYTES * 1024 and after > before:
                end = f"took {after / 1024:.0f} MB"
            if end not in ("told", "refused"):
                print(f"FAILED {number} {file.name} {damage.__name__}: {end}")
                if len(sys.argv) > 3:
                    (Path(sys.argv[3]) / f"{number}{file.suffix}").write_bytes(data)
                end = "failed"
            ended[end] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} copies: {dict(ended)}, at most {peak:.0f} MB")
    return 1 if ended["failed"] else 0


def test_damaged_copies_end_in_an_answer_or_a_sentence():
    run = subprocess.run(
        [sys.executable, __file__, "240", "1"], capture_output=True, text=True, timeout=300, env={**os.environ}
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    told, refused = (int(count) for count in re.findall(r"'(?:told|refused)': (\d+)", run.stdout))
    assert told > 100  # damage leaves most logs readable
    assert refused > 20


if __name__ == "__main__":
    sys.exit(campaign(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
