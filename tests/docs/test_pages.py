"""Pages are whole: commands exist, code compiles, links and source files are there. `make docs` runs them."""

import ast
import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import saddlescope as ss

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "saddlescope"
sys.path.insert(0, str(DOCS / "_ext"))

import pages  # noqa: E402  # pyright: ignore[reportMissingImports]
import site_check  # noqa: E402  # pyright: ignore[reportMissingImports]

PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), *DOCS.glob("theory/*.md")])
GALLERY = sorted(DOCS.glob("gallery/*/*.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_code_compiles_and_commands_are_taken(path):
    for block in pages.blocks(path.read_text(encoding="utf-8")):
        if block.language in ("python", "py"):
            compile(block.text, path.name, "exec")
        if block.language == "sh":
            assert not pages.commands(block.text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_within_the_repository_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("#"):
            continue
        name = target.partition("#")[0]
        if "auto_gallery" in name:
            script = name.partition("auto_gallery/")[2]
            assert script == "index" or (DOCS / "gallery" / f"{script}.py").is_file(), target
        elif not name.endswith("api/index"):
            assert (path.parent / name).exists(), target


def test_pages_of_theory_name_files_of_the_source():
    named = set()
    for path in DOCS.glob("theory/*.md"):
        quoted = re.findall(r"^> (.*(?:\n> .*)*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        named |= set(re.findall(r"`([\w/]+(?:\.py|/))`", "\n".join(quoted)))
    assert len(named) > 25
    assert not [name for name in sorted(named) if not (SOURCE / name).exists()]


def test_the_gallery_is_one_screen_and_one_picture_each():
    assert len(GALLERY) >= 15
    for path in GALLERY:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        assert len(text.splitlines()) <= 45, path.name
        title, line = (ast.get_docstring(tree) or "").splitlines()[:2]
        assert len(title) == len(line), path.name
        assert set(line) == {"="}, path.name


def used_names(code):
    """Every `ss.name.name` of some code, without the last name where that is of an object."""
    return set(re.findall(r"\bss((?:\.[a-zA-Z_]\w*)+)", code))


@pytest.mark.parametrize("path", [*PAGES, *GALLERY], ids=lambda path: path.stem)
def test_names_that_are_used_are_there(path):
    text = path.read_text(encoding="utf-8")
    for dotted in used_names(text):
        thing = ss
        for name in dotted[1:].split("."):
            assert hasattr(thing, name), f"{path.name} uses ss{dotted}"
            thing = getattr(thing, name)
            if not inspect.ismodule(thing):
                break
    for module, names in re.findall(r"^from (saddlescope[\w.]*) import (.+)$", text, flags=re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), f"{path.name} imports {name} from {module}"


def test_every_public_name_has_its_place_in_the_reference():
    import apipages  # pyright: ignore[reportMissingImports]

    texts = apipages.pages()
    shown = "\n".join(texts.values())
    for name in ss.__all__:
        assert re.search(
            rf"(\.\. auto\w+:: {name}$)|(module:: saddlescope\.{name}$)|^__version__$", shown, re.MULTILINE
        ) or (name == "__version__"), name
    for room in ("plot", "measure", "deep_linear", "single_index", "gaussian", "curves", "diagonal_linear"):
        for name in getattr(ss, room).__all__:
            again = re.search(rf":py:obj:`~saddlescope\.{name}`", texts[room])
            assert again or f":: {name}\n" in texts[room], (room, name)


def test_numbers_on_a_page_are_held_to_their_last_digit():
    assert pages.same("t = 4.361e-02, ...", "t =  4.3612e-02, and more")
    assert not pages.same("4.358e-02", "4.361e-02")
    assert not pages.same("18 %", "20 %")
    assert not pages.same("1.0", "one")
    assert pages.same("rank 2: -0.50", "rank 2: -0.501")


def test_a_page_that_says_something_else_is_told(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nprint(0.5)\n```\n\n```text\n0.7\n```\n\n```sh\nsaddlescope rum canonical\n```\n", encoding="utf-8"
    )
    wrong = pages.run(page)
    assert len(wrong) == 2
    assert "0.7" in wrong[0]
    assert "rum" in wrong[1]
    page.write_text("```python\nprint(0.5)\n```\n\n```text\n0.7\n```\n", encoding="utf-8")
    assert pages.run(page, write=True) == []
    assert "0.5\n```" in page.read_text(encoding="utf-8")


def test_a_site_with_a_dead_link_or_a_font_from_afar_is_told(tmp_path):
    (tmp_path / "searchindex.js").write_text("", encoding="utf-8")
    page = tmp_path / "index.html"
    page.write_text('<a href="index.html#here">x</a><p id="here"></p>', encoding="utf-8")
    assert site_check.faults(tmp_path) == []
    page.write_text(
        '<a href="gone.html">x</a><a href="#no">y</a><script src="https://cdn.example/x.js"></script>', encoding="utf-8"
    )
    assert len(site_check.faults(tmp_path)) == 3
