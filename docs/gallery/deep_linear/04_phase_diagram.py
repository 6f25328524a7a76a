"""
Near a minimum or near a saddle: the phase diagram of starts
============================================================

How far a Gaussian start of variance width^-gamma is from the nearest global minimum and from the nearest
saddle. Below gamma = 1 wide networks start next to a minimum, above it next to a saddle; right, the powers of
the width.
"""

import numpy as np

import saddlescope as ss

cost = ss.LeastSquares(np.diag([2.0, 1.5, 1.0, 0.5]))
grid = ss.distance_grid(cost, depth=3, gammas=[2 / 3, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0], widths=[32, 64, 128])

diagram, powers = ss.plot.phase_diagram(grid)
diagram
