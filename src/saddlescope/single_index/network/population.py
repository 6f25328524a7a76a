"""The system of a network's population flow: what teachers and neurons see of the inputs, and its kernels."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import NormKernel, kernel, norm_kernel
from saddlescope.single_index.network.eigenspaces import Eigenspaces
from saddlescope.single_index.network.free_system import FreeNetworkSystem
from saddlescope.single_index.network.system import JointNetworkSystem, NetworkSystem
from saddlescope.single_index.problem.covariance import Covariance
from saddlescope.single_index.problem.joint_index import JointIndex
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
    degree, p = problem.reported_degree, len(problem.gram)
    common: dict[str, Any] = {
        "epsilon": jnp.asarray(epsilon),
        "frame": jnp.asarray(spaces.frame(widths)),
        "b": jnp.asarray(problem.weights / p),
        "degrees": degree,
    }
    if free:
        assert isinstance(problem, MultiIndex)
        phi, total, by_degree = target(problem, spaces.overlap)
        return FreeNetworkSystem(
            **norm_kernels(problem, biased=biased),
            root=jnp.asarray(np.sqrt(spaces.eigenvalues[spaces.places(widths)])),
            teachers=jnp.asarray(np.sqrt(np.diag(spaces.overlap))),
            axes=jnp.asarray(spaces.axes),
            phi=jnp.asarray(phi),
            target=jnp.asarray(0.5 * total),
            target_by_degree=jnp.asarray(0.5 * by_degree),
            sphere=sphere,
            **common,
        )
    kind = NetworkSystem if problem.summed else JointNetworkSystem
    return kind(
        U=kernel(problem.activation),
        V=problem.seen(),
        sigma=jnp.asarray(coefficients(problem.activation, degree)),
        phi=jnp.asarray(coefficients(problem.link, degree) if problem.summed else np.zeros(degree + 1)),
        target=jnp.asarray(0.5 * problem.target_norm),
        target_by_degree=jnp.asarray(0.5 * problem.target_by_degree(degree)),
        **common,
    )


def norm_kernels(problem: MultiIndex | JointIndex, *, biased: bool) -> dict[str, NormKernel]:
    """U and V at any norm."""
    U = norm_kernel(problem.activation, biased=biased)
    return {"U": U, "V": norm_kernel(problem.activation, problem.link, biased=biased)}


def target(problem: MultiIndex, overlap: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Return what teachers of these covariances of preactivations make.

    Args:
        problem: link and weights.
        overlap: <v_r, Sigma v_q>, shape (p, p).

    Returns:
        Coefficients of phi(|v_r| x) in the reported degrees, shape (degrees + 1, p); E y^2; its parts in these degrees.
    """
    degree, p = problem.reported_degree, len(overlap)
    size = np.sqrt(np.diag(overlap))
    if np.all(size == 1):
        phi = np.repeat(coefficients(problem.link, degree)[:, None], p, axis=1)
        return phi, problem.target_norm, problem.target_by_degree(degree)
    of_link = norm_kernel(problem.link)
    phi = np.asarray(of_link.coefficients(size, degree))
    phi = np.where(np.abs(phi) < 1e-14 * np.linalg.norm(phi, axis=0), 0.0, phi)
    b, r = problem.weights / p, np.clip(overlap / size / size[:, None], -1, 1)
    total = b @ np.asarray(of_link(r, size[:, None], size).value) @ b
    return phi, float(total), np.array([b * phi[k] @ r**k @ (b * phi[k]) for k in range(degree + 1)])


def refuse_sphere(sphere: bool, inputs: Covariance) -> None:
    """Refuse neurons on the sphere where inputs are not isotropic.

    There, |u| = 1 would leave each neuron a preactivation of another variance, and <u, Sigma u> = 1 would ask for
    Sigma to be known: two other dynamics.

    Raises:
        ArgumentError: if they are.
    """
    if sphere and not inputs.isotropic:
        must = "be False beside inputs that are not isotropic, for which what a neuron sees varies along the sphere"
        raise ArgumentError("sphere", must, sphere)


def told_of_inputs(problem: MultiIndex | JointIndex, spaces: Eigenspaces, inputs: Covariance) -> dict[str, Any]:
    """What a record says of inputs that are not isotropic, and of what the target is to them."""
    if inputs.isotropic:
        return {}
    assert isinstance(problem, MultiIndex)
    phi, _, by_degree = target(problem, spaces.overlap)
    return {
        "inputs": inputs.describe(),
        "link_coefficients": np.sqrt(np.mean(phi**2, axis=1)).tolist() if len(phi[0]) > 1 else phi[:, 0].tolist(),
        "target_by_degree": (0.5 * by_degree).tolist(),
        "teacher_by_eigenvalue": np.array([np.sum(part**2, axis=1) for part in spaces.teachers]).T.tolist(),
    }
