"""What a spec of a deep linear network can ask to be learnt: one table for each kind of problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from saddlescope.arguments import ArgumentError, count, share
from saddlescope.specs.checks import (
    Count,
    CountFromTwo,
    CountFromZero,
    Flag,
    Fraction,
    Matrix,
    Numbers,
    Table,
    Text,
    checked,
)

if TYPE_CHECKING:
    import numpy as np

    from saddlescope.deep_linear import Cost


Share = Annotated[float, checked(share)]


class Target(Table):
    """Whitened least squares to a given matrix."""

    kind: Literal["target"] = Field(description="least squares to a matrix, C(A) = |A - S|^2 / 2")
    matrix: Matrix = Field(description="S, a list of rows")

    def cost(self) -> Cost:
        """Return the cost C(A)."""
        from saddlescope.deep_linear import LeastSquares

        return LeastSquares(self.matrix)


class Completion(Table):
    """Completion of a random low-rank matrix."""

    kind: Literal["completion"] = Field(description="completion of a random square matrix of low rank")
    size: CountFromTwo = Field(description="rows and columns of the matrix")
    singular_values: Numbers = Field(description="its singular values, as many as its rank; the frames are random")
    observed: Count = Field(description="number of observed entries")
    seed: CountFromZero = Field(0, description="seed of the frames and of the observed entries")

    @model_validator(mode="after")
    def _fits(self) -> Completion:
        _check_singular_values(self.singular_values, self.size)
        count("observed", self.observed, 1, self.size**2 - 1)
        return self

    def cost(self) -> Cost:
        """Return the cost C(A)."""
        from saddlescope.deep_linear.problem.reference_problems import random_completion

        return random_completion(self.size, tuple(self.singular_values), self.observed, self.seed)


class Sensing(Table):
    """Sensing of a random low-rank matrix."""

    kind: Literal["sensing"] = Field(description="a random square matrix of low rank, from Gaussian measurements")
    size: CountFromTwo = Field(description="rows and columns of the matrix")
    singular_values: Numbers = Field(description="its singular values, as many as its rank; the frames are random")
    measurements: Count = Field(description="number m of measurements <A_i, S>, with A_i of independent N(0, 1)")
    seed: CountFromZero = Field(0, description="seed of the frames and of the measurements")

    @model_validator(mode="after")
    def _fits(self) -> Sensing:
        _check_singular_values(self.singular_values, self.size)
        return self

    def cost(self) -> Cost:
        """Return the cost C(A)."""
        from saddlescope.deep_linear.problem.reference_problems import random_sensing

        return random_sensing(self.size, tuple(self.singular_values), self.measurements, self.seed)


class Examples(Table):
    """Examples with answers or labels, in the spec or in a file."""

    kind: Literal["examples"] = Field(description="examples with answers, or with labels of -1 and 1")
    loss: Literal["square", "logistic", "exponential"] = Field(
        "square", description="square: |A x - y|^2 / 2; the others: of the margins y (A x); a mean over the examples"
    )
    inputs: Matrix | None = Field(None, description="X, a list of rows, one an example")
    outputs: Matrix | None = Field(None, description="Y, a list of rows, one an example: answers, or labels")
    file: Text | None = Field(
        None, description="instead, .npz with inputs and outputs, and perhaps test_inputs and test_outputs, likewise"
    )
    held_out: Share = Field(0.0, description="share of the examples kept back for the test error, in [0, 1)")
    seed: CountFromZero = Field(0, description="seed of that choice")

    @model_validator(mode="after")
    def _given_once(self) -> Examples:
        if self.file is not None and (self.inputs is not None or self.outputs is not None):
            raise ArgumentError("file", "stand alone, without inputs or outputs", self.file)
        if self.file is None and (self.inputs is None or self.outputs is None):
            raise ArgumentError("inputs" if self.inputs is None else "outputs", "be given, or else a `file`", None)
        return self

    def cost(self) -> Cost:
        """Return the cost C(A)."""
        from saddlescope.deep_linear import ExponentialLoss, LeastSquares, LogisticLoss

        X, Y, tested = self._data()
        Xt, Yt = (part.T for part in tested) if tested else (None, None)
        if self.loss == "square":
            return LeastSquares(inputs=X.T, outputs=Y.T, test_inputs=Xt, test_outputs=Yt)
        make = LogisticLoss if self.loss == "logistic" else ExponentialLoss
        return make(X.T, Y.T, test_inputs=Xt, test_labels=Yt)

    def _data(self) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
        import numpy as np

        if self.file is None:
            X, Y, tested = np.array(self.inputs), np.array(self.outputs), ()
        else:
            X, Y, tested = _read_examples(self.file)
        if len(X) != len(Y):
            raise ArgumentError("problem.outputs", f"have one row an example, {len(X)} of them", len(Y))
        if self.held_out == 0:
            return X, Y, tested
        if tested:
            raise ArgumentError("problem.held_out", "be 0 where the file holds test_inputs", self.held_out)
        order = np.random.default_rng(self.seed).permutation(len(X))
        back, kept = np.split(order, [round(self.held_out * len(X))])
        if back.size == 0 or kept.size == 0:
            raise ArgumentError("problem.held_out", f"leave some of {len(X)} examples on both sides", self.held_out)
        return X[kept], Y[kept], (X[back], Y[back])


class Ratings(Table):
    """Completion of a table of ratings."""

    kind: Literal["ratings"] = Field(description="completion of a table of ratings")
    file: Text = Field(description="columns row, column, value or user, item, rating; relative to the spec")
    test_file: Text | None = Field(None, description="a second file like it, of ratings for the test error only")
    labels: Flag = Field(False, description="rows and columns are names, or any numbers, instead of numbers from 0")
    held_out: Share = Field(0.0, description="share of the ratings kept back for the test error, in [0, 1)")
    seed: CountFromZero = Field(0, description="seed of that choice")
    centre: Flag = Field(False, description="take the mean of the ratings that are fitted from all")

    @model_validator(mode="after")
    def _tested_once(self) -> Ratings:
        if self.test_file is not None and self.held_out:
            raise ArgumentError("held_out", "be 0 where a `test_file` is given", self.held_out)
        return self

    def cost(self) -> Cost:
        """Return the cost C(A)."""
        import csv
        from pathlib import Path

        from saddlescope.deep_linear import MatrixCompletion

        for name, file in (("file", self.file), ("test_file", self.test_file)):
            if file is not None and not Path(file).is_file():
                raise ArgumentError(f"problem.{name}", "name an existing CSV file", file)
        options = {"labels": self.labels, "held_out": self.held_out, "seed": self.seed, "centre": self.centre}
        try:
            return MatrixCompletion.from_csv(self.file, **options, test=self.test_file)
        except (UnicodeDecodeError, csv.Error, OSError):
            raise ArgumentError("problem.file", "name a CSV file in UTF-8 that can be read", self.file) from None
        except ArgumentError as error:
            if error.argument == "observed":
                must = 'leave an entry of the table without a rating (else use kind = "target", or held_out)'
                raise ArgumentError("problem.file", must, self.file) from None
            # from_csv speaks of its `path`, a spec of its `problem.file`
            sentence = str(error).replace("Argument `path`", f"Argument `problem.file` ({self.file})", 1)
            error.args = (sentence,)
            raise


class Digits(Table):
    """Completion of images of handwritten digits."""

    kind: Literal["digits"] = Field(description="completion of 8 x 8 images of digits, one a row (needs scikit-learn)")
    images: CountFromTwo = Field(40, description="number of images")
    observed: Fraction = Field(0.5, description="share of the pixels that is observed")
    seed: CountFromZero = Field(0, description="seed of the choice of pixels")

    def cost(self) -> Cost:
        """Return the cost C(A), of pixels from 0 to 1."""
        import numpy as np

        from saddlescope.deep_linear import MatrixCompletion

        try:
            from sklearn.datasets import load_digits  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ArgumentError(
                "problem.kind", "be another one unless scikit-learn is installed (pip install scikit-learn)", self.kind
            ) from None
        pixels = load_digits().data / 16
        rows = pixels[: count("problem.images", self.images, 2, len(pixels))]
        observed = np.random.default_rng(self.seed).random(rows.shape) < self.observed
        return MatrixCompletion(rows, observed=observed)


def _check_singular_values(values: list[float], size: int) -> None:
    if len(values) > size:
        raise ArgumentError("singular_values", f"be at most {size} numbers", values)
    if min(values) <= 0:
        raise ArgumentError("singular_values", "be positive", values)


def _read_examples(file: str) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Inputs and outputs of a file, and those of tests if there are some; one row an example, vectors as columns."""
    from pathlib import Path

    import numpy as np

    if not Path(file).is_file():
        raise ArgumentError("problem.file", "name an existing .npz file", file)
    names = "inputs", "outputs", "test_inputs", "test_outputs"
    try:
        with np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in names if name in held.files}
    except Exception:  # zipfile and NumPy raise their own kinds for what is none
        raise ArgumentError("problem.file", "name a file that numpy.savez wrote", file) from None
    missing = [name for name in names[: 2 if len(arrays) < 3 else 4] if name not in arrays]
    if missing:
        raise ArgumentError("problem.file", f"hold {' and '.join(missing)}", file)
    for name, array in arrays.items():
        if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
            raise ArgumentError("problem.file", f"hold {name} as numbers, one row an example", file)
    X, Y, *tested = (
        np.asarray(a, dtype=np.float64).reshape(len(a), -1) for a in (arrays[n] for n in names if n in arrays)
    )
    return X, Y, tuple(tested)
