"""
Finite width over epsilon
=========================

A shipped sweep: when networks of m neurons learn degree 1, beside the formula of their width. In a wide network that
comes sooner the smaller epsilon is; in a narrow one every neuron is pulled back by itself, and a smaller epsilon makes
it later again. ``saddlescope sweep finite_width`` runs the whole of it.
"""

import saddlescope as ss

axes = {"dynamics.epsilon": ss.logspace(1e-5, 1e-2, 4), "dynamics.neurons": [50, 100, 200]}
found = ss.sweep("finite_width", axes, engine="serial")
print(found.ratio.values.round(2))
ax = ss.plot.sweep(found, "time")
ax
