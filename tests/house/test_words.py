"""One word for one thing: names that were given up for the field's own do not come back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTEAD = {
    "found": "result",
    "landscape": "numpy_cost",
    "Landscape": "NumpyCost",
    "looks": "observed",
    "look": "observe",
    "bend": "curvature_bound",
    "Wait": "TimeAtSaddle",
    "waits": "times_at_saddle",
    "flags": "graded",
    "mixing": "invariant_subspaces",
    "modes": "singular_values",
}


def bound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that a module gives to things; what it calls of others, such as `process.wait`, is theirs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


@pytest.mark.parametrize("folder", ["src", "tests", "campaigns", "benchmarks"])
def test_no_name_is_of_the_words_given_up(folder: str):
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}, instead of {INSTEAD[name]}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in bound(ast.parse(path.read_text()))
        if name in INSTEAD
    ]
    assert wrong == []
