"""The system of a network's population flow: what teachers and neurons see of the inputs, and its kernels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import NormKernel, kernel, norm_kernel
from saddlescope.single_index.network.eigenspaces import Eigenspaces
from saddlescope.single_index.network.free_system import FreeNetworkSystem
from saddlescope.single_index.network.mixture_system import MixtureSystem
from saddlescope.single_index.network.system import JointNetworkSystem, NetworkSystem
from saddlescope.single_index.problem.inputs import Inputs
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.mixture import Mixture
from saddlescope.single_index.problem.multi_index import MultiIndex
from saddlescope.single_index.problem.single_index import coefficients


def population(
    problem: MultiIndex | JointIndex,
    epsilon: float,
    spaces: Eigenspaces,
    widths: np.ndarray,
    *,
    free: bool,
    sphere: bool,
    biased: bool,
) -> NetworkSystem | FreeNetworkSystem:
    """Return the flow of a network in coordinates of eigenspaces.

    Args:
        problem: what is learnt, by which activation.
        epsilon: learning-rate ratio.
        spaces: of the inputs.
        widths: how many coordinates each has.
        free: whether neurons are not those of the theory: on the sphere, without biases, of isotropic inputs.
        sphere: whether they keep their norm one.
        biased: whether they have biases.
    """
    if free:
        return _free(problem, epsilon, spaces, widths, sphere=sphere, biased=biased)
    degree = problem.reported_degree
    kind = NetworkSystem if problem.summed else JointNetworkSystem
    return kind(
        U=kernel(problem.activation),
        V=problem.seen(),
        sigma=jnp.asarray(coefficients(problem.activation, degree)),
        phi=jnp.asarray(coefficients(problem.link, degree) if problem.summed else np.zeros(degree + 1)),
        target=jnp.asarray(0.5 * problem.target_norm),
        target_by_degree=jnp.asarray(0.5 * problem.target_by_degree(degree)),
        **_common(problem, epsilon, spaces, widths),
    )


def population_of_mixture(
    problem: MultiIndex | JointIndex,
    epsilon: float,
    spaces: Eigenspaces,
    widths: np.ndarray,
    mixture: Mixture,
    *,
    biased: bool,
) -> MixtureSystem:
    """Return the flow of a network of free norms on a mixture, whose centre is the last direction of the spaces.

    Args:
        problem, epsilon, spaces, widths: as of `population`.
        mixture: of the inputs.
        biased: whether neurons have biases of their own.
    """
    p = len(problem.gram)
    both = [
        _free(problem, epsilon, spaces, widths, sphere=False, biased=True, offsets=sign * mixture.offsets(p))
        for sign in mixture.signs
    ]
    return MixtureSystem(
        clouds=jax.tree.map(lambda *parts: jnp.stack(parts), *both),
        signs=jnp.asarray(mixture.signs),
        weights=jnp.asarray(mixture.weights),
        centre=jnp.asarray(mixture.distance * spaces.frame(widths)[p]),
        # all neurons may turn away from the centre: what is left of it is held beside the first teacher
        axes=jnp.asarray(np.where(spaces.axes == p, 0, spaces.axes)),
        biased=biased,
    )


def _common(
    problem: MultiIndex | JointIndex, epsilon: float, spaces: Eigenspaces, widths: np.ndarray
) -> dict[str, Any]:
    p = len(problem.gram)
    return {
        "epsilon": jnp.asarray(epsilon),
        "frame": jnp.asarray(spaces.frame(widths)[:p]),
        "b": jnp.asarray(problem.weights / p),
        "degrees": problem.reported_degree,
    }


def _free(
    problem: MultiIndex | JointIndex,
    epsilon: float,
    spaces: Eigenspaces,
    widths: np.ndarray,
    *,
    sphere: bool,
    biased: bool,
    offsets: np.ndarray | None = None,
) -> FreeNetworkSystem:
    assert isinstance(problem, MultiIndex)
    p = len(problem.gram)
    overlap = spaces.overlap[:p, :p]
    phi, total, by_degree = target(problem, overlap, offsets)
    return FreeNetworkSystem(
        **norm_kernels(problem, biased=biased),
        root=jnp.asarray(np.sqrt(spaces.eigenvalues[spaces.places(widths)])),
        teachers=jnp.asarray(np.sqrt(np.diag(overlap))),
        axes=jnp.asarray(spaces.axes),
        phi=jnp.asarray(phi),
        target=jnp.asarray(0.5 * total),
        target_by_degree=jnp.asarray(0.5 * by_degree),
        offsets=jnp.zeros(p) if offsets is None else jnp.asarray(offsets),
        sphere=sphere,
        **_common(problem, epsilon, spaces, widths),
    )


def norm_kernels(problem: MultiIndex | JointIndex, *, biased: bool) -> dict[str, NormKernel]:
    """U and V at any norm."""
    U = norm_kernel(problem.activation, biased=biased)
    return {"U": U, "V": norm_kernel(problem.activation, problem.link, biased=biased)}


def target(
    problem: MultiIndex, overlap: np.ndarray, offsets: np.ndarray | None = None
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return what teachers of these covariances of preactivations make.

    Args:
        problem: link and weights.
        overlap: <v_r, Sigma v_q>, shape (p, p).
        offsets: e_r, what is added to them, shape (p,); none by default.

    Returns:
        Coefficients of phi(|v_r| x + e_r) in the reported degrees, shape (degrees + 1, p); E y^2; its parts in these
        degrees.
    """
    degree, p = problem.reported_degree, len(overlap)
    size = np.sqrt(np.diag(overlap))
    if np.all(size == 1) and offsets is None:
        phi = np.repeat(coefficients(problem.link, degree)[:, None], p, axis=1)
        return phi, problem.target_norm, problem.target_by_degree(degree)
    of_link = norm_kernel(problem.link, biased=offsets is not None)
    both = () if offsets is None else (offsets[:, None], offsets)
    phi = np.asarray(of_link.coefficients(size, degree, offsets))
    phi = np.where(np.abs(phi) < 1e-14 * np.linalg.norm(phi, axis=0), 0.0, phi)
    b, r = problem.weights / p, np.clip(overlap / size / size[:, None], -1, 1)
    total = b @ np.asarray(of_link(r, size[:, None], size, *both).value) @ b
    return phi, float(total), np.array([b * phi[k] @ r**k @ (b * phi[k]) for k in range(degree + 1)])


def refuse_sphere(sphere: bool, inputs: Inputs) -> None:
    """Refuse neurons on the sphere where inputs are not isotropic.

    There, |u| = 1 would leave each neuron a preactivation of another variance, and <u, Sigma u> = 1 would ask for
    Sigma to be known: two other dynamics. In a mixture, neurons see centres of another height, too.

    Raises:
        ArgumentError: if they are.
    """
    if sphere and not inputs.isotropic:
        must = "be False beside inputs that are not isotropic, for which what a neuron sees varies along the sphere"
        raise ArgumentError("sphere", must, sphere)


def told_of_inputs(problem: MultiIndex | JointIndex, spaces: Eigenspaces, inputs: Inputs) -> dict[str, Any]:
    """What a record says of inputs that are not isotropic, and of what the target is to them."""
    if inputs.isotropic:
        return {}
    assert isinstance(problem, MultiIndex)
    p = len(problem.gram)
    if isinstance(inputs, Mixture):
        both = [target(problem, problem.gram, sign * inputs.offsets(p)) for sign in inputs.signs]
        squares = sum(w * np.mean(phi**2, axis=1) for w, (phi, _, _) in zip(inputs.weights, both, strict=True))
        parts = sum(0.5 * w * part for w, (_, _, part) in zip(inputs.weights, both, strict=True))
        return {
            "inputs": inputs.describe(),
            "link_coefficients": np.sqrt(squares).tolist(),
            "target_by_degree": np.asarray(parts).tolist(),
        }
    phi, _, by_degree = target(problem, spaces.overlap)
    return {
        "inputs": inputs.describe(),
        "link_coefficients": np.sqrt(np.mean(phi**2, axis=1)).tolist() if len(phi[0]) > 1 else phi[:, 0].tolist(),
        "target_by_degree": (0.5 * by_degree).tolist(),
        "teacher_by_eigenvalue": np.array([np.sum(part**2, axis=1) for part in spaces.teachers]).T.tolist(),
    }
