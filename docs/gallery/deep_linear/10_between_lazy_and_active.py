"""
Between lazy and active
=======================

A two-layer linear network of infinite width, whose start has k = scale²: singular values above k of the target are
learnt one after another, as from a small start; those below k all at once, as in a lazy network. Dots: closed form.
"""

import matplotlib.pyplot as plt
import numpy as np

import saddlescope as ss

strength = np.array([5.0, 2.0, 0.8, 0.3])
figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), sharey=True)
for ax, k in zip(panels, (1e-3, 0.3, 30.0), strict=True):
    flow = ss.WideLinearFlow(ss.LeastSquares(np.diag(strength)), scale=k**0.5)
    run = ss.solve(flow, until=6.0 / (0.3 + k))
    ss.plot.mixed_modes(run, lambda t, k=k: ss.deep_linear.mixed_mode(t[:, None], strength, k), ax=ax)
    ax.get_legend().remove()
    ax.set_title(f"k = {k:g}", fontsize=14)
for ax in panels[1:]:
    ax.set_ylabel("")
panels[0].legend(loc="upper left", frameon=False, fontsize=11)
figure.tight_layout()
