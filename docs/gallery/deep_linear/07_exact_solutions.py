"""
Runs beside closed forms
========================

From a balanced start that is aligned with the target every mode has a closed form (Saxe, McClelland and
Ganguli 2013). The solver knows nothing of it: dots are the run, lines the formula, for depths 2 to 4.
"""

import numpy as np

import saddlescope as ss
from saddlescope.deep_linear import balanced_mode, balanced_start

cost = ss.LeastSquares([[2.0]])
ax = ss.plot.new_axes()
for depth in (2, 3, 4):
    start = balanced_start([[0.1]], depth=depth, width=1)
    run = ss.solve(ss.DeepLinearFlow(cost, initial=start), until=10.0)
    exact = balanced_mode(run.time, 2.0, 0.1, depth)
    worst = np.abs(run["singular_values"][:, 0] - exact).max()
    (line,) = ax.plot(run.time, exact, label=f"depth {depth}, largest error {worst:.0e}")
    ax.plot(run.time, run["singular_values"][:, 0], "o", color=line.get_color())
ax.set(xlabel="time", ylabel="strength of the mode", xlim=(0, 6))
ax.legend()
ax
