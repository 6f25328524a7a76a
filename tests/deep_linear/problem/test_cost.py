import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear import (
    Cost,
    ExponentialLoss,
    GeneralCost,
    LeastSquares,
    LogisticLoss,
    MatrixCompletion,
    MatrixSensing,
)
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target

RANDOM = np.random.default_rng(5)
INPUTS, OUTPUTS = RANDOM.standard_normal((4, 30)), RANDOM.standard_normal((3, 30))
LABELS = np.sign(OUTPUTS)
MEASURED = RANDOM.standard_normal((7, 3, 4))
FEW = sparse.csr_array(np.where(np.abs(MEASURED) > 1, MEASURED, 0.0).reshape(7, 12))
MASK = np.array([[1, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]], dtype=bool)
COSTS = {
    "whitened": LeastSquares(reference_target()),
    "empirical": LeastSquares(inputs=INPUTS, outputs=OUTPUTS),
    "few examples": LeastSquares(inputs=INPUTS[:, :3], outputs=OUTPUTS[:, :3]),
    "completion": MatrixCompletion(reference_target(), observed=MASK),
    "general": GeneralCost(lambda A: jnp.sum(jnp.log(jnp.cosh(A - jnp.asarray(reference_target())))), (3, 4)),
    "sensing": MatrixSensing(MEASURED, truth=reference_target()),
    "sparse sensing": MatrixSensing(FEW, truth=reference_target()),
    "logistic": LogisticLoss(INPUTS, LABELS),
    "exponential": ExponentialLoss(INPUTS, LABELS),
}


@pytest.mark.parametrize("name", COSTS)
def test_gradient_and_hessian_product_are_derivatives_of_the_value(name: str):
    cost = COSTS[name]
    A, dA = np.random.default_rng(1).standard_normal((2, *cost.shape))
    assert np.allclose(cost.gradient(A), jax.grad(cost.value)(jnp.asarray(A)), atol=1e-13)
    h = 1e-5
    slope = (cost.value(A + h * dA) - cost.value(A - h * dA)) / (2 * h)
    assert float(slope) == pytest.approx(float(jnp.sum(cost.gradient(A) * dA)), rel=1e-8)
    curved = (cost.gradient(A + h * dA) - cost.gradient(A - h * dA)) / (2 * h)
    assert np.allclose(cost.hessian_product(A, dA), curved, atol=1e-8)


@pytest.mark.parametrize("count", [2, 4, 30])
@settings(max_examples=10, derandomize=True, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_empirical_cost_is_the_sum_over_examples(count: int, scale: float):
    X, Y = scale * INPUTS[:, :count], OUTPUTS[:, :count]
    A = np.random.default_rng(2).standard_normal((3, 4))
    plain = sum(np.sum((A @ X[:, n] - Y[:, n]) ** 2) for n in range(count)) / (2 * count)
    assert float(LeastSquares(inputs=X, outputs=Y).value(jnp.asarray(A))) == pytest.approx(plain, rel=1e-12)


def test_empirical_cost_keeps_its_digits_near_zero():
    A = np.random.default_rng(3).standard_normal((3, 4))
    cost = LeastSquares(inputs=1e4 * INPUTS, outputs=1e4 * A @ INPUTS)
    assert float(cost.value(jnp.asarray(A))) < 1e-20  # through XXᵀ it would be about 1e-7
    assert np.allclose(cost.minimiser, A, atol=1e-12)


def test_empirical_cost_with_whitened_inputs_is_the_whitened_cost():
    X = np.sqrt(8) * np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].T
    S, A = reference_target(), jnp.asarray(np.random.default_rng(5).standard_normal((3, 4)))
    assert float(LeastSquares(inputs=X, outputs=S @ X).value(A)) == pytest.approx(
        float(LeastSquares(S).value(A)), rel=1e-12
    )


def test_test_errors():
    S = reference_target()
    assert float(COSTS["whitened"].test_error(jnp.zeros((3, 4)))) == 1.0
    assert float(COSTS["completion"].test_error(jnp.asarray(np.where(MASK, 7.0, 3 * S)))) == pytest.approx(2.0)
    assert np.isnan(COSTS["empirical"].test_error(jnp.zeros((3, 4))))
    tested = LeastSquares(inputs=INPUTS, outputs=OUTPUTS, test_inputs=INPUTS[:, :5], test_outputs=3 * OUTPUTS[:, :5])
    assert float(tested.test_error(jnp.zeros((3, 4)))) == pytest.approx(1.0)
    assert np.isnan(MatrixCompletion(np.where(MASK, S, np.nan), observed=MASK).test_error(jnp.zeros((3, 4))))


def test_reference_completion_has_its_published_numbers():
    cost = reference_completion()
    origin = jnp.zeros((10, 10))
    assert float(cost.value(origin)) == pytest.approx(23.5349539035, abs=1e-10)
    values = np.linalg.svd(np.asarray(cost.gradient(origin)), compute_uv=False)
    assert np.allclose(values[:3], [5.6260, 2.8786, 1.8218], atol=5e-5)
    assert cost.target_rank == 3
    assert np.allclose(np.linalg.svd(reference_target(), compute_uv=False), [3, 2, 1])


def test_changing_the_data_does_not_compile_again():
    traces = []

    @jax.jit
    def slope(cost: Cost, A: jax.Array) -> jax.Array:
        traces.append(type(cost))
        return cost.gradient(A)

    A = jnp.ones((3, 4))
    for factor in (1.0, 2.0):
        slope(LeastSquares(factor * reference_target()), A)
        slope(LeastSquares(inputs=factor * INPUTS, outputs=OUTPUTS), A)
        slope(MatrixCompletion(factor * reference_target(), observed=MASK if factor == 1 else ~MASK), A)
        slope(COSTS["general"], A)
    assert len(traces) == 4


def test_empty_rows_and_columns_are_remarked():
    mask = MASK.copy()
    mask[1] = mask[:, 2] = False
    remarks = MatrixCompletion(reference_target(), observed=mask).remarks
    assert len(remarks) == 2
    assert "row(s): 1;" in remarks[0]
    assert "column(s): 2;" in remarks[1]
    assert COSTS["completion"].remarks == ()
    assert "not unique" in COSTS["few examples"].remarks[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeastSquares([[1.0, np.nan]]), "finite"),
        (lambda: LeastSquares([1.0, 2.0]), "matrix"),
        (lambda: LeastSquares([[1.0], [2.0, 3.0]]), "matrix of numbers"),
        (lambda: LeastSquares(), "`inputs` and `outputs`"),
        (lambda: LeastSquares([[1.0]], inputs=[[1.0]], outputs=[[1.0]]), "alone"),
        (lambda: LeastSquares(inputs=[[1.0, 2.0]], outputs=[[1.0]]), "one column per example"),
        (lambda: LeastSquares(inputs=[[1.0]], outputs=[[1.0]], test_inputs=[[1.0]]), "test_outputs"),
        (
            lambda: LeastSquares(inputs=[[1.0]], outputs=[[1.0]], test_inputs=[[1.0], [1.0]], test_outputs=[[1.0]]),
            "fit",
        ),
        (lambda: MatrixCompletion(np.ones((2, 2)), observed=np.zeros((2, 2), bool)), "at least one"),
        (lambda: MatrixCompletion(np.ones((2, 2)), observed=np.ones((2, 2), bool)), "unobserved"),
        (lambda: MatrixCompletion(np.ones((2, 2))), "`target` must leave an entry unobserved"),
        (lambda: MatrixCompletion(np.full((2, 2), np.nan)), "`target` must observe at least one entry"),
        (lambda: MatrixCompletion(np.ones((2, 2)), observed=np.ones((2, 2))), "booleans"),
        (lambda: MatrixCompletion(np.ones((2, 3)), observed=np.eye(2, dtype=bool)), "shape of the target"),
        (lambda: MatrixCompletion([[np.nan, 1.0]], observed=[[True, False]]), "observed entries"),
        (lambda: MatrixCompletion([[1.0, np.inf]], observed=[[True, False]]), "nan where"),
        (lambda: GeneralCost(jnp.linalg.norm, (2, 2)), "gradient at the origin|differentiable at the origin"),
        (lambda: GeneralCost(lambda A: jnp.sum(jnp.abs(A)), (2, 2)), "differentiable at the origin"),
        (lambda: GeneralCost(lambda A: jnp.round(jnp.sum(A) + 0.5 + 1e-9), (2, 2)), "differentiable"),
        (lambda: GeneralCost(lambda A: jnp.sum(jnp.log(A)), (2, 2)), "finite value and gradient"),
        (lambda: GeneralCost(lambda A: A @ A, (2, 2)), "scalar"),
        (lambda: GeneralCost(lambda A: np.linalg.det(A), (2, 2)), "JAX can differentiate"),
        (lambda: GeneralCost(3, (2, 2)), "callable"),  # type: ignore[arg-type]
        (lambda: GeneralCost(jnp.sum, (2, 0)), "positive whole"),
        (lambda: GeneralCost(jnp.sum, (2,)), "two whole numbers"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_refused(make, message: str):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_stiff_but_smooth_functions_pass():
    cost = GeneralCost(lambda A: 1e6 * jnp.sum((A - 1e3) ** 2), (2, 2))
    assert float(cost.gradient(jnp.zeros((2, 2)))[0, 0]) == pytest.approx(-2e9)


def test_ratings_file(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text("Row, Column, Value, time\n0,1,4.5,9\n2,0,-1,9\n1,1,2,8\n2,1,3,8\n")
    cost = MatrixCompletion.from_csv(file)
    assert cost.shape == (3, 2)
    assert cost.values.tolist() == [[0, 4.5], [0, 2], [-1, 3]]
    assert np.isnan(cost.test_error(jnp.zeros((3, 2))))
    kept = MatrixCompletion.from_csv(file, held_out=0.25, seed=1)
    assert int(kept.observed.sum()) == 3
    assert int(kept.held_out.sum()) == 1
    assert float(kept.test_error(jnp.zeros((3, 2)))) == 1.0
    file.write_text("row,column,value\nann,film,1\nbob,film,2\nbob,play,3\n")
    assert MatrixCompletion.from_csv(file, labels=True).values.tolist() == [[1, 0], [2, 3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n", "header"),
        ("", "header"),
        ("row,column,value\n", "at least one rating"),
        ("row,column,value\n0,0,1\n0,x,1\n", "'x' in line 3"),
        ("row,column,value\n0,-1,1\n", "whole numbers"),
        ("row,column,value\n0,0,inf\n", "finite values"),
        ("row,column,value\n0,0\n", "finite values"),
        ("row,column,value\n0,0,1\n0,0,2\n", "line 3"),
    ],
)
def test_bad_ratings_files_are_refused(tmp_path, text: str, message: str):
    file = tmp_path / "ratings.csv"
    file.write_text(text)
    with pytest.raises(ArgumentError, match=message):
        MatrixCompletion.from_csv(file)
    file.write_text("row,column,value\n0,0,1\n1,0,1\n0,1,1\n")
    with pytest.raises(ArgumentError, match="held_out"):
        MatrixCompletion.from_csv(file, held_out=1.0)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("userId,movieId,rating,timestamp\n7,90,4.5,1\n8,12,3,2\n7,12,1,3\n", True),
        ("7\t90\t4.5\t881250949\n8\t12\t3\t891717742\n7\t12\t1\t878887116\n", True),
        ("7::90::4.5::978300760\n8::12::3::978302109\n7::12::1::978301968\n", True),
        ("rating;item;user\n4.5;90;7\n3;12;8\n1;12;7\n", True),
        ("0 0 4.5\n1 1 3\n\n0 1 1\n", False),
    ],
)
def test_ratings_are_read_as_people_keep_them(tmp_path, text, labels):
    file = tmp_path / "ratings"
    file.write_text(text)
    cost = MatrixCompletion.from_csv(file, labels=labels)
    assert np.asarray(cost.values).tolist() == [[4.5, 1.0], [0.0, 3.0]]
    assert np.asarray(cost.observed).tolist() == [[True, True], [False, True]]


def test_a_second_file_of_ratings_is_for_tests_and_means_are_those_of_the_first(tmp_path):
    (tmp_path / "base").write_text("1\t1\t5\n1\t2\t3\n2\t1\t1\n")
    (tmp_path / "test").write_text("2\t2\t4\n3\t1\t2\n")
    cost = MatrixCompletion.from_csv(tmp_path / "base", labels=True, test=tmp_path / "test", centre=True)
    assert cost.shape == (3, 2)
    assert np.asarray(cost.values).tolist() == [[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]]  # less 3, their mean
    assert np.asarray(cost.truth).tolist() == [[0.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
    A = jnp.asarray([[1.0, 0.5], [0.0, 0.0], [0.0, 9.0]])
    errors = cost.root_mean_squares(float(cost.value(A)), float(cost.test_error(A)))
    assert errors == pytest.approx((np.sqrt((1 + 0.25 + 4) / 3), 1.0))
    assert cost.examples == 3
    with pytest.raises(ArgumentError, match="`held_out` must be 0"):
        MatrixCompletion.from_csv(tmp_path / "base", labels=True, test=tmp_path / "test", held_out=0.5)
    with pytest.raises(ArgumentError, match="every entry once"):
        MatrixCompletion.from_csv(tmp_path / "base", labels=True, test=tmp_path / "base")


def test_a_table_that_does_not_fit_is_refused_before_it_is_made(tmp_path):
    file = tmp_path / "ratings"
    file.write_text(f"row,column,value\n{10**8},{10**8},5\n0,0,1\n")
    with pytest.raises(ArgumentError, match="smaller on this machine"):
        MatrixCompletion.from_csv(file)


DRAWN = np.random.default_rng(5)
ABLE = {
    "whitened": LeastSquares(DRAWN.standard_normal((3, 2))),
    "examples": LeastSquares(inputs=DRAWN.standard_normal((2, 5)), outputs=DRAWN.standard_normal((3, 5))),
    "completion": MatrixCompletion(DRAWN.standard_normal((3, 2)), observed=MASK[:, :2]),
    "general": GeneralCost(lambda A: jnp.sum(jnp.cosh(A - 0.3)), (3, 2)),
    "sensing": MatrixSensing(DRAWN.standard_normal((4, 3, 2)), DRAWN.standard_normal(4)),
    "many measurements": MatrixSensing(DRAWN.standard_normal((9, 3, 2)), DRAWN.standard_normal(9)),
    "sparse sensing": MatrixSensing(sparse.random(5, 6, 0.4, rng=DRAWN), DRAWN.standard_normal(5), shape=(3, 2)),
    "logistic": LogisticLoss(DRAWN.standard_normal((2, 9)), np.sign(DRAWN.standard_normal((3, 9)))),
    "exponential": ExponentialLoss(DRAWN.standard_normal((2, 9)), np.sign(DRAWN.standard_normal((3, 9)))),
}


@pytest.mark.parametrize("name", ABLE)
def test_what_a_cost_says_of_itself_is_what_the_general_answer_says(name):
    cost: Cost = ABLE[name]
    A = DRAWN.standard_normal(cost.shape)
    G = cost.gradient(jnp.asarray(A))
    assert np.allclose(cost.numpy_gradient()(A), G, atol=1e-12)
    hessian = jax.vmap(lambda E: cost.hessian_product(jnp.asarray(A), E))(jnp.eye(6).reshape(6, 3, 2)).reshape(6, 6)
    true = float(np.linalg.norm(hessian, 2))
    known = cost.largest_curvature([A])
    assert true <= known <= 1.1 * true
    # power iteration at A, whatever the type, is an upper bound too and not much above
    assert true <= float(Cost.curvature_bound(cost, jnp.asarray(A), G, jnp.zeros(()))) <= 1.6 * true
    assert cost.least_cost <= min(float(cost.value(jnp.asarray(A - s * np.asarray(G)))) for s in (0.0, 0.1, 0.5, 1.0))


@pytest.mark.parametrize(
    "name", ["whitened", "examples", "completion", "sensing", "many measurements", "sparse sensing"]
)
def test_relaxation_is_the_flow_of_the_product(name):
    cost: Cost = ABLE[name]
    A, t, h = DRAWN.standard_normal(cost.shape), 0.7, 1e-5
    now, before, after = cost.relaxed(A, np.array([t, t - h, t + h]))
    assert np.allclose((after - before) / (2 * h), -cost.numpy_gradient()(now), atol=1e-8)
    assert np.allclose(cost.relaxed(A, np.zeros(1))[0], A)


def test_a_general_cost_has_no_closed_form_and_is_one_piece():
    with pytest.raises(ArgumentError, match="`cost` must have a closed form"):
        ABLE["general"].relaxed(np.zeros((3, 2)), np.ones(1))
    assert ABLE["general"].components() == 1
    assert MatrixCompletion(np.eye(2), observed=np.eye(2, dtype=bool)).components() == 2


def test_nobody_asks_for_the_type_of_a_cost():
    import saddlescope

    root = Path(saddlescope.__file__).parent
    kinds = "LeastSquares|Matrix(Completion|Sensing)|GeneralCost|LinearCost|QuadraticCost|(Margin|\\w+)Loss"
    asked = [str(p) for p in root.rglob("*.py") if re.search(rf"isinstance\([^)]*\b({kinds})\b", p.read_text())]
    assert asked == []
