"""
Jumps of a diagonal network
===========================

Sparse regression by beta = u * v from a start of e^-100. Coordinates are learnt one jump at a time, at times
that an exact algorithm knows (Pesme and Flammarion 2023). On the way the network uses a coordinate that it
drops again.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(9)
inputs = random.standard_normal((20, 40))
outputs = inputs[:, :3] @ [3.0, -2.0, 1.0]
path = ss.jump_sequence(inputs, outputs)
run = ss.solve(ss.DiagonalFlow(inputs, outputs, log_scale=100.0), until=1.2 * path.jump_times[-1])

cost, coefficients = ss.plot.jumps(run, path)
cost
