"""
From saddle to saddle
=====================

Four layers of 100 neurons complete a 10 x 10 matrix of rank 3 from 70 of its entries, rank by rank. Dashed:
the saddles that the greedy low-rank algorithm predicts, and the jump times of the limit of a vanishing start.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(0)
left, right = (np.linalg.qr(random.standard_normal((10, 10)))[0][:, :3] for _ in range(2))
observed = (random.permutation(100) < 70).reshape(10, 10)
cost = ss.MatrixCompletion((left * [6, 4, 2]) @ right.T, observed=observed)
start = dict(depth=4, width=100, seed=0)
limit = ss.saddle_to_saddle_limit(cost, **start)
run = ss.solve(ss.DeepLinearFlow(cost, gamma=2.0, scale=0.25, **start), until=1.3 * limit.times(0.25)[-1])

ax = ss.plot.descent(run, limit)
ax
