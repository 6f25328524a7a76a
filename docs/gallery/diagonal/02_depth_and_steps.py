"""
Depth, and steps
================

The same jumps by other diagonal networks, from a start of 0.03: products and differences of powers of two, three
and four layers, each on its own clock, and stochastic descent in batches of two. All tend to one staircase (dashed)
as the start vanishes; deeper networks are nearer to it from the same start.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(0)
inputs = random.standard_normal((5, 7))
outputs = inputs @ [1.5, -1.0, 0, 0, 0, 0, 0]
path = ss.jump_sequence(inputs, outputs)
data = inputs, outputs, 0.03

ax = ss.plot.new_axes()
for name, dynamics in {
    "u v": ss.DiagonalFlow(*data),
    "u v w": ss.DiagonalFlow(*data, depth=3),
    "u⁴ − v⁴": ss.DiagonalFlow(*data, depth=4, parametrization="difference"),
    "u v, batches of 2": ss.DiagonalDescent(*data, learning_rate=0.02, batch_size=2),
}.items():
    run = ss.solve(dynamics, until=4.5)
    ax.plot(run.time, run["cost"], label=name)
stairs = np.append(path.jump_times, 4.5)
ax.step(np.append(0, stairs), np.append(path.losses, path.losses[-1]), "k--", where="post", label="limit", zorder=0)
ax.set(xlabel="time, in units of each network", ylabel="cost", xlim=(0, 4.5))
ax.legend()
ax
