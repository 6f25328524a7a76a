"""
Jump times as the start vanishes
================================

Times of the jumps of a network of three layers, multiplied by the scale of its start, tend to constants. The
lines are ``saddle_to_saddle_limit``, which computes them without any small number; a run of scale 1/64 comes
within a percent or two.
"""

import numpy as np

import saddlescope as ss

cost = ss.LeastSquares([[3.0, 0.0], [0.0, 2.0]])
start = dict(depth=3, width=20, seed=1)
limit = ss.saddle_to_saddle_limit(cost, **start)
scales = 2.0 ** -np.arange(1, 7)
halves = []
for scale in scales:
    run = ss.solve(ss.DeepLinearFlow(cost, gamma=2.0, scale=scale, **start), until=1.5 * limit.times(scale)[-1])
    grown = run["singular_values"][:, :2] > [1.5, 1.0]
    halves.append(scale * run.time[grown.argmax(axis=0)])

ax = ss.plot.new_axes()
ax.semilogx(scales, halves, "o-")
for time in limit.jump_times:
    ax.axhline(time, ls="--", color="0.4")
ax.set(xlabel="scale of the start", ylabel="scale times jump time", ylim=(0, None))
ax
