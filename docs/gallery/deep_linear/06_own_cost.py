"""
A cost of your own
==================

Any function of the product matrix that JAX can differentiate. Here a robust cost (square for small misfits,
linear for large ones) of a target with one gross outlier; the saddles on the way are predicted all the same.
"""

import jax.numpy as jnp

import saddlescope as ss

target = jnp.array([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]])


def huber(product):
    return jnp.sum(jnp.sqrt(1 + (product - target) ** 2) - 1)


cost = ss.GeneralCost(huber, shape=(3, 3))
run = ss.solve(ss.DeepLinearFlow(cost, depth=3, width=20, gamma=2.0, scale=0.02), until=600.0)

ax = ss.plot.descent(run, ss.greedy_low_rank(cost, depth=3), time="linear")
ax
