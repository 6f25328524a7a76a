"""
A staircase: directions are found one after the other
=====================================================

The target z1 + z1 z2 + z1 z2 z3 has three hidden directions (Abbe, Boix-Adsera, Misiakiewicz 2022). At infinite width
and dimension every overlap starts at zero. The first direction is found by itself; it drives the second, and both
drive the third. A parity z1 z2 z3 alone has no first step: nothing ever moves.
"""

import saddlescope as ss

stairs = ss.JointIndex("z1 + z1*z2 + z1*z2*z3", activation=[0, 1, 1, 1])
run = ss.solve(ss.MeanFieldFlow(stairs, epsilon=0.01), until=20.0)
print(ss.compare(run))

ax = ss.plot.directions(run)
ax
