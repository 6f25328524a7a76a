"""
The path in a plane
===================

The product of all layers, projected on the plane of the saddles that it visits. The smaller the start, the
closer the path comes to the saddles; the flow rests at the corners.
"""

import saddlescope as ss

cost = ss.LeastSquares([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
path = ss.greedy_low_rank(cost, depth=2)
run = ss.solve(ss.DeepLinearFlow(cost, depth=2, width=30, gamma=2.0, scale=1e-4, seed=3), until=30.0)

ax = ss.plot.plane(run, path)
ax
