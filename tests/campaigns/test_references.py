"""References of the campaigns against closed forms, against each other, and against the slope of their own risk."""

import numpy as np
import pytest
from campaigns.curves import first_time, graph_distance
from campaigns.references.costs import Examples, LogCosh, Margins, Masked, Sensed
from campaigns.references.diagonal import weights_flow
from campaigns.references.joint_limit import JointLimit
from campaigns.references.layers import LayersFlow, WideFlow, descended, product, slopes
from campaigns.references.mean_field import MeanField, constant_overlaps, merged
from campaigns.references.modes import Chain
from campaigns.references.network import Network, erf_kernels, polynomial_kernels, relu_kernels
from campaigns.references.quadrature import PlainNetwork
from campaigns.references.singular import BalancedFlow

_X = np.array([[1.0, 0.3, -0.5], [0.2, -1.0, 0.4]])
_Y = np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
MEASURED = Sensed(np.random.default_rng(8).standard_normal((3, 2, 2)), np.array([1.0, -0.5, 2.0]))
LABELLED, TILTED = Margins(_X, _Y, exponential=False), Margins(_X, _Y, exponential=True)


def numeric(function, x, step=1e-6):
    """The gradient of a scalar function by central differences."""
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        result[index] = (function(up) - function(down)) / (2 * step)
    return result


@pytest.fixture
def particles():
    return MeanField(
        np.array([0.3, -1.0, 0.8, 0.2]),
        np.array([1.0, 0.7, -0.5, 0.4]),
        0.3,
        np.array([-1.0, 0.4, 1.3]),
        np.array([0.2, -0.4, 0.6]),
        np.array([0.2, 0.3, 0.5]),
    )


def test_mean_field_moves_down_its_risk(particles):
    # epsilon w a' = -dR/da, w s' = -(1 - s^2) dR/ds, and z' = s' / (1 - s^2)
    m, w = 3, particles.weights
    y = np.concatenate([particles.a, np.arctanh(particles.s)])
    slope = numeric(particles.risk, y)
    beside = 1 / np.cosh(y[m:]) ** 2
    rate = particles.rate(0.0, y)
    assert rate[:m] == pytest.approx(-slope[:m] / (w * particles.epsilon), rel=1e-7)
    assert rate[m:] == pytest.approx(-slope[m:] / (w * beside), rel=1e-7)
    jacobian = np.stack([numeric(lambda v, k=k: particles.rate(0.0, v)[k], y) for k in range(2 * m)])
    assert particles.jacobian(0.0, y) == pytest.approx(jacobian, rel=1e-6, abs=1e-7)


def test_mean_field_of_constant_overlaps():
    link, activation = np.array([1.0, 0.0, 0.5]), np.array([0.7, 1.0, 0.3])
    a = np.array([-1.0, 0.5, 2.0])
    model = MeanField(link, activation, 1e-6, a, np.zeros(3), np.full(3, 1 / 3))
    solution = model.solve(1e-5)
    right = constant_overlaps(link, activation, 1e-6, float(a.mean()), solution.times)
    assert model.risk(solution.states) == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize("method", ["LSODA", "Radau", "DOP853"])
def test_mean_field_keeps_the_energy_of_a_degree(method):
    # with degree 1 alone d(epsilon a^2 / 2 - log cosh z) = 0 for every particle, whatever the others do
    a, s = np.array([0.5, -1.2]), np.array([0.1, -0.3])
    model = MeanField(np.array([0.0, 1.5]), np.array([0.0, 0.8]), 0.2, a, s, np.array([0.4, 0.6]))
    y = model.solve(20.0, method).states
    energy = 0.1 * y[:, :2] ** 2 - np.log(np.cosh(y[:, 2:]))
    assert energy == pytest.approx(np.broadcast_to(energy[0], energy.shape), abs=1e-7)
    assert model.risk(y[-1]) < 1e-9


def test_an_overlap_comes_back_from_next_to_one():
    # a particle at s = 1 - 1e-20 that is pulled away: s itself is 1 in double precision
    model = MeanField(np.array([0.0, -1.0]), np.array([0.0, 1.0]), 1.0, np.ones(1), np.zeros(1), np.ones(1))
    y = np.array([1.0, 23.0])
    assert np.tanh(y[1]) == 1.0
    assert model.rate(0.0, y)[1] < -1


def test_merging_keeps_weights():
    a, s, w = merged(np.array([1.0, 2.0, 1.0]), np.zeros(3), np.array([0.2, 0.5, 0.3]))
    assert (a.tolist(), s.tolist()) == ([1.0, 2.0], [0.0, 0.0])
    assert w == pytest.approx([0.5, 0.5])


_KERNELS = [
    polynomial_kernels(np.array([0.2, 1.0, -0.5]), np.array([0.1, 0.8, 0.3, 0.2])),
    erf_kernels(),
    relu_kernels(),
]


@pytest.mark.parametrize("kernels", _KERNELS)
def test_network_moves_down_its_risk(kernels):
    rng = np.random.default_rng(0)
    u = rng.standard_normal((3, 5))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    a, gram, b = rng.standard_normal(3), np.array([[1.0, 0.3], [0.3, 1.0]]), np.array([1.0, -0.5])
    frame = np.pad(np.linalg.cholesky(gram), ((0, 0), (0, 3)))

    def order_parameters(a, u):
        r = u @ u.T
        return np.concatenate([a, (u @ frame.T).ravel(), r[np.triu_indices(3, 1)]])

    net = Network.of(kernels, 0.5, a, u, gram, b)
    # the rows come sorted
    order = np.argsort(a)
    a, u = a[order], u[order]
    y = order_parameters(a, u)
    assert net.rate(0.0, y) is not None

    def risk(a, u):
        return float(net.risk(order_parameters(a, u / np.linalg.norm(u, axis=1, keepdims=True))[None])[0])

    da = -3 * numeric(lambda v: risk(v, u), a) / 0.5
    du = -3 * numeric(lambda v: risk(a, v), u)
    step = 1e-6
    moved = (order_parameters(a + step * da, u + step * du) - order_parameters(a - step * da, u - step * du)) / (
        2 * step
    )
    assert net.rate(0.0, y) == pytest.approx(moved, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kernels", [erf_kernels(), relu_kernels()])
def test_closed_kernels_are_averages(kernels):
    from math import erf

    function = np.vectorize(lambda x: erf(x / 2**0.5)) if kernels.U(np.zeros(1)) == 0 else lambda x: np.maximum(x, 0)
    r, rng = 0.6, np.random.default_rng(1)
    x, y = rng.standard_normal((2, 400_000))
    mean = np.mean(function(x) * function(r * x + (1 - r * r) ** 0.5 * y))
    assert float(kernels.U(np.array(r))) == pytest.approx(mean, rel=0.02)


_COSTS = [
    Masked(np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[True, False], [True, True]])),
    Examples(np.array([[1.0, 2.0, 0.3], [0.2, -1.0, 1.0]]), np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 1.0]])),
    LogCosh(np.array([[1.5, 0.3], [-0.2, 0.8]])),
]


@pytest.mark.parametrize("cost", _COSTS)
def test_costs_and_layers_have_their_slopes(cost):
    rng = np.random.default_rng(2)
    layers = [rng.standard_normal((3, 2)), rng.standard_normal((3, 3)), rng.standard_normal((2, 3))]
    assert cost.gradient(product(layers)) == pytest.approx(numeric(cost.value, product(layers)), rel=1e-6, abs=1e-8)
    for level, slope in enumerate(slopes(cost, layers)):

        def value(W, level=level):
            return cost.value(product([*layers[:level], W, *layers[level + 1 :]]))

        assert slope == pytest.approx(numeric(value, layers[level]), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("cost", _COSTS)
def test_singular_coordinates_agree_with_all_layers(cost, depth):
    A = 0.3 * np.array([[1.0, 0.4], [-0.2, 0.7]])
    U, s, Vt = np.linalg.svd(A)
    root = np.diag(s ** (1 / depth))
    layers = [root @ Vt, *[root] * (depth - 2), U @ root]
    balanced, whole = BalancedFlow(cost, A, depth), LayersFlow(cost, layers)
    solution = balanced.solve(4.0)
    right = whole.products(whole.solve(4.0)(solution.times))
    assert balanced.products(solution.states) == pytest.approx(right, abs=1e-8)


def test_chains_follow_closed_forms_and_layers():
    times = np.linspace(0.5, 30, 50)
    # balanced, two layers: a = s e^(2st) / (e^(2st) - 1 + s / a0)
    chain = Chain(1.5, np.array([-1e-9, -1e-9]))
    growth = np.exp(2 * 1.5 * times)
    right = 1.5 * growth / (growth - 1 + 1.5 / 1e-18)
    assert chain.product(chain.solve(30.0), times) == pytest.approx(right, rel=1e-8)
    for weights in ([0.3, 0.5, 0.2], [-0.3, 0.5, 0.2], [-0.4, 0.4, 0.4], [1.5, 1.0, 0.9]):
        chain = Chain(0.8, np.array(weights))
        layers = LayersFlow(Masked(np.array([[0.8]]), np.array([[True]])), [np.array([[w]]) for w in weights])
        right = layers.products(layers.solve(30.0)(times))[:, 0, 0]
        assert chain.product(chain.solve(30.0), times) == pytest.approx(right, abs=1e-8)


def test_descent_converges_to_the_flow():
    cost = _COSTS[0]
    layers = [0.5 * np.eye(2), np.array([[0.4, 0.1], [0.0, 0.6]])]
    flow = LayersFlow(cost, layers)
    right = flow.products(flow.solve(1.0).states[-1:])[0]
    gaps = [np.abs(product(descended(cost, layers, 1 / n, 0.0, n)[1]) - right).max() for n in (200, 400)]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)


def test_distance_to_a_graph_is_in_time_at_a_jump_and_in_height_on_a_plateau():
    t = np.linspace(0.1, 20, 400)

    def curve(t):
        return 1 / (1 + np.exp(np.minimum(200 * (t - 10), 700)))

    assert graph_distance(t, curve(t / 1.001), curve, 1.0) == pytest.approx(1e-3, rel=0.1)
    assert graph_distance(t, curve(t) + 0.01, curve, 1.0) == pytest.approx(0.01, rel=0.1)
    assert graph_distance(t, np.where(t > 15, np.nan, curve(t)), curve, 1.0) == np.inf
    assert first_time(curve, 0.5, t) == pytest.approx(10)


@pytest.mark.parametrize("sphere", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_plain_networks_move_down_their_risk(sphere, biased):
    rng = np.random.default_rng(4)
    u = rng.standard_normal((2, 2))
    u /= np.linalg.norm(u, axis=1, keepdims=True) if sphere else 1.0
    b = rng.standard_normal(2) if biased else None

    def target(x):
        return x[:, 0] + 0.5 * x[:, 0] * x[:, 1]

    model = PlainNetwork(np.array([0.2, 1.0, -0.6]), target, 2, 0.3, np.array([1.0, -0.4]), u, b, sphere)
    y = np.concatenate([model.a, u.ravel(), *([] if b is None else [b])])
    slope = 2 * numeric(lambda v: float(model.risk(v[None])[0]), y)  # of m = 2 neurons
    slope[:2] /= 0.3
    if sphere:
        du = slope[2:6].reshape(2, 2)
        slope[2:6] = (du - np.sum(du * u, axis=1, keepdims=True) * u).ravel()
    assert model.rate(0.0, y) == pytest.approx(-slope, abs=1e-7)
    # E (z1 + z1 z2 / 2)^2 / 2 where the network is silent
    assert model.risk(np.zeros((1, len(y))))[0] == pytest.approx(0.5 * 1.25)


@pytest.mark.parametrize("model", [MEASURED, LABELLED, TILTED], ids=["sensed", "logistic", "exponential"])
def test_more_costs_have_the_gradients_of_their_values(model):
    A = np.random.default_rng(6).standard_normal((2, 2))
    assert model.gradient(A) == pytest.approx(numeric(model.value, A), abs=1e-8)


def test_a_wide_network_has_its_closed_mode():
    # a' = 2 sqrt(a^2 + k^2) (s - a)
    flow = WideFlow(Masked(np.array([[1.5]]), np.ones((1, 1), bool)), (1, 1), 0.04)
    solution = flow.solve(4.0)
    a = flow.products(solution.states)[:, 0, 0]
    rate = [flow.rate(0.0, y) for y in solution.states]
    step = 1e-6
    moved = [flow.products((y + step * dy)[None])[0, 0, 0] for y, dy in zip(solution.states, rate, strict=True)]
    assert (moved - a) / step == pytest.approx(2 * np.hypot(a, 0.04) * (1.5 - a), abs=1e-4)
    assert a[-1] == pytest.approx(1.5, abs=1e-3)


@pytest.mark.parametrize(("depth", "is_product"), [(2, True), (4, True), (3, False), (2, False)])
def test_weights_of_diagonal_networks_move_down_their_loss(depth, is_product):
    X, y = np.array([[1.0, 0.4], [-0.3, 0.8]]), np.array([1.0, -0.5])
    solution, beta = weights_flow(X, y, 0.2, depth, is_product, 3.0, "LSODA", 1e-10)
    first, second = np.split(solution.states, 2, axis=1)
    if is_product:  # differences of squares stay
        assert first**2 - second**2 == pytest.approx(0.08, rel=1e-6)
    elif depth == 2:
        assert first + second == pytest.approx(2 * np.log(0.2), abs=1e-7)
    else:
        assert np.exp(-first) + np.exp(-second) == pytest.approx(2 / 0.2, rel=1e-7)
    losses = np.sum((beta(solution.states) @ X.T - y) ** 2, axis=1)
    assert np.all(np.diff(losses) < 1e-9)
    assert losses[-1] < losses[0]


@pytest.fixture
def stairs():
    s = np.array([[0.3, -0.2], [0.0, 0.6], [-0.5, 0.1]])
    terms = {(1, 0): 1.0, (1, 1): -0.7, (0, 2): 0.4}
    a, weights = np.array([1.0, -0.8, 0.5]), np.array([0.2, 0.5, 0.3])
    return JointLimit(terms, np.array([0.2, 1.0, 0.6, 0.3]), 0.3, a, s, weights)


def test_the_joint_limit_moves_down_its_risk(stairs):
    m, w, a = 3, stairs.weights, stairs.a
    far = np.sqrt(1 - np.sum(stairs.s**2, axis=1, keepdims=True))
    y = np.concatenate([a, (stairs.s / far).ravel()])
    slope = numeric(lambda y: stairs.risk(y[None])[0], y)
    rate = stairs.rate(0.0, y)
    assert rate[:m] == pytest.approx(-slope[:m] / (w * stairs.epsilon), rel=1e-7)
    # s' = a (I - s s^T) grad p by steps of s, with dR/ds = -w a grad p
    by_s = numeric(lambda s: _risk_at(stairs, s), stairs.s)
    pull = -by_s / w[:, None]
    pull -= stairs.s * np.sum(stairs.s * pull, axis=1, keepdims=True)
    step = 1e-6
    moved = (stairs.overlaps((y + step * rate)[None])[0] - stairs.overlaps((y - step * rate)[None])[0]) / (2 * step)
    assert moved == pytest.approx(pull, rel=1e-6, abs=1e-8)


def _risk_at(model, s):
    v = s / np.sqrt(1 - np.sum(s**2, axis=1, keepdims=True))
    return model.risk(np.concatenate([model.a, v.ravel()])[None])[0]


def test_the_joint_limit_of_one_direction_is_the_mean_field(particles):
    terms = {(k, 0): float(c) for k, c in enumerate(particles.link)}
    s = np.stack([particles.s, np.zeros(3)], axis=1)
    joint = JointLimit(terms, particles.activation, particles.epsilon, particles.a, s, particles.weights)
    t = np.linspace(0.0, 3.0, 20)
    assert joint.risk(joint.solve(3.0)(t)) == pytest.approx(particles.risk(particles.solve(3.0)(t)), rel=1e-7)


def test_a_parity_is_at_rest_in_the_joint_limit():
    model = JointLimit({(1, 1, 1): 1.0}, np.array([0, 1.0, 1.0, 1.0]), 0.1, np.ones(1), np.zeros((1, 3)), np.ones(1))
    end = model.solve(50.0).states[-1:]
    assert np.all(model.overlaps(end) == 0)
    assert model.risk(end) == pytest.approx(0.5, abs=1e-12)


def test_plain_networks_see_both_clouds():
    """A linear network on a linear teacher sees E x x^T = I + mu mu^T alone."""
    mu, u = np.array([0.6, 0.8, 0.0]), np.array([[0.5, 0.1, -0.3]])
    plain = PlainNetwork(np.array([0.0, 1.0]), lambda x: x[:, 0], 1, 1.0, np.ones(1), u, None, False, mu, (0.3, 0.7))
    away = np.array([1.0, 0, 0]) - u[0]
    rate = plain.rate(0.0, np.array([1.0, *u[0]]))
    assert rate[1:] == pytest.approx((np.eye(3) + np.outer(mu, mu)) @ away, rel=1e-12)
