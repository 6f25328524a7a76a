"""The law of inputs, by whatever it is given as, and in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, path_of
from saddlescope.single_index.problem.covariance import Covariance
from saddlescope.single_index.problem.mixture import Mixture

Inputs = Covariance | Mixture


def law_of_inputs(value: Any) -> Inputs:
    """Return a `Covariance` or a `Mixture`: as given, of eigenvalues, of the table of a spec, or the identity for None.

    Args:
        value: what is given; a table has `eigenvalues`, or `power_law` (the exponent) and `number`, or `file` (samples
            in rows, .npy or .csv), or `distance` (of a mixture), beside the arguments that go with them.

    Raises:
        ArgumentError: if it is none of these.

    Example:
        >>> law_of_inputs(None), law_of_inputs([4.0, 1.0])
        (Covariance(1 in all directions), Covariance(2 eigenvalues from 1 to 4, mean 2.5))
        >>> law_of_inputs({"power_law": 1.0, "number": 2, "mean": 3.0}).eigenvalues
        array([4., 2.])
        >>> law_of_inputs({"distance": 1.5})
        Mixture(two clouds, 1.5 from the origin, teacher cosine 0)
    """
    if value is None:
        return Covariance([1.0])
    if isinstance(value, Covariance | Mixture):
        return value
    try:
        if isinstance(value, Mapping):
            return _of_table(dict(value))
        if np.ndim(value) == 1 and not isinstance(value, str):
            return Covariance(value)
    except ArgumentError as error:
        # named as it was given: by the table or the list
        known = f"inputs.{error.argument}" if isinstance(value, Mapping) else "inputs"
        if not error.argument.startswith("inputs"):
            error.args = (str(error).replace(f"`{error.argument}`", f"`{known}`", 1),)
            error.argument = known
        raise
    raise ArgumentError("inputs", "be a Covariance, a Mixture, or a list of eigenvalues", value)


# what a table may hold beside what makes it one of its kind
_KEYS = {
    "eigenvalues": ("shares", "teacher", "seed"),
    "power_law": ("number", "mean", "teacher", "seed"),
    "file": ("teacher", "seed"),
    "distance": ("teacher", "weights"),
}


def _of_table(table: dict[str, Any]) -> Inputs:
    kinds = [kind for kind in _KEYS if kind in table]
    if len(kinds) != 1:
        raise ArgumentError("inputs", "have one of eigenvalues, power_law, file and distance", table)
    kind = kinds[0]
    for key in table:
        if key != kind and key not in _KEYS[kind]:
            raise ArgumentError("inputs", f"have known keys only (beside {kind}: {', '.join(_KEYS[kind])})", key)
    value = table.pop(kind)
    if kind == "eigenvalues":
        return Covariance(value, **table)
    if kind == "distance":
        return Mixture(value, **table)
    if kind == "file":
        return Covariance.of(_samples(value), **table)
    if "number" not in table:
        raise ArgumentError("inputs", "have a number of eigenvalues beside power_law", value)
    return Covariance.power_law(value, **table)


def _samples(file: Any) -> np.ndarray:
    path = path_of("inputs", file)
    if not path.is_file() or path.suffix not in (".npy", ".csv"):
        raise ArgumentError("inputs", "name an existing file of samples in rows, .npy or .csv", file)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except (ValueError, OSError):  # what NumPy raises for what is none
        raise ArgumentError("inputs", "name a file of numbers, one sample a row", file) from None
