"""
A figure for a paper
====================

Every picture takes ``ax=``: put several on one figure of the size that the journal wants, in its fonts, and
save it as PDF.
"""

import matplotlib.pyplot as plt

import saddlescope as ss

problem = ss.SingleIndex(link=[1, -1, 1, 1], activation=[1, 1, 0.5, 0.3])
run = ss.solve(ss.MeanFieldFlow(problem, epsilon=1e-6), until=3.0)
with plt.rc_context({"font.family": "serif", "font.size": 9}):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    ss.plot.ladder(run, ss.canonical_order(problem), ax=left)
    ss.plot.overlaps(run, ax=right)
    ss.plot.save(left, "figure.pdf")
