"""
Networks of finite width
========================

The exact flow of networks of 20, 60 and 180 neurons beside that of infinitely many. A neuron overlaps with
itself, which the mean-field picture forgets: degree 1 comes later by the factor that ``order.width_time``
predicts.
"""

import saddlescope as ss

problem, epsilon = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5]), 1e-3
runs = {"mean field": ss.solve(ss.MeanFieldFlow(problem, epsilon), until=1.0)}
for neurons in (20, 60, 180):
    network = ss.NetworkFlow(problem, epsilon, neurons=neurons, dimension=float("inf"))
    runs[f"{neurons} neurons"] = ss.solve(network, until=1.0)

order = ss.canonical_order(problem, levels=2)
print([f"{order.width_time(epsilon, neurons):.4f}" for neurons in (20, 60, 180)])
ax = ss.plot.descriptions(runs)
ax
