"""
Inputs in two clouds: what teachers see of them
===============================================

Inputs lie in two Gaussian clouds, around a centre and its mirror image; two erf neurons with small weights learn two
teachers. Clouds that no teacher tells apart, at cosine 0, leave the plateau of a single cloud, whose height is known
(dotted; Saad and Solla 1995). The more the teachers see of where a cloud lies, the higher the plateau, and the shorter.
"""

import numpy as np

import saddlescope as ss

problem = ss.MultiIndex(link="erf", activation="erf", directions=2)
small = dict(second_layer="fixed", neurons=2, dimension=400, sphere=False, norm=0.1, seed=1)
runs = {}
for cosine in (0.0, 0.3, 0.6):
    flow = ss.NetworkFlow(problem, inputs=ss.Mixture(2.0, teacher=cosine), **small)
    runs[f"cosine {cosine:g}"] = ss.solve(flow, until=1000.0)
height = (np.pi / 6 - 2 * np.arcsin(1 / 4)) / (2 * np.pi)
for name, run in runs.items():
    plateau = ss.plateaus(run)[1]
    print(f"{name}: height {plateau.height / height:.3f} of that of one cloud, to t = {plateau.end:.0f}")

ax = ss.plot.descriptions(runs, scale="log")
ax.axhline(height, color="black", linestyle=":")
ax
