"""
The order depends on the start
==============================

The same link and activation, two laws of the initial second layer. From a uniform law degree 2 is learnt
after a time of order epsilon^(1/4); from random signs neurons of one sign stay identical for ever: degree 2
takes a time of order one, and the risk never reaches zero. ``canonical_order`` says so before the run.
"""

import saddlescope as ss

problem = ss.SingleIndex(link=[1, 1, 1, 1], activation=[1, 1, 0.5, 0.3])
law = ss.Rademacher()
order = ss.canonical_order(problem, law)
print(order.levels[2].reason)
run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-8, second_layer=law), until=30.0)

ax = ss.plot.ladder(run, order)
ax
