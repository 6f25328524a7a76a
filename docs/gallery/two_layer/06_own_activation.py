"""
An activation of your own
=========================

Any function of one variable serves, with its kinks named if it has some. Here a swish; its Hermite
coefficients are computed with an error bound, and the dynamics uses the whole function, not a truncated
series.
"""

import jax
import numpy as np

import saddlescope as ss


def swish(x):
    return x * jax.nn.sigmoid(2 * x)


own = ss.gaussian_function(swish)
print(np.round(own.coefficients(5), 4))
problem = ss.SingleIndex(link="tanh", activation=own)
run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-4, particles=128), until=3.0)

ax = ss.plot.ladder(run, scale="log")
ax
