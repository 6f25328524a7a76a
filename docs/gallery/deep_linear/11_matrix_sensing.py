"""
Matrix sensing, one layer and more
==================================

A 15 x 15 matrix of rank 2 and 130 random linear measurements of it: fewer than its 225 entries. One layer fits
them with the least norm and knows nothing of the rest. Two and three layers from a small start learn the matrix
itself, the deeper network the better.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(0)
left, right = (np.linalg.qr(random.standard_normal((15, 15)))[0][:, :2] for _ in range(2))
cost = ss.MatrixSensing(random.standard_normal((130, 15, 15)), truth=(left * [4, 2]) @ right.T)

runs = {}
for depth, until in ((1, 30.0), (2, 30.0), (3, 200.0)):
    start = [0.01 * random.standard_normal((15, 15)) for _ in range(depth)]
    name = f"{depth} layer{'s' if depth > 1 else ''}"
    runs[name] = ss.solve(ss.GradientDescent(cost, initial=start, learning_rate=0.01), until=until)

axes = ss.plot.regimes(runs)
axes[0]
