"""Specs: the shipped ones work, what is written is what is read, overrides do what they say."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from saddlescope.families import families, model, packages, study
from saddlescope.solve.run import _ATTEMPTS, _RTOL
from saddlescope.specs import SpecError, read, shipped
from saddlescope.specs.settings import settings
from saddlescope.specs.writing import toml

NAMES = sorted(shipped())
RunSpec = model("single_index")


def test_the_specs_that_pages_refer_to_are_shipped():
    wanted = {"canonical", "follows", "rademacher", "relu_on_erf", "information_exponent_2"}
    assert wanted <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_spec_can_be_run_and_survives_being_written_and_read(name, tmp_path):
    spec = read(name)
    assert study(spec, "a title").doing
    assert spec.title
    path = tmp_path / "spec.toml"
    path.write_text(toml(spec.plain()), encoding="utf-8")
    assert read(str(path)) == spec


def test_flow_is_the_one_described():
    spec = read("canonical")
    assert spec.flow().epsilon == spec.dynamics.epsilon
    assert spec.solve_arguments()["until"] == spec.dynamics.until


def test_every_family_has_keys_and_a_way_to_run_them():
    import importlib

    assert families()[0] == "single_index"
    for name in families():
        assert callable(importlib.import_module(f"{packages()[name]}.study").Study)
        assert model(name).FILES
        assert any(shipped_family(text) == name for text in shipped().values())


def shipped_family(text):
    return tomllib.loads(text).get("family", "single_index")


def test_defaults_of_a_spec_are_those_of_the_library():
    import inspect

    import saddlescope as ss
    from saddlescope.gaussian import law

    spec = read("canonical")
    solve_defaults = {n: p.default for n, p in inspect.signature(ss.solve).parameters.items()}
    for name, value in RunSpec.model_fields["solver"].default.model_dump().items():
        # what `solve` takes for None, for a flow
        of_flow = {"rtol": _RTOL, "max_steps": _ATTEMPTS}
        assert value == (of_flow[name] if name in of_flow else solve_defaults[name]), name
    flow_defaults = {n: p.default for n, p in inspect.signature(ss.MeanFieldFlow).parameters.items()}
    for name in ("particles", "neurons", "seed", "tolerance"):
        assert getattr(spec.dynamics, name) == flow_defaults[name], name
    minimal = {k: v for k, v in spec.plain()["dynamics"].items() if k in ("epsilon", "until")}
    default: Any = RunSpec.model_validate({"problem": spec.plain()["problem"], "dynamics": minimal})
    problem = ss.SingleIndex(link=[1.0], activation=[1.0])
    assert law(default.dynamics.second_layer) == ss.MeanFieldFlow(problem, 1.0).second_layer


@pytest.mark.parametrize(
    ("words", "table", "key", "value"),
    [
        (["--dynamics.epsilon", "1e-6"], "dynamics", "epsilon", 1e-6),
        (["--dynamics.epsilon=1e-6"], "dynamics", "epsilon", 1e-6),
        (["--dynamics.epsilon", "1"], "dynamics", "epsilon", 1.0),
        (["--problem.link", "[1, -2]"], "problem", "link", [1.0, -2.0]),
        (["--problem.link", "1,-2"], "problem", "link", [1.0, -2.0]),
        (["--problem.link=-1,2"], "problem", "link", [-1.0, 2.0]),
        (["--problem.link", "-1,2"], "problem", "link", [-1.0, 2.0]),
        (["--problem.activation", "relu"], "problem", "activation", "relu"),
        (["--picture.overlaps"], "picture", "overlaps", True),
        (["--picture.overlaps", "false"], "picture", "overlaps", False),
        (["--dynamics.particles", "64"], "dynamics", "particles", 64),
        (["--solver.atol", "1e-9"], "solver", "atol", 1e-9),
        (["--dynamics.second_layer", "normal"], "dynamics", "second_layer", "normal"),
        (
            ["--dynamics.second_layer.high", "2", "--dynamics.second_layer.low", "-2"],
            "dynamics",
            "second_layer",
            {"law": "uniform", "low": -2, "high": 2},
        ),
        (
            ["--dynamics.second_layer", "{law = 'normal', std = 2.0}"],
            "dynamics",
            "second_layer",
            {"law": "normal", "std": 2.0},
        ),
    ],
)
def test_override(words, table, key, value):
    before, after = read("canonical").plain(), read("canonical", words).plain()
    assert after[table][key] == value
    after[table][key] = before[table].get(key)
    before[table].setdefault(key, None)
    assert after == before


def test_title_is_a_text_even_if_it_looks_like_a_number():
    assert read("canonical", ["--title", "1e-8"]).title == "1e-8"


def test_quoted_number_counts_as_a_number(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(shipped()["canonical"].replace("epsilon = 1e-8", 'epsilon = "1e-8"'))
    assert read(str(path)).dynamics.epsilon == 1e-8


def test_a_shipped_name_wins_over_a_folder_of_results(tmp_path, monkeypatch):
    (tmp_path / "canonical").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read("canonical").dynamics.epsilon == 1e-8


def nonsense(family):
    base = {"single_index": "canonical", "deep_linear": "saddle_to_saddle", "deep_linear_distances": "distances"}
    base |= {"network": "committee_machine", "diagonal_linear": "diagonal"}
    for setting in settings(model(family)):
        table, _, key = setting.name.rpartition(".")
        if (table and not setting.only) or "completion" in setting.only:
            yield base[family], table, key


@pytest.mark.parametrize("family", families())
def test_every_key_has_a_meaning_and_a_refusal_of_nonsense(family):
    assert all(setting.meaning for setting in settings(model(family)))
    for name, table, key in nonsense(family):
        content = read(name).plain()
        content.setdefault(table, {})[key] = {"nonsense": 1} if key != "second_layer" else 3
        with pytest.raises(ValueError, match=key):
            model(family).model_validate(content)


def test_compared_runs_change_the_network_they_share():
    networks = read("three_regimes").networks()
    assert [network.gamma for network, _ in networks.values()] == [2 / 3, 1.0, 2.0]
    assert {(network.depth, network.width, until) for network, until in networks.values()} == {(3, 200, "auto")}
    wider = read("three_regimes", ["--network.width", "30"]).networks()
    assert {network.width for network, _ in wider.values()} == {30}


def test_file_is_named_relative_to_the_spec_and_to_the_folder_of_the_command(tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "r.toml").write_text(RATINGS)
    monkeypatch.chdir(tmp_path)
    assert read("specs/r.toml").problem.file == str(tmp_path / "specs" / "ratings.csv")
    assert read("specs/r.toml", ["--problem.file", "other.csv"]).problem.file == str(tmp_path / "other.csv")


RATINGS = """
family = "deep_linear"
problem = { kind = "ratings", file = "ratings.csv" }
network = { depth = 3, width = 10, gamma = 2.0 }
"""


plain = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@examples(max_examples=60, derandomize=True, deadline=None)
@given(st.dictionaries(st.text(), plain, max_size=3))
def test_toml_writer_is_undone_by_the_standard_reader(tables):
    try:
        written = toml(tables)
        written.encode("utf-8")
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    assert tomllib.loads(written) == tables


def test_toml_writer_refuses_what_toml_has_not():
    with pytest.raises(TypeError):
        toml({"a": None})


def test_spec_error_is_a_value_error():
    with pytest.raises(ValueError, match="did you mean `canonical`"):
        read("cannonical")
    assert issubclass(SpecError, ValueError)


def test_keys_of_earlier_versions_are_still_read():
    assert read("saddle_to_saddle").picture.singular_values
    assert not read("saddle_to_saddle", ["--picture.modes", "false"]).picture.singular_values


def test_a_file_with_keys_of_an_earlier_version_is_still_read(tmp_path):
    path = tmp_path / "old.toml"
    path.write_text(shipped()["saddle_to_saddle"] + "\n[picture]\nmodes = false\n")
    assert not read(str(path)).picture.singular_values
