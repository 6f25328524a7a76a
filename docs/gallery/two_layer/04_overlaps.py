"""
Which neurons carry the action
==============================

The overlap of every neuron with the target direction against its initial second-layer weight, at four times.
As epsilon goes to zero fewer and fewer neurons, those at the edge of the law, do the work: that is why nodes
are refined, not sampled.
"""

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-6), until=3.0)
times = ss.learning_times(run)

ax = ss.plot.overlaps(run, [times[1], times[2], times[3], 3.0])
ax
