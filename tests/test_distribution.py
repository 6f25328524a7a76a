"""What is handed out: the content of sdist and wheel, and that the wheel works where the source is not."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import saddlescope as ss

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Paths of a wheel and an sdist made from the source as it stands."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def shipped(pattern):
    source = ROOT / "src"
    results = {path.relative_to(source).as_posix() for path in source.rglob(pattern) if path.is_file()}
    return {name for name in results if "__pycache__" not in name and ".egg-info" not in name}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built):
    names = set(zipfile.ZipFile(built[0]).namelist())
    package = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert package == shipped("*")
    assert {"saddlescope/py.typed", "saddlescope/specs/shipped/canonical.toml"} <= package


def test_the_sdist_holds_the_source_and_no_tests(built):
    with tarfile.open(built[1]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {f"src/{name}" for name in shipped("*")} <= names
    assert {"README.md", "LICENSE", "CITATION.cff", "pyproject.toml"} <= names
    assert not {name for name in names if name.split("/")[0] in ("tests", "campaigns", "benchmarks", ".ci", "docs")}


def test_the_metadata_says_what_it_is(built):
    with zipfile.ZipFile(built[0]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = Parser().parsestr(archive.read(name).decode())
        points = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert told["Version"] == ss.__version__
    assert (told["License-Expression"], told["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert told["Summary"] == PROJECT["description"]
    assert "saddlescope = saddlescope.cli:main" in points
    assert all(url.partition(", ")[2].startswith("https://arxiv.org/abs/") for url in told.get_all("Project-URL", []))
    direct = [line for line in told.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert 0 < len(direct) <= 14


def test_the_wheel_works_where_the_source_is_not(built, tmp_path):
    zipfile.ZipFile(built[0]).extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import saddlescope\nfrom saddlescope.cli import main\n"
        "print(saddlescope.__file__)\nsys.exit(main(['specs', 'canonical']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    place, spec = done.stdout.split("\n", 1)
    assert Path(place).is_relative_to(tmp_path)
    assert "[dynamics]" in spec


def test_one_version_everywhere():
    assert re.search(rf"^version: {re.escape(ss.__version__)}$", citation(), flags=re.MULTILINE)
    assert f"\n## {ss.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_citation_file_names_the_papers_and_the_licence():
    text = citation()
    assert {"cff-version", "message", "title", "authors", "license"} <= set(
        re.findall(r"^([\w-]+):", text, re.MULTILINE)
    )
    assert f"license: {PROJECT['license']}\n" in text
    assert re.findall(r"arxiv.org/abs/(\S+)", text) == ["2303.00055", "2106.15933"]


def citation():
    return (ROOT / "CITATION.cff").read_text(encoding="utf-8")
