"""Time and memory to read and judge a long log: CSV of 1e6 rows, 40 000 event scalars, and the start of the command.

Run: python benchmarks/reading_logs.py [ROWS]. Each measurement is a process of its own, and its answer is checked.
"""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_COMMAND = [sys.executable, "-m", "saddlescope", "plateaus", "--values", "log"]


def measured(words: list[str]) -> tuple[float, float, float, str]:
    """Run a program; return its seconds, those of the processor, its largest resident set in MB, its output."""
    begin = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed


def curve(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A loss with two drops and noise of 5 %, shape (rows,)."""
    steps = np.arange(1, rows + 1)
    level = 0.01 + 1 / (1 + (steps / 3e3) ** 4) + 0.1 / (1 + (steps / (rows / 20)) ** 4)
    return steps, level * (1 + 0.05 * np.random.default_rng(0).standard_normal(rows))


def write_csv(path: Path, rows: int) -> None:
    steps, loss = curve(rows)
    with path.open("w") as file:
        file.write("step,loss,acc,lr\n")
        for first in range(0, rows, 100_000):
            part = slice(first, first + 100_000)
            file.write(
                "".join(f"{s},{v:.6g},{1 - v:.6g},0.001\n" for s, v in zip(steps[part], loss[part], strict=True))
            )


def write_events(path: Path, scalars: int) -> None:
    """Write an event file as TensorBoard does, one scalar a record."""
    from saddlescope.curves.formats.events import masked_crc

    def varint(value: int) -> bytes:
        parts = []
        while value > 127:
            parts.append(value & 127 | 128)
            value >>= 7
        return bytes([*parts, value])

    steps, loss = curve(scalars)
    with path.open("wb") as file:
        for step, value in zip(steps, loss, strict=True):
            entry = b"\x0a\x04loss\x15" + struct.pack("<f", value)
            summary = b"\x0a" + varint(len(entry)) + entry
            event = b"\x09" + struct.pack("<d", 1.7e9 + step) + b"\x10" + varint(int(step))
            event += b"\x2a" + varint(len(summary)) + summary
            head = struct.pack("<Q", len(event))
            crcs = [int(masked_crc(np.frombuffer(part, dtype=np.uint8)[None])[0]) for part in (head, event)]
            file.write(head + struct.pack("<I", crcs[0]) + event + struct.pack("<I", crcs[1]))


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        csv, events, small = (Path(folder) / name for name in ("long.csv", "events.tfevents", "short.csv"))
        write_csv(csv, rows)
        write_events(events, 40_000)
        write_csv(small, 50)
        lines = []
        for name, words in (
            ("import numpy", [sys.executable, "-c", "import numpy"]),
            ("start: a log of 50 rows", [*_COMMAND, str(small)]),
            (f"CSV of {rows} rows, {csv.stat().st_size / 2**20:.0f} MB", [*_COMMAND, str(csv)]),
            ("40 000 event scalars", [*_COMMAND, str(events)]),
        ):
            seconds, processor, memory, printed = min((measured(words) for _ in range(3)), key=lambda run: run[1])
            if "long" in words[-1] or "events" in words[-1]:
                assert printed.count("drop") >= 1, printed
            lines.append(f"| {name} | {seconds:.2f} s | {processor:.2f} s | {memory:.0f} MB |")
    print("| what | time | processor | memory |\n|---|---|---|---|\n" + "\n".join(lines))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
