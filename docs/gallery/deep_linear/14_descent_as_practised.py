"""
Descent as it is practised
==========================

The same three saddles, left by gradient flow and by what people run: batches of examples, momentum, Adam, and
Adam switched to SGD midway. SGD with a small step follows the flow; momentum swings about each saddle. Adam,
which divides each gradient by its size, passes the first two at once, and rests before the last only.
"""

import numpy as np

import saddlescope as ss
from saddlescope.optimizer import SGD, Adam, Switched

random = np.random.default_rng(0)
inputs = random.standard_normal((3, 60))
cost = ss.LeastSquares(inputs=inputs, outputs=np.diag([3.0, 2.0, 1.0]) @ inputs)
start: dict = dict(depth=3, width=20, gamma=2.0, scale=0.3, seed=0)

runs = {
    "gradient flow": (ss.DeepLinearFlow(cost, **start), 120.0),
    "SGD, batches of 4": (ss.GradientDescent(cost, learning_rate=0.03, batch_size=4, **start), 120.0),
    "momentum 0.9": (ss.GradientDescent(cost, learning_rate=0.02, momentum=0.9, **start), 120.0),
    "Adam": (ss.GradientDescent(cost, optimizer=Adam(1e-3), **start), 1.5),
    "Adam, then SGD": (
        ss.GradientDescent(cost, optimizer=Switched([Adam(1e-3), SGD(0.02)], [120], step_size=0.02), **start),
        60.0,
    ),
}

ax = ss.plot.new_axes()
for name, (dynamics, until) in runs.items():
    run = ss.solve(dynamics, until=until)
    learnt = run.time[np.argmax(run["cost"] < 0.01 * run["cost"][0])]
    ax.plot(run.time / learnt, run["cost"], "--" if "flow" in name else "-", label=name)
ax.set(xlabel="time, of that in which all is learnt", ylabel="cost", xlim=(0, 1.2))
ax.legend()
ax
