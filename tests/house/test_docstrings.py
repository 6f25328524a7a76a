"""Docstrings are held to signatures: what they list are the arguments, all of them, and what they say is raised is."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "saddlescope"
_SECTION = re.compile(r"^\s*(Args|Arguments|Returns|Raises|Yields|Example|Examples|Source|Attributes):")
_ENTRY = re.compile(r"(?:^|; )(\*{0,2}\w+(?:, \*{0,2}\w+)*):")


def _functions(tree):
    """Each function with the arguments that it takes; a class passes its docstring to its __init__."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node, ast.get_docstring(node)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    yield node.name, inner, ast.get_docstring(node)


def taken(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of the arguments in the signature."""
    every = node.args
    names = [a.arg for a in (*every.posonlyargs, *every.args, *every.kwonlyargs)]
    names += [a.arg for a in (every.vararg, every.kwarg) if a]
    return {name for name in names if name not in ("self", "cls") and not name.startswith("_")}


def listed(doc: str) -> set[str] | None:
    """Names under "Args:"; None where there is no such section. A line may hold several: "low, high: ends; n: all"."""
    lines = doc.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.strip() in ("Args:", "Arguments:")), None)
    if begin is None:
        return None
    rows, indent = [], None
    for line in lines[begin + 1 :]:
        if not line.strip():
            break
        here = len(line) - len(line.lstrip())
        if _SECTION.match(line) and here == 0:
            break
        indent = here if indent is None else indent
        if here > indent:
            rows[-1] += " " + line.strip()
        else:
            rows.append(line.strip())
    names = [name for row in rows for entry in _ENTRY.findall(row) for name in entry.split(", ")]
    return {name.lstrip("*") for name in names}


def faults(text: str) -> list[str]:
    """What docstrings of a module and signatures say differently."""
    said = []
    for name, node, doc in _functions(ast.parse(text)):
        names = listed(doc) if doc else None
        if names is None:
            continue
        said += [f"{name}: `{argument}` is not explained" for argument in sorted(taken(node) - names)]
        said += [f"{name}: `{argument}` is no argument" for argument in sorted(names - taken(node))]
    return said


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_arguments_explained_are_those_taken(path):
    assert faults(path.read_text()) == []


def test_what_differs_is_found():
    assert faults(
        'def f(a, b, *, c=1):\n    """Do.\n\n    Args:\n        a, d: of it; b: too\n            long.\n    """'
    ) == [
        "f: `c` is not explained",
        "f: `d` is no argument",
    ]
    assert faults('def f(a):\n    """Do."""') == []
