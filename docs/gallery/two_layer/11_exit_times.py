"""
When runs leave a plateau
=========================

One neuron learns the square of a hidden direction, from random starts on the sphere, in inputs of two sizes. The
time on the plateau differs from run to run as much as its law says: a logarithm of a normal number. Runs that were
ended before their exit are ticks, and pull nothing.
"""

import matplotlib.pyplot as plt
import numpy as np

import saddlescope as ss
from saddlescope.measure import EscapeLaw, exit_times

square = ss.SingleIndex(link=[0, 0, 1], activation=[0, 0, 1])
one = ss.PointMasses([1.0])
ax = plt.figure(figsize=(8, 4.6)).add_subplot()
for number, dimension in enumerate((100, 10_000)):
    flows = [ss.NetworkFlow(square, np.inf, 1, dimension, second_layer=one, seed=seed) for seed in range(1000, 1200)]
    runs = [ss.solve(flow, until=3.2, error_estimate=False) for flow in flows]
    # s / sqrt(1 - s^2) grows as e^(2 t) from N(0, 1 / dimension), and is one where half of the risk is left
    law = EscapeLaw(rate=2.0, start=dimension**-0.5, level=1.0)
    ss.plot.exit_times(exit_times(runs, level=0.5), law, ax, label=f"dimension {dimension:,}", number=number)
handles, labels = ax.get_legend_handles_labels()
kept = dict(zip(labels, handles, strict=True))
ax.legend(kept.values(), kept.keys(), frameon=False, fontsize=12)
