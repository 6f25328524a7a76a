"""
What ReLU lacks stays unlearnt
==============================

A ReLU network on an erf link, both by name. Odd Hermite coefficients of ReLU beyond the first are zero, and
even ones of erf: the network learns degree 1, and what is left of the risk is known beforehand.
"""

import saddlescope as ss

problem = ss.SingleIndex(link="erf", activation="relu")
flow = ss.MeanFieldFlow(problem, epsilon=1e-6, second_layer=ss.Normal())
run = ss.solve(flow, until=10.0)

ax = ss.plot.ladder(run, scale="log")
ax
