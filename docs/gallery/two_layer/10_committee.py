"""
A committee machine: first alike, then specialised
==================================================

Three neurons learn a teacher of three (Saad and Solla 1995). They first learn what the teachers have in
common and rest on a plateau where none prefers a teacher; then each takes one for its own.
"""

import saddlescope as ss

problem = ss.MultiIndex(link="erf", activation="erf", directions=3)
flow = ss.NetworkFlow(problem, epsilon=1.0, neurons=3, dimension=100, second_layer=ss.Uniform(0.5, 1.0))
run = ss.solve(flow, until=1000.0)

ax = ss.plot.order_parameters(run)
ax
