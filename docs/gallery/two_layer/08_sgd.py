"""
Stochastic gradient descent on the ladder
=========================================

One-pass SGD in dimension 1000, three runs at once, beside the flow that it follows when its steps are small. The
simulation is exact in law and costs the same in any dimension; with steps ten times as large the noise of the samples
keeps the network from learning the last degree.
"""

import saddlescope as ss

problem, epsilon = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5]), 1e-2
sizes = dict(neurons=20, dimension=1000)
runs = {
    "flow": ss.solve(ss.NetworkFlow(problem, epsilon, **sizes), until=0.5),
    "SGD, small steps": ss.solve(ss.OnePassSGD(problem, epsilon, step_size=2e-5, runs=3, **sizes), until=0.5),
    "SGD, large steps": ss.solve(ss.OnePassSGD(problem, epsilon, step_size=2e-4, runs=3, **sizes), until=0.5),
}

ax = ss.plot.descriptions(runs)
ax
