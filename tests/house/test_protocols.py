"""Flows and descents are two kinds, every class of them is abstract or final, and a family has one table of labels."""

import inspect

import pytest

import saddlescope as ss
from saddlescope.references import KEYS
from saddlescope.solve import Descent, Dynamics, Flow

FLOWS = (ss.MeanFieldFlow, ss.NetworkFlow, ss.SGDLimit, ss.DeepLinearFlow, ss.WideLinearFlow, ss.DiagonalFlow)
DESCENTS = (ss.OnePassSGD, ss.SampleDescent, ss.GradientDescent)


def below(kind: type) -> set[type]:
    return {kind} | {one for child in kind.__subclasses__() for one in below(child)}


def test_every_dynamics_is_abstract_or_final_and_of_one_kind():
    assert all(issubclass(one, Flow) and not issubclass(one, Descent) for one in FLOWS)
    assert all(issubclass(one, Descent) and not issubclass(one, Flow) for one in DESCENTS)
    ours = {one for one in below(Dynamics) if one.__module__.startswith("saddlescope.")}
    assert {*FLOWS, *DESCENTS} <= ours
    assert [one for one in ours if one.__subclasses__() and not inspect.isabstract(one)] == []


@pytest.mark.parametrize("kind", [*FLOWS, *DESCENTS])
def test_labels_of_a_family_name_each_observable_once(kind):
    names = [label.name for label in kind.labels]
    assert len(names) == len(set(names))
    assert all(label.meaning and label.dims for label in kind.labels)
    assert set(kind.references) <= set(KEYS)


def test_what_has_no_label_or_other_axes_is_not_passed_on(monkeypatch):
    flow = ss.DiagonalFlow([[1.0]], [1.0], scale=0.1)
    run = ss.solve(flow, 0.1)
    assert run.units["cost"] == "|X beta - y|^2 / (2n)"
    assert run.references[:2] == ("pesme2023", "steinebach2023")
    monkeypatch.setattr(ss.DiagonalFlow, "labels", ss.DiagonalFlow.labels[:1])
    with pytest.raises(ValueError, match="reads cost, which its labels do not have"):
        ss.solve(flow, 0.1)
