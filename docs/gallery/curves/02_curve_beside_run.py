"""
A measured curve beside theory
==============================

The drops of a curve beside those of a solved problem, on a free scale of time: do they come in the same order
and the same proportions? The curve here is made from another epsilon, with noise, and its clock is unknown to
``compare``.
"""

import numpy as np

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
model = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-8), until=3.0)
other = ss.solve(ss.MeanFieldFlow(problem, epsilon=2e-8), until=3.0)
noise = np.exp(0.05 * np.random.default_rng(0).standard_normal(len(other.time) - 1))
curve = ss.Curve(1000 * other.time[1:], other["risk"][1:] * noise + 1e-4)
print(ss.compare(curve, model))

ax = ss.plot.stages(curve, ss.plateaus(curve))
ax
