"""One line of a printed log: its counters, its named numbers, and what opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|infinity)\b"
_UNIT = r"ms/step|s/step|ms|us|µs|secs?|seconds?|s|min|mins|h|it/s|s/it|MiB|GiB|MB|GB|KB|TFLOPS|tok/s|[kKMGB]|%"
# one word, or up to four with single blanks between them, straight before the number
_WORD = r"[A-Za-z_][\w./@'%-]*(?:\([A-Za-z_%/]{1,12}\))?"
_NAME = rf"{_WORD}(?:[ ]{_WORD}){{0,3}}"
_PAIR = re.compile(
    rf"(?<![\w.])(?P<name>{_NAME})(?P<sep>\s*[:=]\s*|\s+)(?P<number>{_NUMBER})(?P<of>\s*/\s*\d+(?![\w./]))?"
    rf"(?:\s?(?P<unit>{_UNIT})(?![A-Za-z0-9_]))?(?![A-Za-z0-9_/]|:\d|-\d|\.\d)",
    re.IGNORECASE,
)
_COUNTER_WORD = (
    r"total[_ ]timesteps|timesteps?|global[_ ]?steps?|training[_ "
    r"]iteration|steps?|iterations?|iters?|it|itr|num_updates|updates?|"
    r"minibatch|batch|round|episodes?|epochs?|ep|s"
)
_COUNTER = re.compile(
    r"(?<![\w./])(?:(?:train|training|global|current|optimi[sz]er|val|valid|validation|test|eval)[ "
    rf"_])?(?P<word>{_COUNTER_WORD})\s*"
    r"(?:\((?P<mode>train|val|valid|test|eval)\)\s*)?"
    r"(?P<sep>[:=#]\s*|\s+|(?=\[))\[?\s*(?P<at>\d{1,3}(?:,\d{3})+(?![\d,])|\d+(?:\.\d+)?)\s*(?:(?:/|of)\s*(?P<of>\d+))?"
    r"(?:\s*\([\d.]+%\))?\s*\]?"
    r"(?:\s*:?\s*\[\s*(?P<inner>\d+)(?:\s*/\s*(?P<total>\d+))?\s*(?:\([\d.\s]+%\))?\s*\])?"
    r"(?![\w.%])",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"([A-Za-z]+)[ _]*$")
_NUMBERED = re.compile(r"(?<![\w.])(?P<at>\d+)(?:st|nd|rd|th)?[ ]?(?P<word>epoch)\b", re.IGNORECASE)
_LEADING = re.compile(r"\s*(?:\[(\d+)\]|(\d+)(?:/(\d+))?:?)(?=[\s:])")
_PROGRESS = re.compile(r"(?<![\w./])(\d+)/(\d+)(?=\s*[\[\]━=>.…]|\s+-\s|\s*$)")
_FILE = re.compile(r"\.(?:py|cc|cpp|cu|c|h|jl|ipynb|sh)$", re.IGNORECASE)
_TAG = re.compile(r"\[(train|valid|val|validation|test|eval|dev)\]", re.IGNORECASE)
_MODE = re.compile(
    r"(?<![A-Za-z_/.-])(train_inner|train|training|valid|validation|val|test|testing|eval|evaluation|dev)(?![A-Za-z_/.-])",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"\d{2,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?|(?<=T)\d{2}:\d{2}:\d{2}(?:[.,]\d+)?Z?"
)
_CODE = re.compile(
    r"^\s*(?:import\s|from\s+\S+\s+import|def\s|class\s|return\b|print\w*\(|if\s.*:\s*$|for\s.*:\s*$|while\s.*:\s*$|@\w|#\s|//|\"\"\"|'''|>>>|"
    r"elif\s|else:|try:|except\b|with\s.*:\s*$|File "
    r"\")|[{][a-z_.]+(?::[^}]*)?[}]|f\"|f'|\bself\.|\w\s*=\s*[A-Za-z_][\w.]*\s*[-+*/(\[]"
)
_NO_COUNTER_BEFORE_TEXT = """
    number skipped nan per max num warmup best remaining every last of patience the total in
"""
_NO_COUNTER_BEFORE = frozenset(_NO_COUNTER_BEFORE_TEXT.split())
_STOP_TEXT = """
    from to than improved did not saving model took after line version port rank seed world device devices python
    cuda eta
"""
_STOP = frozenset(_STOP_TEXT.split())


@dataclass
class Line:
    """What a line holds.

    counters: name -> (value, total or 0); numbers: name -> (value, unit); mode: such as "valid"; opening: its start.
    progress: whether the only counter is that of a progress bar.
    """

    counters: dict[str, tuple[float, float]]
    numbers: dict[str, tuple[float, str]]
    mode: str
    opening: str
    progress: bool


def read_line(text: str) -> Line | None:
    """Return the counters and named numbers of a line, None where it has none or is source code.

    >>> line = read_line("iter 10: loss 9.7206, time 208.01ms, mfu -100.00%")
    >>> line.counters, line.numbers
    ({'iter': (10.0, 0.0)}, {'loss': (9.7206, ''), 'time': (208.01, 'ms'), 'mfu': (-100.0, '%')})
    """
    if not any(c.isdigit() for c in text) or _CODE.search(text[:400]):
        return None
    plain = _STAMP.sub(" ", text) if ":" in text or "-" in text else text
    counters, taken, first = _counters(plain)
    progress = False
    if not counters:
        leading = _LEADING.match(plain)
        bar = _PROGRESS.search(plain)
        if bar is not None and (leading is None or "/" in leading[0]):
            counters, progress = {"batch": (float(bar[1]), float(bar[2]))}, True
            taken, first = [bar.span()], bar.start()
        elif leading is not None:
            at = leading[1] or leading[2]
            counters, taken, first = (
                {"iteration": (float(at), float(leading[3] or 0))},
                [leading.span()],
                leading.start(),
            )
    elif set(counters) == {"epoch"}:
        bar = _PROGRESS.search(plain, max(end for _, end in taken))
        if bar is not None:
            counters["batch"], progress = (float(bar[1]), float(bar[2])), True
            taken.append(bar.span())
    rest = plain
    for start, end in taken:
        rest = rest[:start] + "," * (end - start) + rest[end:]
    numbers, where = _numbers(rest)
    if not counters and not numbers:
        return None
    opening_end = min([first if counters else len(plain), where])
    opening = re.sub(r"\d+", "0", re.sub(r"\s+", " ", plain[:opening_end]))[:80]
    # a comment of a program; but tqdm draws bars |###  | and people open lines by ##
    if "#" in re.sub(r"\|[^|]*\|", "", opening) and not opening.lstrip().startswith("##"):
        return None
    mode = _mode(rest, numbers, plain)
    return Line(counters, numbers, mode, opening, progress)


def _counters(text: str) -> tuple[dict[str, tuple[float, float]], list[tuple[int, int]], int]:
    counters: dict[str, tuple[float, float]] = {}
    taken: list[tuple[int, int]] = []
    first = len(text)
    for match in _COUNTER.finditer(text):
        before = _BEFORE.search(text, max(match.start() - 24, 0), match.start())
        if before is not None and before[1].lower() in _NO_COUNTER_BEFORE:
            continue
        word = re.sub(r"[ ]", "_", match["word"].lower())
        if word == "s" and match["sep"].strip() != ":":
            continue
        if word in ("it", "ep") and not match["sep"].strip():
            continue
        word = {"epochs": "epoch", "steps": "step", "iterations": "iteration", "iters": "iter", "ep": "epoch"}.get(
            word, word
        )
        if word in counters:
            continue
        counters[word] = (float(match["at"].replace(",", "")), float(match["of"] or 0))
        if match["inner"] is not None and word == "epoch":
            counters["iter"] = (float(match["inner"]), float(match["total"] or 0))
        first = min(first, match.start())
        taken.append(match.span())
    if not counters:
        for match in _NUMBERED.finditer(text):
            counters["epoch"] = (float(match["at"]), 0.0)
            first = min(first, match.start())
            taken.append(match.span())
            break
    return counters, taken, first


def _numbers(text: str) -> tuple[dict[str, tuple[float, str]], int]:
    numbers: dict[str, tuple[float, str]] = {}
    where = len(text)
    tags = [(match.start(), match[1].lower()) for match in _TAG.finditer(text)]
    for match in _PAIR.finditer(text):
        name = " ".join(match["name"].split()).strip("-.'%")
        parts = set(name.lower().split())
        if not name or parts & _STOP or _FILE.search(name):
            continue
        value = float(match["number"])
        if match["of"]:
            whole = float(match["of"].replace("/", ""))
            value = value / whole if whole else float("nan")
        tag = ""
        for start, word in tags:
            if start < match.start():
                tag = word
        where = min(where, match.start())
        unit = match["unit"] or ""
        numbers.setdefault(f"{tag}/{name}" if tag else name, (value, unit if unit == "%" else unit.lower()))
    return numbers, where


def _mode(rest: str, numbers: dict[str, tuple[float, str]], text: str) -> str:
    """Return the word that says of which part of the data a line tells, if it stands outside of the names."""
    outside = rest
    for name in numbers:
        outside = outside.replace(name.rsplit("/", 1)[-1] if name.startswith(("train/", "val")) else name, " ")
    outside = _TAG.sub(" ", outside)
    match = _MODE.search(outside) or re.search(r"\((train|val|valid|test|eval)\)", text, re.IGNORECASE)
    if match is None:
        return ""
    word = match[1].lower()
    return {
        "training": "train",
        "train_inner": "train_inner",
        "validation": "valid",
        "testing": "test",
        "evaluation": "eval",
    }.get(word, word)
