"""The house's walls: imports that never climb nor run in circles, small folders, modules that no name hides."""

import ast
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "saddlescope"
MOST = 12  # modules in a folder
CIRCLES: set[frozenset[str]] = set()
# `ss.sweep` is a package that carries its own functions
HIDDEN = {"sweep/sweep.py"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("saddlescope", exclude_type_checking_imports=True, cache_dir=None)


def circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Strongly connected sets of two modules or more, by Tarjan's algorithm without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    results: list[set[str]] = []
    for root in sorted(graph.modules):
        work = [(root, iter(sorted(graph.find_modules_directly_imported_by(root))))] if root not in index else []
        while work:
            module, rest = work[-1]
            if module not in index:
                index[module] = low[module] = len(index)
                stack.append(module)
            for other in rest:
                if other not in index:
                    work.append((other, iter(sorted(graph.find_modules_directly_imported_by(other)))))
                    break
                if other in stack:
                    low[module] = min(low[module], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[module])
                if low[module] == index[module]:
                    part = set()
                    while not part or module not in part:
                        part.add(stack.pop())
                    results += [part] if len(part) > 1 else []
    return results


def test_no_files_import_each_other_in_a_circle(graph):
    assert [sorted(part) for part in circles(graph) if frozenset(part) not in CIRCLES] == []


def test_no_import_climbs():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_no_folder_is_full():
    full = {
        str(folder.relative_to(SOURCE)): len(modules)
        for folder in SOURCE.rglob("*")
        if folder.is_dir() and len(modules := [p for p in folder.glob("*.py") if p.name != "__init__.py"]) > MOST
    }
    assert full == {}


def test_no_module_is_hidden_behind_a_name_that_its_package_exports():
    hidden = []
    for package in SOURCE.rglob("__init__.py"):
        block = next((b for b in ast.parse(package.read_text()).body if isinstance(b, ast.If)), None)
        for line in block.body if block else ():
            assert isinstance(line, ast.ImportFrom)
            for alias in line.names:
                module = package.parent / f"{alias.name}.py"
                own = ".".join(package.parent.relative_to(SOURCE.parent).parts)
                if line.module != own and module.is_file():
                    hidden.append(str(module.relative_to(SOURCE)))
    assert sorted({*hidden} - HIDDEN) == []
