"""
Stochastic gradient descent on the ladder
=========================================

One-pass SGD in dimension 10 000, three runs, beside the flow that it follows when its steps are small. The
simulation is exact in law and costs the same in any dimension; steps are five times too large for the third
curve, and it shows.
"""

import saddlescope as ss

problem, epsilon = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5]), 1e-2
sizes = dict(neurons=20, dimension=10_000)
runs = {
    "flow": ss.solve(ss.NetworkFlow(problem, epsilon, **sizes), until=0.5),
    "SGD, small steps": ss.solve(ss.OnePassSGD(problem, epsilon, step_size=2e-5, runs=3, **sizes), until=0.5),
    "SGD, large steps": ss.solve(ss.OnePassSGD(problem, epsilon, step_size=1e-4, runs=3, **sizes), until=0.5),
}

ax = ss.plot.descriptions(runs)
ax
