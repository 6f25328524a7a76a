"""Which degree is learnt on which scale, or never: verdicts against full runs and against known constants."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.single_index.theory.blow_up import blow_up, edge_of

SIGMA = [1, 1, 0.5, 0.3, 0.3]
UNIFORM = ss.Uniform(-(3**0.5), 3**0.5)
SKEWED = ss.TruncatedNormal(0, 1, -0.5, 2)


def ordered(link, activation=SIGMA, law=None, levels=None):
    problem = ss.SingleIndex(link, activation)
    return ss.canonical_order(problem, law, levels=len(link) - 1 if levels is None else levels)


def measured(order, epsilon, until):
    run = ss.solve(ss.MeanFieldFlow(order.problem, epsilon, order.second_layer), until=until)
    return ss.learning_times(run), run


@pytest.mark.parametrize(
    ("link", "activation", "law", "constant", "scale"),
    [
        ([1, 1, 0, 1], SIGMA, UNIFORM, 0.37037, 0.0),
        ([1, 1, 1, 1], [1, 1, 0, 0.3], UNIFORM, 0.37037, 0.0),
        ([0, 1, 0, -1], "erf", UNIFORM, 0.54433, 0.0),
        ([1, 1, 0, 0, 1], SIGMA, UNIFORM, 0.14063, -0.25),
        ([1, 1, 0, 0, 1], [1, 1, 0, 0, 0.3], UNIFORM, 0.07337, -0.25),
        # a skewed law: the degree 2 that the activation has pulls at the degree 3 that is learnt
        ([1, 1, 0, 1], SIGMA, SKEWED, 0.15980, 0.0),
        ([1, 1, 0, 1], [1, 1, 0, 0.3], SKEWED, 0.14077, 0.0),
    ],
)
def test_degrees_with_nothing_below_them_are_learnt_in_a_leap(link, activation, law, constant, scale):
    level = ordered(link, activation, law).levels[-1]
    assert (level.verdict, level.canonical, level.scale) == ("leap", False, scale)
    assert level.constant == pytest.approx(constant, rel=2e-4)


@pytest.mark.parametrize(
    ("link", "activation", "law", "epsilon", "tends"),
    [
        ([1, 1, 0, 1], SIGMA[:4], UNIFORM, 1e-10, 8e-3),
        ([1, 1, 0, 1], SIGMA[:4], SKEWED, 1e-10, 6e-3),
        ([0, 1, 0, -1], "erf", UNIFORM, 1e-6, 1.2e-1),
    ],
)
def test_leaps_of_full_runs(link, activation, law, epsilon, tends):
    order = ordered(link, activation, law)
    last, predicted = len(link) - 1, order.times(epsilon)
    result, _ = measured(order, epsilon, 1.2 * predicted[last])
    assert result[last] == pytest.approx(predicted[last], rel=1e-3)
    assert result[last] == pytest.approx(order.leading_times(epsilon)[last], rel=tends)


@pytest.mark.parametrize(("link", "activation"), [([1, -1, 0, 1], SIGMA[:4]), ([0, 1, 0, 1], "erf")])
def test_an_odd_degree_of_the_wrong_sign_is_never_learnt(link, activation):
    order = ordered(link, activation)
    assert order.levels[3].verdict == "never"
    assert "sign" in order.levels[3].reason
    assert np.isnan(order.times(1e-6)[3])
    # what is never learnt stays in the heights
    assert order.heights[4] == pytest.approx(0.5)
    result, run = measured(order, 1e-6, 10.0)
    assert np.isnan(result[3])
    assert run["risk"][-1] == pytest.approx(0.5, abs=2e-3)


def test_a_law_without_an_edge():
    order = ordered([1, -1, 1, 1], SIGMA[:4], ss.Normal(), levels=2)
    level = order.levels[2]
    assert (level.verdict, level.canonical) == ("separated", False)
    assert np.isnan(level.constant)
    assert order.blow_up is None
    assert "no edge" in level.reason
    result, _ = measured(order, 1e-8, 1.1 * order.times(1e-8)[2])
    assert result[2] == pytest.approx(order.times(1e-8)[2], rel=3e-4)
    # and no constant is approached: the time falls faster than epsilon^(1/4)
    order = ordered([1, -1, 1], [1, 1, 0.5], ss.Normal())
    gaps = [(order.times(e)[2] - order.times(e)[1]) / e**0.25 for e in (1e-12, 1e-16)]
    assert gaps == pytest.approx([0.270, 0.215], abs=1e-3)


def test_an_activation_without_a_mean_leaves_that_of_the_link():
    order, without = ordered([1, 1, 1], [0, 1, 0.5]), ordered([0, 1, 1], [0, 1, 0.5])
    assert order.levels[0].verdict == "never"
    assert order.canonical_up_to == -1
    assert order.levels[2].canonical
    assert np.allclose(order.times(1e-8)[1:], without.times(1e-8)[1:], rtol=1e-9)
    assert np.allclose(order.heights, [1.5, 1.5, 1.0, 0.5])
    result, run = measured(order, 1e-6, 1.0)
    assert result[1:] == pytest.approx(order.times(1e-6)[1:], rel=1e-3)
    assert run["risk"][-1] == pytest.approx(0.5, abs=1e-6)
    assert order.risk(np.array([1.0]), 1e-6) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("law", [ss.PointMasses([0.24], [1 - 1e-16]), ss.PointMasses([-1.7])])
def test_rounding_of_one_value_is_no_variance(law):
    order = ordered([0.3, -0.9], [0.26, 1.2], law)
    assert not order.levels[1].canonical
    assert "alike" in order.levels[1].reason
    assert np.isnan(order.times(1e-12)[1])
    # but a small variance is one
    near = ordered([0.3, -0.9], [0.26, 1.2], ss.PointMasses([0.24, 0.2400001], [0.5, 0.5]))
    assert near.levels[1].canonical


def test_exponents_of_the_blow_up():
    dense, atoms = ordered([1, -1, 1]), ordered([1, -1, 1], law=ss.PointMasses([-1, 0.5, 2], [0.3, 0.5, 0.2]))
    assert dense.blow_up is not None
    assert atoms.blow_up is not None
    assert dense.blow_up.kappa == pytest.approx(0.342581, abs=1e-6)
    assert dense.blow_up.width == pytest.approx(0.14835, abs=1e-5)
    assert (atoms.blow_up.power, atoms.blow_up.width) == pytest.approx((3.0, 1 / 12))
    # the flow of level 2 itself grows with this power
    assert dense._verdicts[1] is not None
    assert dense._verdicts[1].power == pytest.approx(dense.blow_up.power, rel=0.03)
    assert atoms._verdicts[1] is not None
    assert atoms._verdicts[1].power == pytest.approx(3.0, rel=0.03)
    assert edge_of(ss.TruncatedNormal(0, 1, 1, 3), upper=False) == 1.0
    # a density that vanishes at the edge: less mass leads, so the blow-up is slower
    assert blow_up(1.5).power < blow_up(1.0).power < blow_up(0.5).power < 3


def test_the_jump_narrows_as_the_blow_up_says():
    """T_2(.9) - t_1 - c_2 epsilon^(1/4) ~ epsilon^(1/4 + 1/(4p))."""
    order = ordered([1, -1, 1])
    assert order.blow_up is not None
    off = [(order.times(e, 0.9)[2] - order.leading_times(e)[1]) / e**0.25 - order.constants[2] for e in (1e-14, 1e-16)]
    assert off[0] / off[1] == pytest.approx(100**order.blow_up.width, rel=0.02)
    assert off[0] / off[1] != pytest.approx(100**0.125, rel=0.05)


def test_what_is_not_known_is_said():
    stuck = ordered([1, 1, 1, 1], SIGMA[:4], ss.Rademacher())
    assert [level.verdict for level in stuck.levels[2:]] == ["late", "unknown"]
    assert "not known" in stuck.doubts[0]
    # its times at a given epsilon are known all the same: T_2 -> 0.42116
    assert stuck.times(1e-8)[2] == pytest.approx(0.42116, rel=5e-4)
    follows = ordered([1, 1, 1, 1], SIGMA[:4])
    assert follows.levels[3].verdict == "follows"
    after = ordered([1, 1, 0, 1, 1], SIGMA)
    assert after.levels[4].verdict == "unknown"
    assert "leap" in after.levels[4].reason
