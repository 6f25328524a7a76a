"""
Exponents with intervals
========================

The exponent of a learning time in epsilon, from runs at a few epsilon: local slopes drift, so that a
straight-line fit is wrong by more than its error bar says. ``asymptotic_exponent`` fits the correction, too,
and brackets the limit 1/4.
"""

import numpy as np

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1], activation=[1, 1, 0.5])
epsilons = np.logspace(-13, -7, 7)
times = [ss.learning_times(ss.solve(ss.MeanFieldFlow(problem, e), until=1.0))[2] for e in epsilons]
straight, corrected = ss.exponent(epsilons, times), ss.asymptotic_exponent(epsilons, times)
print(straight, corrected, sep="\n")

ax = ss.plot.new_axes()
middles, slopes = ss.local_exponents(epsilons, times)
ax.semilogx(middles, slopes, "o-", label="local slope")
ax.axhspan(straight.low, straight.high, alpha=0.3, color="tab:orange", label="straight line, 95 %")
ax.axhspan(corrected.low, corrected.high, alpha=0.3, color="tab:green", label="with its correction, 95 %")
ax.axhline(0.25, color="black", lw=1, label="1/4")
ax.set(xlabel="epsilon", ylabel="exponent of the time of degree 2")
ax.legend()
ax
