"""The worked examples of CONTRIBUTING run, one after the other, and do what they say."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def test_examples_of_one_file_each():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    exec(blocks[0], names)
    assert names["run"].solver["atol"] == pytest.approx(0.5e-4 * np.max(names["flow"].scale()))
    tight = names["run"]["cost"][-1]
    exec(blocks[1], names)
    run = names["run"]
    assert (run.solver["method"], run.references) == ("Bosh3", ("pesme2023", "diffrax", "jax"))
    assert run["cost"][-1] == pytest.approx(tight, rel=1e-2)
    exec(blocks[2], names)
    (line,) = names["ax"].get_lines()
    assert np.array_equal(line.get_ydata(), run["support_size"])
