"""No spec from the page stops the machine, opens a file or brings code; each refusal is one sentence."""

import copy
from typing import Any

import pytest

from saddlescope.explorer.forms import starting_specs
from saddlescope.explorer.limits import checked
from saddlescope.specs import SpecError


def changed(family, key, value):
    spec = copy.deepcopy(starting_specs(family)["start"])
    *path, last = key.split(".")
    held: Any = spec
    for part in path:
        held = held[int(part)] if isinstance(held, list) else held.setdefault(part, {})
    held[last] = value
    return spec


@pytest.mark.parametrize(
    ("family", "key", "value", "named"),
    [
        ("single_index", "dynamics.particles", 10**7, "dynamics.particles"),
        ("single_index", "dynamics.neurons", 10**7, "neurons"),
        ("single_index", "dynamics.until", 1e30, "dynamics.until"),
        ("single_index", "solver.states", 10**6, "solver.states"),
        ("single_index", "solver.max_steps", 10**9, "solver.max_steps"),
        ("network", "dynamics.neurons", 10**5, "dynamics.neurons"),
        ("network", "run.2.runs", 10**6, "runs"),
        ("network", "run.2.step_size", 1e-12, "step_size"),
        ("network", "run.2.batch_size", 10**9, "batch_size"),
        ("deep_linear", "network.width", 10**6, "network.width"),
        ("deep_linear", "network.depth", 10**4, "network.depth"),
        ("diagonal_linear", "problem.dimension", 10**6, "problem.dimension"),
        ("single_index", "problem.link", [1.0] * 10_000, "values"),
        ("deep_linear", "problem.matrix", [[1.0] * 100] * 100, "values"),
        ("single_index", "problem.link", "x" * 1000, "letters"),
        ("network", "run", [{"name": str(k), "kind": "mean_field"} for k in range(50)], "side by side"),
    ],
)
def test_what_is_too_large_is_refused_with_its_name(family, key, value, named):
    with pytest.raises(SpecError) as refusal:
        checked(changed(family, key, value))
    sentence = str(refusal.value)
    assert named in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_many_coordinates_are_refused_where_they_are_drawn_and_only_there():
    spec = changed("network", "dynamics.dimension", 10**9)
    checked(spec)  # the Gram simulation does not care
    spec["run"][2]["method"] = "direct"
    with pytest.raises(SpecError, match="unknowns"):
        checked(spec)


def test_no_file_is_opened_but_those_that_were_named():
    spec = changed("deep_linear", "problem", {"kind": "ratings", "file": "/etc/passwd"})
    with pytest.raises(SpecError, match="opens no files"):
        checked(spec)
    assert checked(spec, {"/etc/passwd"}).problem.file == "/etc/passwd"  # pyright: ignore
    for place in ("dynamics", "run"):  # one run of several, too
        spec = changed("network", "run", [{"name": "one", "kind": "network", "sphere": False}])
        holder = spec["dynamics"] if place == "dynamics" else spec["run"][0]
        holder["inputs"] = {"file": "/etc/passwd"}
        with pytest.raises(SpecError, match=f"opens no files: `{place}.inputs.file`"):
            checked(spec)


@pytest.mark.parametrize("value", ["os:system", "lambda x: x", "__import__('os')", "math.sin"])
def test_no_code_is_taken(value):
    from saddlescope import families
    from saddlescope.arguments import ArgumentError

    with pytest.raises(ArgumentError, match="link"):
        families.study(checked(changed("single_index", "problem.link", value)))


@pytest.mark.parametrize("content", [None, [], "spec", 3, {"family": 7}, {"family": "no"}, {"problem": []}, {}])
def test_what_is_no_spec_is_refused(content):
    with pytest.raises(SpecError):
        checked(content)


def test_deep_nesting_is_refused():
    nested = {}
    for _ in range(100):
        nested = {"problem": nested}
    with pytest.raises(SpecError, match="nested"):
        checked(nested)


def test_unknown_keys_get_the_nearest_one():
    with pytest.raises(SpecError, match=r"did you mean `dynamics\.epsilon`"):
        checked(changed("single_index", "dynamics.epsilom", 1e-3))
