"""The mean-field flow of joint targets: its equations beside full tensors, exact cases, what is never found."""

import itertools
import json
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.cli import main

STAIRS = "z1 + z1*z2 + z1*z2*z3"
SIGMA = [0.3, 1.0, 0.7, 0.5]


def random_state(seed, k, m=6):
    rng = np.random.default_rng(seed)
    s = rng.normal(size=(m, k))
    length = [0.0, 1e-7, 0.0999, 0.1001, 0.6, 0.999][:m]
    s *= (np.array(length) / np.linalg.norm(s, axis=1))[:, None]
    return rng.normal(size=m), s, rng.dirichlet(np.ones(m))


class Tensors:
    """The equations in s, with moments as full tensors: <a s x s x ..>, and a target as symmetric tensors."""

    def __init__(self, terms, sigma, epsilon, w):
        self.sigma, self.epsilon, self.w = sigma, epsilon, w
        self.k = len(next(iter(terms)))
        self.target = [np.zeros((self.k,) * n) for n in range(len(sigma))]
        self.lacking = 0.0
        for alpha, c in terms.items():
            n = sum(alpha)
            if n >= len(sigma) or sigma[n] == 0:
                self.lacking += 0.5 * c * c
                continue
            places = [j for j, times in enumerate(alpha) for _ in range(times)]
            for order in set(itertools.permutations(places)):
                several = math.factorial(n) / math.prod(math.factorial(i) for i in alpha)
                self.target[n][order] += c / math.sqrt(several)

    def left(self, a, s):
        """c - sigma <a s^(x n)> of each degree."""
        moment, result = self.w * a, []
        table = moment
        for n, sigma in enumerate(self.sigma):
            result.append(np.where(sigma != 0, self.target[n] - sigma * table.sum(axis=0), 0.0))
            table = np.einsum("m...,mj->m...j", table, s)
        return result

    def risk(self, a, s):
        return self.lacking + 0.5 * sum(float(np.sum(part**2)) for part in self.left(a, s))

    def __call__(self, a, s):
        value, gradient = np.zeros(len(a)), np.zeros_like(s)
        for n, part in enumerate(self.left(a, s)):
            # n times the contraction with all but one s, and once more for the value
            along = np.broadcast_to(self.sigma[n] * part, (len(a), *part.shape))
            for _ in range(n - 1):
                along = np.einsum("mj...,mj->m...", along, s)
            if n:
                gradient += n * along
                value += np.einsum("mj,mj->m", along, s)
            else:
                value += along
        ds = a[:, None] * (gradient - s * np.sum(s * gradient, axis=1)[:, None])
        return value / self.epsilon, ds


@jax.jit
def _all_of(system, y):
    """The field, the Jacobian by structure and by autodiff, the risk's gradient, what is observed, and ds/dt."""
    field = system.vector_field(y)
    dense = jax.jacfwd(system.vector_field)(y).reshape(y.size, y.size)
    gradient = jax.grad(lambda y: system.observables(y, y)["risk"])(y)
    moved = jax.jvp(jax.vmap(_overlap), (y[1:].T,), (field[1:].T,))[1]
    return field, system.linearise(y).dense(), dense, gradient, system.observables(y, field), moved


@pytest.mark.parametrize("target", [STAIRS, "z1 - z2**2/2 + z1*z2**2 + z2**4/5"])
def test_field_jacobian_and_risk(target):
    problem = ss.JointIndex(target, SIGMA)
    for seed in range(4):
        a, s, w = random_state(seed, len(problem.gram))
        m = len(a)
        system, y = ss.MeanFieldFlow(problem, 0.1, initial=(a, s), weights=w).start()
        system, y = eqx.tree_at(lambda s: s.weights, system, jnp.asarray(w)), y[:, :m]  # without padding
        field, by_structure, by_autodiff, gradient, observed, moved = map(_plain, _all_of(system, y))
        twin = Tensors(problem.terms, SIGMA, 0.1, w)
        da, ds = twin(a, s)
        assert field[0] == pytest.approx(da, rel=1e-10, abs=1e-11)
        assert moved == pytest.approx(ds, rel=1e-8, abs=1e-9)
        assert float(observed["risk"]) == pytest.approx(twin.risk(a, s), rel=1e-12)
        assert np.allclose(by_structure, by_autodiff, rtol=1e-9, atol=1e-9)
        assert float(observed["risk_rate"]) == pytest.approx(float(np.sum(gradient * field)), rel=1e-9)
        # it is the gradient: with ds/dt = a (I - s s^T) grad p, the risk falls by the square of both speeds
        inverse = ds + s * np.sum(s * ds, axis=1)[:, None] / (1 - np.sum(s * s, axis=1))[:, None]
        fall = np.sum(w * (0.1 * da**2 + np.sum(inverse * ds, axis=1)))
        assert float(observed["risk_rate"]) == pytest.approx(-fall, rel=1e-8)


def _plain(value: Any) -> Any:
    return {name: np.asarray(v) for name, v in value.items()} if isinstance(value, dict) else np.asarray(value)


def _overlap(z):
    square = z @ z
    r = jnp.sqrt(jnp.where(square > 0, square, 1.0))
    return jnp.where(square > 1e-10, jnp.tanh(r) / r, 1 - square / 3) * z


def test_the_run_is_that_of_dop853_in_the_overlaps():
    problem, epsilon = ss.JointIndex(STAIRS, SIGMA), 0.05
    law = ss.Uniform(-(3**0.5), 3**0.5)
    a, w = law.rule(12)
    s = np.zeros((12, 3))
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon, law, 12), 12.0, rtol=1e-9)
    twin = Tensors(problem.terms, SIGMA, epsilon, w)

    def velocity(_, y):
        da, ds = twin(y[:12], y[12:].reshape(12, 3))
        return np.concatenate([da, ds.ravel()])

    end = solve_ivp(velocity, (0, 12.0), np.concatenate([a, s.ravel()]), "DOP853", rtol=1e-10, atol=1e-13).y[:, -1]
    assert run["second_layer"][-1] == pytest.approx(end[:12], abs=2e-6)
    assert run["overlap"][-1] == pytest.approx(end[12:].reshape(12, 3), abs=2e-6)
    risk = twin.risk(end[:12], end[12:].reshape(12, 3))
    assert run["risk"][-1] == pytest.approx(risk, rel=1e-4)
    assert run["risk"][0] > 3 * risk  # and something was learnt
    assert run["risk_by_degree"].sum(axis=1) + run["risk_rest"] == pytest.approx(run["risk"], rel=1e-12)


@pytest.mark.parametrize(
    ("terms", "activation"),
    [
        ({(0, 0): 1.0, (1, 0): -1.0, (2, 0): 1.0, (3, 0): 1.0}, [1, 1, 0.5, 0.3]),
        ("1 - w + (w**2 - 1)/2**0.5", [1, 1, 0.5, 0.3]),
        ({(1, 0): 1.0, (3, 0): 0.5}, "erf"),
    ],
)
def test_one_direction_in_disguise_is_a_single_index(terms, activation):
    if isinstance(terms, str):
        problem = ss.JointIndex(terms.replace("2**0.5", str(2**0.5)).replace("w", "(0.6*z1 + 0.8*z2)"), activation)
        link = [1.0, -1.0, 1.0]
    else:
        problem = ss.JointIndex(terms, activation)
        link = [terms.get((n, 0), 0.0) for n in range(4)]
    epsilon, until = 1e-3, 3.0
    joint = ss.solve(ss.MeanFieldFlow(problem, epsilon, particles=64), until, rtol=1e-8)
    single = ss.solve(ss.MeanFieldFlow(ss.SingleIndex(link, activation), epsilon, particles=64), until, rtol=1e-8)
    times = np.geomspace(1e-3, until, 50)
    one, other = (np.interp(times, run.time, run["risk"]) for run in (joint, single))
    # (between saved times, on lines)
    assert one == pytest.approx(other, abs=1e-3 * single["risk"][0])
    assert joint["risk"][-1] == pytest.approx(single["risk"][-1], abs=1e-7)
    assert np.abs(joint["overlap"][-1]).max() > 0.1
    along = joint["overlap"][-1] @ ([0.6, 0.8] if isinstance(terms, str) else [1.0, 0.0])
    assert along == pytest.approx(single["overlap"][-1], abs=1e-5)
    by_degree = joint["risk_by_degree"][-1]
    assert by_degree == pytest.approx(single["risk_by_degree"][-1][: len(by_degree)], abs=1e-7)


def test_turning_the_directions_turns_the_overlaps():
    c, s = 0.8, 0.6
    target = "z1 + z1*z2 + z2**3/3"
    turned = target.replace("z1", "(w1)").replace("z2", "(w2)")
    turned = turned.replace("w1", f"{c}*z1 + {s}*z2").replace("w2", f"{c}*z2 - {s}*z1")
    runs = [ss.solve(ss.MeanFieldFlow(ss.JointIndex(t, SIGMA), 0.01, particles=32), 5.0, rtol=1e-8) for t in
            (target, turned)]  # fmt: skip
    assert runs[1]["risk"][-1] == pytest.approx(runs[0]["risk"][-1], abs=1e-8)
    rotation = np.array([[c, s], [-s, c]])
    assert runs[1]["overlap"][-1] @ rotation.T == pytest.approx(runs[0]["overlap"][-1], abs=1e-6)


@pytest.fixture(scope="module")
def stairs():
    return ss.solve(ss.MeanFieldFlow(ss.JointIndex(STAIRS, [0, 1, 1, 1]), 1e-2), 20.0)


def test_a_staircase_is_learnt_step_by_step(stairs):
    assert stairs.outcome == "REACHED_END"
    assert stairs.doubts == ()
    terms = [tuple(alpha) for alpha, _ in stairs.parameters["target_terms"]]
    left = np.abs(stairs["term_residual"])
    times = [stairs.time[np.argmax(left[:, terms.index(alpha)] < 0.5)] for alpha in ((1, 0, 0), (1, 1, 0), (1, 1, 1))]
    assert 0 < times[0] < times[1] < times[2]
    assert stairs["risk"][-1] < 1e-8
    assert np.all(np.diff(stairs["risk"]) <= 1e-9)
    assert np.linalg.norm(stairs["overlap"], axis=-1).max() <= 1
    assert stairs.accuracy["learning_time_change"] <= 1e-4
    assert stairs.dims["overlap"] == ("state_time", "neuron", "direction")
    assert stairs["moment"][-1, 1, 0] == pytest.approx(1.0, abs=1e-4)


def test_parities_and_what_comes_after_a_leap_are_never_learnt():
    parity = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1*z2*z3", [0, 1, 1, 1]), 1e-2), 100.0)
    assert np.abs(parity["overlap"]).max() == 0
    assert parity["risk"] == pytest.approx(0.5, rel=1e-12)
    assert "0.5 of the risk stays: directions 1, 2 and 3 are never found, since" in " ".join(parity.doubts)
    leap = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1 + z1*z2*z3", [0, 1, 1, 1]), 1e-2, particles=16), 100.0)
    assert leap["risk"][-1] == pytest.approx(0.5, abs=1e-3)
    assert "0.5 of the risk stays: directions 2 and 3 are never found, since" in " ".join(leap.doubts)


def test_symmetric_directions_find_their_sum_alone():
    """(z1 + z2) + z1 z2: neurons keep s1 = s2, of which z1 z2 is (w^2 - v^2) / 2 with v never found."""
    run = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1 + z2 + z1*z2", [0, 1, 1, 1]), 1e-2), 60.0)
    assert np.abs(run["overlap"][..., 0] - run["overlap"][..., 1]).max() < 1e-12
    assert "0.25 of the risk stays: of directions 1 and 2 only 1 combination is found, since" in " ".join(run.doubts)
    assert run["risk"][-1] == pytest.approx(0.25, abs=1e-3)
    table = ss.compare(run).values()
    assert table["stays"] == pytest.approx([0, 0, 0.5], abs=1e-12)
    assert table["left"] == pytest.approx(table["stays"], abs=0.02)


@pytest.mark.parametrize(
    ("target", "activation", "doubts"),
    [
        # z3 is not in the target; of w = z1 + z2 alone all is learnt; a degree that the activation lacks is told once
        ({(1, 0, 0): 1.0, (1, 1, 0): 1.0}, [0, 1, 1], []),
        ("z1 + z2 + (z1 + z2)**2", [1, 1, 1], []),
        ("z1 + z2*z3", [0, 1, 0, 1], ["0.5 of the risk stays: the activation sees nothing of directions 2 and 3."]),
    ],
)
def test_there_is_no_doubt_where_nothing_is_lost(target, activation, doubts):
    run = ss.solve(ss.MeanFieldFlow(ss.JointIndex(target, activation), 0.1, particles=8), 0.1)
    assert list(run.doubts) == doubts
    floors = [remark.text for remark in ss.compare(run).remarks if remark.head == "Floor"]
    assert floors == ["0.5 of the risk is in degrees that the activation lacks."] * len(doubts)


def test_a_doubt_names_directions_apart_from_their_combinations():
    problem = ss.JointIndex("z1 + z2 + z1*z2 + z3*z4", [0, 1, 1])
    (doubt,) = ss.solve(ss.MeanFieldFlow(problem, 0.1, particles=8), 0.1).doubts
    assert "0.75 of the risk stays: directions 3 and 4 are never found, and of directions 1 and 2 only 1" in doubt
    started = ss.MeanFieldFlow(problem, 0.1, initial=([1.0], [[0.0, 0.0, 0.1, 0.0]]))
    (doubt,) = ss.solve(started, 0.1).doubts
    assert doubt.startswith("0.25 of the risk stays: of directions 1 and 2 only 1 combination is found, since only")


@pytest.mark.parametrize("begin", [None, 10.0])
def test_length_one_is_approached_and_left_without_loss(begin):
    """A linear target too large for unit neurons: |z|' = |c| - tanh|z| along the target, from wherever it starts."""
    along = np.array([0.6, 0.8])
    problem = ss.JointIndex("1.5*z1 + 2*z2", [0, 1])
    start = 0.0 if begin is None else -math.tanh(begin)
    flow = ss.MeanFieldFlow(problem, second_layer="fixed", initial=([1.0], [start * along]))
    run = ss.solve(flow, 40.0, rtol=1e-8)
    times = run["state_time"]
    z = solve_ivp(lambda _, z: 2.5 - np.tanh(z), (0, 40.0), [-(begin or 0.0)], "DOP853", times, rtol=1e-10).y[0]
    assert run["overlap"][:, 0] @ along == pytest.approx(np.tanh(z), abs=2e-6)
    assert run["risk"][-1] == pytest.approx(0.5 * 1.5**2, rel=1e-9)
    # where 1 - s rounds to nothing its distance is still known, and it moves along the sphere
    system, y = ss.MeanFieldFlow(problem, 1.0, initial=([1.0, 1.0], [[0.1, 0.0], [0.0, 0.1]])).start()
    far = jnp.zeros_like(y).at[:2].set(jnp.asarray([[1.0], [60.0]]))
    assert np.asarray(system.vector_field(far))[1:, 0] == pytest.approx([0.5, 60 * 2.0])


def test_a_wide_network_comes_near():
    """Its neurons act on themselves, by terms of order 1/m: with 20 and 80 neurons gaps are 4 to 1 (measured once)."""
    problem, m = ss.JointIndex("z1 + z1*z2", [0, 1, 1]), 40
    mean = ss.solve(ss.MeanFieldFlow(problem, 1.0, ss.Rademacher()), 3.0)
    u = np.zeros((m, m + 2))
    u[np.arange(m), 2 + np.arange(m)] = 1.0
    wide = ss.solve(ss.NetworkFlow(problem, 1.0, initial=(np.resize([1.0, -1.0], m), u)), 3.0, error_estimate=False)
    start, end = wide["risk"][0] - mean["risk"][0], wide["risk"][-1] - mean["risk"][-1]
    assert mean["risk"][-1] < 0.5 * mean["risk"][0]
    assert 0 < start == pytest.approx(1 / m)  # a_i^2 (U(1) - U(0)) / 2m
    assert abs(end) < 0.05 * mean["risk"][0]


def test_a_long_series_is_cut_off_and_told():
    run = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1 + z1*z2 + z2*z3", "relu"), 0.1, particles=16), 3.0)
    assert "cut off there" in run.accuracy["activation"]
    assert 0 < run.accuracy["risk_left_out"] < run.accuracy["kernel_error"] * run["risk"][0]
    assert run["risk"][-1] < run["risk"][0]


def test_given_overlaps_reach_what_zero_does_not():
    problem = ss.JointIndex("z1*z2", [0, 0, 1])
    a, s = np.array([1.0, -1.0]), np.array([[1e-4, 1e-4], [1e-4, -1e-4]])
    run = ss.solve(ss.MeanFieldFlow(problem, 1.0, initial=(a, s)), 30.0)
    assert run["risk"][-1] < 0.01
    assert run.doubts == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial": ([1.0], [[0.6, 0.8]])}, "Argument `initial` must hold overlaps s of lengths |s| less than one"),
        (
            {"initial": ([1.0], [0.5])},
            "must be a pair (a, s) of arrays of shapes (m,) and (m, 2), but got",
        ),
        ({"initial": ([1.0], [[np.nan, 0.0]])}, "must hold overlaps s of lengths |s| less than one, but got nan"),
        ({"initial": 3}, "Argument `initial` must be a pair (a, s)"),
        ({"neurons": 10**12}, "Argument `neurons` must be smaller on this machine"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        ss.MeanFieldFlow(ss.JointIndex("z1 + z1*z2", [0, 1, 1]), 0.1, **arguments)
    assert message in str(refusal.value)


def test_too_many_products_are_refused():
    stairs = "z1**6 + z1 + z1*z2 + z2*z3 + z3*z4 + z4*z5 + z5*z6 + z6*z7 + z7*z8"
    with pytest.raises(ss.ArgumentError, match=r"`problem` must have at most 1000 products .* 8 directions"):
        ss.MeanFieldFlow(ss.JointIndex(stairs, [0, 1, 1, 1, 1, 1, 1]), 0.1)
    with pytest.raises(ss.ArgumentError, match="`problem` must be a SingleIndex or a JointIndex"):
        ss.MeanFieldFlow(ss.MultiIndex([0, 1], [0, 1], 2), 0.1)  # pyright: ignore[reportArgumentType]


def test_terms_are_listed_with_the_stage_that_theory_finds_them_in(stairs, tmp_path):
    table = ss.compare(stairs)
    assert [row["term"] for row in table.rows] == ["z1", "z1 z2", "z1 z2 z3"]
    assert [row["predicted"] for row in table.rows] == ["1", "2", "3"]
    assert np.all(np.diff(table.values()["time"]) > 0)
    assert any("came in the order of the stages" in remark.text for remark in table.remarks)
    assert table.values()["stays"] == pytest.approx(0, abs=0)
    stairs.save(tmp_path / "run.nc")
    assert str(ss.compare(ss.load(tmp_path / "run.nc"))) == str(table)


def test_the_picture_has_a_line_for_each_direction_and_each_term(stairs):
    ax = ss.plot.directions(stairs)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["direction 1", "direction 2", "direction 3"]
    above = ax.child_axes[0].get_legend()
    assert above is not None
    names, times = zip(*(text.get_text().split(", halved at ") for text in above.get_texts()), strict=True)
    assert names == ("z1", "z1 z2", "z1 z2 z3")
    assert [float(time) for time in times] == pytest.approx(ss.compare(stairs).values()["time"], rel=0.06)
    # powers of time before anything is learnt: t, t^2 of what the first drives
    for line, power in zip(ax.lines[:2], (1, 2), strict=True):
        t, s = (np.asarray(value)[20:60] for value in line.get_data())
        assert np.polyfit(np.log(t), np.log(s), 1)[0] == pytest.approx(power, abs=0.1)
    with pytest.raises(ss.ArgumentError, match="`trajectory` must hold term_residual"):
        ss.plot.directions(ss.solve(ss.MeanFieldFlow(ss.SingleIndex([1, 1], [1, 1]), 0.1, particles=4), 0.1))
    with pytest.raises(ss.ArgumentError, match=r"one direction \(`plot.directions` draws those of a JointIndex\)"):
        ss.plot.overlaps(stairs)


def test_the_picture_begins_with_the_first_state():
    run = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1 + z1*z2", [0, 1, 1]), 0.1, particles=8), 5.0, states=8)
    ax = ss.plot.directions(run)
    for line in ax.lines[:2]:
        t, s = (np.asarray(value)[:20] for value in line.get_data())
        assert t[0] == pytest.approx(run["state_time"][1])
        assert np.all(np.diff(s) > 0)


def test_what_is_never_found_is_a_floor_of_the_picture():
    run = ss.solve(ss.MeanFieldFlow(ss.JointIndex("z1 + z2*z3", [0, 1, 1]), 0.1, particles=8), 0.5)
    ax = ss.plot.descriptions({"limit": run})
    assert [text.get_text() for text in ax.texts] == ["directions that are never found"]
    assert any(np.all(np.asarray(line.get_ydata()) == 0.5) for line in ax.lines)


def test_reachable_spaces_do_not_depend_on_the_basis():
    from saddlescope.single_index.theory.reachable import reachable

    sigma = [0, 1, 1, 1]
    rotated = reachable(ss.JointIndex("0.6*z1 + 0.8*z2 + (0.6*z1 + 0.8*z2)*(0.6*z2 - 0.8*z1)", sigma))
    assert [len(space) for space in rotated.stages] == [0, 1, 2]
    assert rotated.kept == 0
    # w + v^2 with w = z1 + z2, v = z1 - z2: leaps of one as it is written, and still v is never found
    hidden = reachable(ss.JointIndex("z1 + z2 + z1**2 + z2**2 - 2*z1*z2", sigma))
    assert len(hidden.space) == 1
    # v^2 = (z1 - z2)^2 is 2 + 2 2^(1/2) h2(v / 2^(1/2)): all of its degree 2 stays
    assert hidden.kept == pytest.approx(0.5 * 8, rel=1e-12)
    assert reachable(ss.JointIndex("z1 + z2*z3", sigma), np.array([[0, 1e-20, 0]])).stage.tolist() == [1, 0, 1]


SPEC = """
family = "network"
[problem]
target = "z1 + z1*z2"
activation = [0, 1, 1]
[dynamics]
kind = "mean_field"
epsilon = 0.1
until = 5.0
"""


def test_a_spec_runs(tmp_path, capsys):
    (tmp_path / "stairs.toml").write_text(SPEC, encoding="utf-8")
    assert main(["run", str(tmp_path / "stairs.toml"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "directions.png").exists()
    assert (tmp_path / "out" / "descriptions.png").exists()
    printed = capsys.readouterr().out
    told = str(ss.compare(ss.load(tmp_path / "out" / "trajectory_mean_field.nc"))).splitlines()
    assert "z1 z2" in printed
    assert [line for line in told if line.startswith("z1")] == [
        line.rstrip() for line in printed.splitlines() if line.startswith("z1")
    ]
    record = json.loads((tmp_path / "out" / "stages.json").read_text(encoding="utf-8"))
    assert [row["term"] for row in record["terms"]] == ["z1", "z1 z2"]


def test_a_limit_beside_a_network_tells_its_terms(tmp_path, capsys):
    runs = "[[run]]\nname = 'limit'\nkind = 'mean_field'\n[[run]]\nname = 'm'\nkind = 'network'\n"
    (tmp_path / "both.toml").write_text(
        SPEC.replace('kind = "mean_field"', "neurons = 2\ndimension = 10") + runs, encoding="utf-8"
    )
    assert main(["run", str(tmp_path / "both.toml"), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    times = ss.compare(ss.load(tmp_path / "out" / "trajectory_limit.nc")).values()["time"]
    assert f"Terms     limit: z1 at {times[0]:.3g}; z1 z2 at {times[1]:.3g}." in printed


def test_saved_and_loaded(stairs, tmp_path):
    stairs.save(tmp_path / "run.nc")
    again = ss.load(tmp_path / "run.nc")
    assert again["term_residual"] == pytest.approx(stairs["term_residual"])
    assert again.parameters["target"] == STAIRS
