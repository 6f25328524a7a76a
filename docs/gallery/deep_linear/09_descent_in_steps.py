"""
Gradient descent in steps
=========================

The same network by gradient descent, with and without momentum, beside the flow. With momentum 0.9 a step
counts for ten times the learning rate; the order of the saddles stays, and near each the network swings.
"""

import saddlescope as ss

cost = ss.LeastSquares([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
start = dict(depth=2, width=30, gamma=2.0, scale=0.02, seed=0)
ax = ss.plot.new_axes()
for name, flow in {
    "gradient flow": ss.DeepLinearFlow(cost, **start),
    "learning rate 0.02": ss.GradientDescent(cost, learning_rate=0.02, **start),
    "learning rate 0.02, momentum 0.9": ss.GradientDescent(cost, learning_rate=0.02, momentum=0.9, **start),
}.items():
    run = ss.solve(flow, until=15.0)
    ax.plot(run.time, run["cost"], label=name)
ax.set(xlabel="time", ylabel="cost")
ax.legend()
ax
