"""
Neurons of free norm: the published committee machine
=====================================================

Off the sphere, two erf neurons with small weights learn two teachers by one-pass SGD, their second layer held
fixed (Saad and Solla 1995). Lines are the limit of high dimension, with the noise of single samples in it; dots
are SGD in dimension 1000. Overlaps grow with the norms: from zero to a plateau that both neurons share, then to
one, the length of a teacher.
"""

import saddlescope as ss

problem = ss.MultiIndex(link="erf", activation="erf", directions=2)
sgd = ss.OnePassSGD(
    problem,
    second_layer="fixed",
    sphere=False,
    norm=0.1,
    neurons=2,
    dimension=1000,
    step_size=1e-3,
    seed=5,
)
limit = ss.solve(ss.SGDLimit(sgd), until=400.0)
run = ss.solve(sgd, until=400.0)

ax = ss.plot.order_parameters(limit, beside=run)
ax
