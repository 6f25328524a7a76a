"""
Regimes, trained
================

A shipped sweep: deep linear networks over gamma and width, each trained until it has learnt what is observed of a
matrix. How much the tangent kernel changed tells the regimes: where gamma < 1 it freezes as the width grows, at 1 it
changes by its own order at any width, above by w^((gamma - 1) (L - 1)). ``saddlescope sweep phase_diagram`` draws
the finer map, with the movement of the weights and the error on what was not observed.
"""

import saddlescope as ss

gammas = ss.linspace(0.7, 2.0, 14)
widths = ss.logspace(25, 200, 4, whole=True)
found = ss.sweep("phase_diagram", {"network.gamma": gammas, "network.width": widths}, engine="serial")
print(found.test_error.sel(width=200).values.round(3))
ax = ss.plot.sweep(found, "kernel_change")
ax
