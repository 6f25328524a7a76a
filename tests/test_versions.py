"""The oldest versions that the tests are run with are those that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="not in a clone")
def test_oldest_versions_are_the_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", "\n".join(project["dependencies"]), flags=re.MULTILINE))
    assert len(bounds) == len(project["dependencies"])
    lines = (ROOT / ".ci" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    oldest = {line.partition("==")[0]: line.partition("==")[2] for line in lines if not line.startswith("#")}
    assert oldest.pop("jaxlib") == oldest["jax"]
    assert set(oldest) == set(bounds)
    for name, bound in bounds.items():
        # a bound may leave out zeros at the end
        numbers = [[int(part) for part in version.split(".")] for version in (bound, oldest[name])]
        short, long = sorted(numbers, key=len)
        assert short + [0] * (len(long) - len(short)) == long, name
