"""How fast small modes of a deep linear network grow, which the error of a step does not show.

A mode of 1e-10 beside a saddle is far below the tolerance of the other weights, and implicit steps longer than the time
of its growth damp it. A network leaves a saddle in directions that move its outer layers, W_L by x u_a p_b^T and W_1 by
z q_b v_a^T, with singular vectors u_a, v_a of the gradient G of the cost and p_b, q_b of the middle layers
M = W_(L-1) .. W_2: neurons that are free, and those in use that turn to a mode of more to gain. A pair (a, b) has the
Hessian

    C''[x u_a p_b^T F_(L-1) + z S_1 q_b v_a^T] + 2 x z g_a m_b,

with F_l = W_l .. W_1 and S_1 = W_L .. W_2. At balanced saddles of whitened costs its lowest eigenvalue is one of the
whole Hessian; it always bounds the fastest growth from below.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from saddlescope.deep_linear.network.layers import Weights, products_from_input
from saddlescope.deep_linear.problem.cost import Cost

# shares of the outer layers: smaller modes are rounding, larger ones the tolerance holds
_ROUNDING, _SEEN = 1e-14, 1e-2


def fastest_growth(cost: Cost, weights: Weights) -> jax.Array:
    """Return the largest rate at which a mode grows that is small beside the weights; 0 if none does."""
    prefixes = products_from_input(weights)
    A = prefixes[-1]
    U, g, Vt = jnp.linalg.svd(cost.gradient(A), full_matrices=False)
    first, last = weights[0], weights[-1]
    out = last
    for W in weights[-2:0:-1]:
        out = out @ W
    unit = jnp.sqrt(jnp.sum(first**2) + jnp.sum(last**2))

    def through(M: jax.Array) -> jax.Array:
        for W in weights[1:-1]:
            M = W @ M
        return M

    def back(M: jax.Array) -> jax.Array:
        for W in weights[-2:0:-1]:
            M = W.T @ M
        return M

    def fastest(p: jax.Array, m: jax.Array, q: jax.Array) -> jax.Array:
        f, s = prefixes[-2].T @ p, out @ q
        by_last = jnp.einsum("ia,jb->abij", U, f).reshape(-1, *A.shape)
        by_first = jnp.einsum("ib,aj->abij", s, Vt).reshape(-1, *A.shape)
        bent = jax.vmap(lambda dA: cost.hessian_product(A, dA))
        bent_last, bent_first = bent(by_last), bent(by_first)
        alpha, beta = jnp.sum(by_last * bent_last, (1, 2)), jnp.sum(by_first * bent_first, (1, 2))
        cross = jnp.sum(by_first * bent_last, (1, 2)) + (g[:, None] * m).ravel()
        growth = jnp.sqrt((0.5 * (alpha - beta)) ** 2 + cross**2) - 0.5 * (alpha + beta)
        size = jnp.hypot(U.T @ last @ p, (q.T @ first @ Vt.T).T).ravel() / unit
        return jnp.max(jnp.where((size > _ROUNDING) & (size < _SEEN), growth, 0.0), initial=0.0)

    # hidden directions as the inputs see them, and as the outputs do: a layer of zeros has none
    entry, exit_ = jnp.linalg.qr(first)[0], jnp.linalg.qr(last.T)[0]
    p, m, q = jnp.linalg.svd(through(entry), full_matrices=False)
    of_inputs = fastest(p, m, entry @ q.T)
    q, m, p = jnp.linalg.svd(back(exit_), full_matrices=False)
    return jnp.maximum(of_inputs, fastest(exit_ @ p.T, m, q))
