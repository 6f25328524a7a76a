"""
The learning ladder
===================

A wide two-layer network learns a polynomial of one direction one degree at a time. Each layer of the picture
is the part of the risk that one degree contributes; dashed is what theory predicts, without having seen the
run.
"""

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])  # Hermite coefficients
flow = ss.MeanFieldFlow(problem, epsilon=1e-8)  # the second layer learns 1e8 times faster
run = ss.solve(flow, until=3.0)
order = ss.canonical_order(problem, flow.second_layer)

ax = ss.plot.ladder(run, order)
ax
