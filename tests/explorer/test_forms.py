"""Every key of a spec has a field of its kind, and everything that the page starts from can be run."""

import math

import pytest

from saddlescope.explorer.export import given
from saddlescope.explorer.forms import form, lessons, shown_families, starting_specs
from saddlescope.explorer.limits import checked
from saddlescope.families import families, model
from saddlescope.specs.settings import settings

FAMILIES = shown_families()


def fields(family):
    return [field for table in form(family)["tables"] for field in table["fields"]]


def test_all_families_with_runs_over_time_have_a_tab():
    assert set(families()) - set(FAMILIES) == {"deep_linear_distances"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_key_has_a_field(family):
    keys = {s.name for s in settings(model(family))} - {"family", "title"}
    keys = {key for key in keys if not key.startswith("picture.")} - set(model(family).PATHS)
    assert {field["key"] for field in fields(family)} == keys


@pytest.mark.parametrize("family", FAMILIES)
def test_fields_are_told_and_sliders_have_ends(family):
    for field in fields(family):
        assert field["help"], field
        if "low" in field:
            assert field["low"] < field["high"]
            assert field["low"] > 0 or not field["log"]


@pytest.mark.parametrize("family", FAMILIES)
def test_ranges_are_of_keys_and_sliders_stay_within_what_the_page_takes(family):
    keys = {s.name for s in settings(model(family))}
    for key, slider in model(family).RANGES.items():
        assert key in keys
        assert slider.most is None or slider.high <= slider.most


@pytest.mark.parametrize(("family", "name"), [(f, name) for f in FAMILIES for name in starting_specs(f)])
def test_what_the_page_starts_from_is_taken(family, name):
    spec = checked(starting_specs(family)[name])
    assert checked(given(spec)) == spec


def test_kinds_of_a_table_are_told_apart():
    only = {field["only"]["value"] for field in fields("deep_linear") if "only" in field}
    assert only == {"target", "completion", "sensing", "examples", "ratings", "digits"}
    kinds = {field["key"]: field["kind"] for field in fields("deep_linear")}
    assert kinds["problem.singular_values"] == "numbers"
    assert kinds["network.gamma"] == "number"


def test_lessons_are_five_of_steps_with_two_sentences():
    result = lessons()
    assert len(result) == 5
    for lesson in result:
        assert len(lesson["step"]) >= 2
        for step in lesson["step"]:
            family, _, start = step["state"].removeprefix("#/").partition("?")[0].partition("/")
            assert start in starting_specs(family)
            sentences = [s for s in step["text"].replace("d^(-1/2)", "d").split(". ") if s]
            assert len(sentences) == 2, step["text"]


def test_infinity_survives():
    spec = checked({**starting_specs("network")["information_exponent"]})
    assert any(run.dimension is not None and math.isinf(run.dimension) for run in spec.run)  # pyright: ignore
