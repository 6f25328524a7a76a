"""
Information exponent 2: the escape takes log d
==============================================

A link without degree 1 gives a neuron of overlap zero no direction. In dimension d overlaps start at d^(-1/2)
and grow exponentially, so that the time of escape goes with log d; in infinite dimension nothing is ever
learnt.
"""

import numpy as np

import saddlescope as ss

problem = ss.SingleIndex(link=[1, 0, 1], activation=[1, 1, 1])
dimensions = 10.0 ** np.arange(2, 11, 2)
times = []
for dimension in dimensions:
    network = ss.NetworkFlow(problem, epsilon=0.1, neurons=20, dimension=dimension, seed=1)
    times.append(ss.learning_times(ss.solve(network, until=60.0))[2])

ax = ss.plot.new_axes()
ax.semilogx(dimensions, times, "o-")
ax.set(xlabel="dimension d", ylabel="time at which degree 2 is half learnt")
ax
