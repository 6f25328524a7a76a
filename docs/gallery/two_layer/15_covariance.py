"""
Inputs with a power law of variances
====================================

One erf neuron of free norm learns an erf teacher from inputs whose variances fall like 1/k. What the teacher has in
directions of large variance is learnt first, and each direction at a time of its own: the risk, which hardly sees the
small ones, is long since low.
"""

import saddlescope as ss

problem = ss.SingleIndex(link="erf", activation="erf")
inputs = ss.Covariance.power_law(1.0, 20)
flow = ss.NetworkFlow(problem, second_layer="fixed", neurons=1, dimension=1000, sphere=False, norm=0.1, inputs=inputs)
run = ss.solve(flow, until=1000.0)

ax = ss.plot.eigenvalues(run)
ax
