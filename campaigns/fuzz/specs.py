"""Specs that somebody got wrong."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from campaigns.case import Answer, Family
from campaigns.draws import integer, one_of
from campaigns.fuzz.ending import command, files, must, sentence

_BASES = [
    """title = "A small run"
[problem]
link = [1.0, -1.0]
activation = [1.0, 1.0]
[dynamics]
kind = "mean_field"
epsilon = 1e-3
until = 0.5
second_layer = { law = "uniform", low = -1.0, high = 1.0 }
particles = 16
[solver]
rtol = 1e-5
states = 10
[theory]
levels = 0
[picture]
scale = "linear"
""",
    """family = "deep_linear"
[problem]
kind = "target"
matrix = [[2.0, 0.5], [0.0, 1.0]]
[network]
depth = 2
width = 3
gamma = 1.0
scale = 0.5
seed = 1
[dynamics]
until = 5.0
[solver]
states = 10
""",
    """family = "network"
[problem]
link = [0.0, 1.0]
activation = [0.0, 1.0]
directions = 1
[dynamics]
epsilon = 1.0
until = 0.5
neurons = 2
dimension = 10
[theory]
levels = 0
[[run]]
name = "SGD"
kind = "sgd"
step_size = 0.05
""",
]
_VALUES = [
    "-1", "0", "nan", "inf", "-inf", "1e300", "1e-300", "1e400", "5e-324", "true", '"text"', '""', "[]", "[[]]", "{}",
    "[1, 2, 3]", "[[1, 2], [3]]", "2020-01-01", "07:30:00", "999999999999", "-0.0", "1.5",
    '"canonical"', '"\\u001b[31mred"',
    '"$x^{bad$"', '"\\u202e"', "[nan]", '["a"]', "0x10", "1_000", '"a"' + "\n" + 'b = "c"', "'''x'''",
    '"' + "long" * 200 + '"',
    "1" + "0" * 5000, "[" * 900 + "]" * 900, "1e5", "[1e400]", '{ law = "normal" }', "[true]", "[1" + ", 1" * 300 + "]",
]  # fmt: skip
_WAYS = ["value", "delete", "rename", "repeat", "bytes", "table", "cut", "swap", "setting", "missing"]


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """One base spec and one or two accidents."""
    text = _BASES[integer(rng, 0, len(_BASES) - 1)]
    settings: list[str] = []
    for _ in range(one_of(rng, [1, 2], [3, 1])):
        text, setting = _mutated(text, one_of(rng, _WAYS, [8, 2, 2, 1, 1, 1, 1, 1, 4, 1]), rng)
        settings += setting
    return {"text": text, "settings": settings}


def _mutated(text: str, way: str, rng: np.random.Generator) -> tuple[str, list[str]]:
    lines = text.splitlines()
    keys = [n for n, line in enumerate(lines) if "=" in line and not line.startswith("[")]
    if not keys:
        return text, []
    at = int(rng.choice(keys))
    key = lines[at].split("=")[0].strip()
    value = _VALUES[integer(rng, 0, len(_VALUES) - 1)]
    if way == "value":
        lines[at] = f"{key} = {value}"
    elif way == "delete":
        del lines[at]
    elif way == "rename":
        lines[at] = lines[at].replace(key, key[:-1] + "x" if len(key) > 2 else "q", 1)
    elif way == "repeat":
        lines.insert(at, lines[at])
    elif way == "bytes":
        place = integer(rng, 0, max(len(text) - 1, 0))
        return text[:place] + chr(integer(rng, 1, 0x2FF)) + text[place + 1 :], []
    elif way == "table":
        heads = [n for n, line in enumerate(lines) if line.startswith("[")]
        if heads:
            lines[int(rng.choice(heads))] = one_of(
                rng, ["[nonsense]", "[[problem]]", "[", "[problem.link]", "[dynamics]"]
            )
    elif way == "cut":
        return text[: integer(rng, 0, len(text))], []
    elif way == "swap":
        other = int(rng.choice(keys))
        lines[at], lines[other] = lines[other], lines[at]
    elif way == "setting":
        table = next((line.strip("[]") for line in reversed(lines[:at]) if re.fullmatch(r"\[\w+\]", line)), "problem")
        word = one_of(
            rng, [f"--{table}.{key}", f"--{key}", f"--{table}", f"--{table}.{key}x", key, f"--{table}.{key}="]
        )
        return text, [word, value.splitlines()[0]] if rng.random() < 0.9 else [word]
    elif way == "missing":
        lines = [line for line in lines if not line.startswith("[")]
    return "\n".join(lines) + "\n", []


def judge(p: dict[str, Any]) -> Answer:
    """Run the spec; a refusal is a sentence and leaves no trace, a run leaves its files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "problem.toml").write_bytes(p["text"].encode("utf-8", "surrogatepass"))
        before = files(folder)
        code, out, err = command(["run", "problem.toml", "--out", "out", *p["settings"]], folder)
        after = files(folder)
        checks = [must("exit code", code in (0, 1, 2)), must("no traceback", "Traceback" not in out + err)]
        checks.append(must("spec is as it was", after.get("problem.toml") == before["problem.toml"]))
        if code == 2:
            checks += [*sentence(err), must("nothing printed", out == ""), must("nothing written", after == before)]
        elif code in (0, 1):
            checks.append(must("a result is kept", any(file.endswith(".nc") for file in after)))
    return Answer(str(code), (), tuple(checks))


FAMILY = Family("mutated specs", 5.0, draw, judge)
