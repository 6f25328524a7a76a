"""
One singular value after the other
==================================

Least squares to a matrix with singular values 3, 2 and 1: in a deep linear network from a small start they
grow one at a time, each in a fast transition after a long wait. Above: the effective rank, which climbs in
steps.
"""

import numpy as np

import saddlescope as ss

frame = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
cost = ss.LeastSquares(frame @ np.diag([3.0, 2.0, 1.0, 0.0, 0.0]))
start = dict(depth=3, width=60, seed=0)
run = ss.solve(ss.DeepLinearFlow(cost, gamma=2.0, scale=0.2, **start), until=400.0)

ax = ss.plot.singular_values(run, ss.saddle_to_saddle_limit(cost, **start))
ax
