"""
Learning times over eight decades of epsilon
============================================

Degree k is learnt after a time of order epsilon^(1/2k): the first after epsilon^(1/2) log(1/epsilon), the
second after epsilon^(1/4). Points are full runs; lines are the predictions, and no number of the runs enters
them.
"""

import numpy as np

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5])
order = ss.canonical_order(problem, levels=2)
epsilons = np.logspace(-12, -4, 5)
measured = [ss.learning_times(ss.solve(ss.MeanFieldFlow(problem, e), until=3.0)) for e in epsilons]

ax = ss.plot.new_axes()
fine = np.logspace(-12, -4, 17)
for degree in (0, 1, 2):
    (points,) = ax.loglog(epsilons, [times[degree] for times in measured], "o", label=f"degree {degree}")
    ax.loglog(fine, [order.times(e)[degree] for e in fine], "--", color=points.get_color())
ax.loglog(fine, [order.leading_times(e)[2] for e in fine], ":", color="grey", label="degree 2, leading order")
ax.set(xlabel="epsilon", ylabel="time at which half of the degree is learnt")
ax.legend()
ax
