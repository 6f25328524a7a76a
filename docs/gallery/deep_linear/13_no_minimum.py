"""
A cost without a minimum
========================

Examples that a line separates, under the logistic loss: the cost falls for ever and the weights grow for ever, but
the direction settles, on that of the widest margin. With more than one layer it settles sooner.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(2)
inputs = random.standard_normal((5, 20))
cost = ss.LogisticLoss(inputs, np.sign([1.0, -1.0, 0.5, 0.0, 0.0] @ inputs))
print(cost.remarks[0])
widest = np.ravel(np.asarray(cost.widest_margin()))

ax = ss.plot.new_axes()
for depth in (1, 2, 3):
    shapes = [(1, 5)] if depth == 1 else [(5, 5)] * (depth - 1) + [(1, 5)]
    start = [0.2 * random.standard_normal(shape) for shape in shapes]
    run = ss.solve(ss.DeepLinearFlow(cost, initial=start), until=1e6)
    product = run["product"][:, 0]
    turned = product @ widest / np.linalg.norm(product, axis=1) / np.linalg.norm(widest)
    ax.semilogx(run.time[1:], np.degrees(np.arccos(turned[1:])), label=f"{depth} layer{'s' if depth > 1 else ''}")
ax.set(xlabel="time", ylabel="angle to the widest margin, degrees", xlim=(1e-2, 1e6))
ax.legend()
ax
