"""Descent on samples of any covariance: the closed law of linear regression, samples, what is refused."""

import numpy as np
import pytest

import saddlescope as ss

LINEAR = ss.SingleIndex("identity", "identity")


def expected_risk(values, w, step, batch, steps):
    """E R of w' = w - step mean x <x, w>, from E w_i^2 in every direction, fourth moments of Gaussians by Isserlis."""
    c, risks = w**2, []
    for _ in range(steps + 1):
        risks.append(0.5 * values @ c)
        noise = (values**2 * c + values * (values @ c)) / batch
        c = c - 2 * step * values * c + step**2 * (values**2 * c + noise)
    return np.array(risks)


def test_a_linear_neuron_follows_its_closed_law_in_high_dimension():
    inputs = ss.Covariance([2.5, 1.0, 0.2], shares=[0.2, 0.3, 0.5])
    d, batch, step = 1000, 5, 1e-3
    sgd = ss.OnePassSGD(
        LINEAR,
        second_layer="fixed",
        neurons=1,
        dimension=d,
        step_size=step,
        batch_size=batch,
        sphere=False,
        inputs=inputs,
        seed=3,
    )
    steps = round(2.0 / step)
    run = ss.solve(sgd, until=2.0)
    values = np.repeat(inputs.eigenvalues, [200, 300, 500])
    v = np.concatenate([np.eye(n)[0] * np.sqrt(n / d) for n in (200, 300, 500)])
    _, (_, _, _, u, _) = sgd.start()
    place = sgd._spaces.places(sgd._spaces.counts)
    start = np.concatenate([np.asarray(u)[0, 0, place == b] for b in range(3)])
    law = expected_risk(values, start - v, step, batch, steps)
    assert run["risk"] == pytest.approx(np.interp(run.time, step * np.arange(steps + 1), law), rel=0.08)
    flow = ss.NetworkFlow(LINEAR, second_layer="fixed", neurons=1, dimension=d, sphere=False, inputs=inputs, seed=3)
    without_noise = ss.solve(flow, until=2.0)
    assert without_noise["risk"][0] == pytest.approx(run["risk"][0], rel=1e-9)
    assert law[-1] > 1.08 * without_noise["risk"][-1]  # noise of samples is seen
    assert run.parameters["method"] == "direct"
    assert run["preactivation"][0] == pytest.approx(without_noise["preactivation"][0], rel=1e-9)
    assert run["overlap"][0] == pytest.approx(without_noise["overlap"][0], rel=1e-9)
    assert "gap" in str(ss.compare(run))


def test_label_noise_leaves_its_floor():
    """step x tr Sigma / batch takes the place of step x d / batch."""
    inputs = ss.Covariance([3.0, 0.5], shares=[1, 2])
    told = {"neurons": 1, "dimension": 90, "step_size": 1e-3, "label_noise": 0.5}
    sgd = ss.OnePassSGD(LINEAR, second_layer="fixed", sphere=False, inputs=inputs, seed=2, **told)
    run = ss.solve(sgd, until=60.0, states=400)
    floor = run.accuracy["noise_floor"]
    assert floor == pytest.approx(1e-3 * (30 * 3.0 + 60 * 0.5) * 0.5**2 / 4, rel=1e-9)
    late = run["risk"][run.time > 25]
    assert np.mean(late) == pytest.approx(floor / (1 - 0.06), rel=0.1)  # and half of delta more, as noise feeds itself


def test_fixed_samples_have_the_covariance():
    inputs = ss.Covariance([4.0, 0.25], shares=[1, 3])
    descent = ss.SampleDescent(
        LINEAR,
        second_layer="fixed",
        neurons=1,
        dimension=8,
        step_size=0.05,
        samples=4000,
        sphere=False,
        inputs=inputs,
    )
    steps, _ = descent.start()
    place = descent._spaces.places(descent._spaces.counts)
    assert np.var(np.asarray(steps.x), axis=0) == pytest.approx(inputs.eigenvalues[place], rel=0.1)
    run = ss.solve(descent, until=20.0)
    assert run["train_risk"][-1] < 1e-4
    assert run["risk"][-1] < 1e-4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"method": "gram"}, '`method` must be "direct" or "auto" beside inputs that are not isotropic'),
        ({"biases": 0.0}, "`biases` must be left out beside inputs that are not isotropic"),
        ({"sphere": True}, "`sphere` must be False beside inputs that are not isotropic"),
    ],
)
def test_what_is_not_known_is_refused(more, message):
    told = {"neurons": 2, "dimension": 300, "step_size": 1e-3, "sphere": False, "inputs": [2.0, 1.0]} | more
    with pytest.raises(ss.ArgumentError, match=message):
        ss.OnePassSGD(LINEAR, 1.0, **told)


def test_the_limit_of_sgd_is_that_of_isotropic_inputs():
    sgd = ss.OnePassSGD(LINEAR, 1.0, 2, 300, 1e-3, sphere=False, inputs=[2.0, 1.0])
    with pytest.raises(ss.ArgumentError, match="`sgd` must have isotropic inputs"):
        ss.SGDLimit(sgd)
