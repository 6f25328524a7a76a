"""
Three regimes of one network
============================

One completion problem, one architecture, three sizes of the start. The lazy network fits the observed entries
at once and knows nothing of the others; from a small start the network learns the matrix itself, one rank
after the other.
"""

import numpy as np

import saddlescope as ss

random = np.random.default_rng(0)
left, right = (np.linalg.qr(random.standard_normal((10, 10)))[0][:, :2] for _ in range(2))
observed = (random.permutation(100) < 60).reshape(10, 10)
cost = ss.MatrixCompletion((left * [3, 2]) @ right.T, observed=observed)
gammas = {"lazy, gamma = 2/3": 2 / 3, "mean field, gamma = 1": 1.0, "saddle to saddle, gamma = 2": 2.0}
runs = {
    name: ss.deep_linear.train(ss.DeepLinearFlow(cost, depth=3, width=100, gamma=gamma))
    for name, gamma in gammas.items()
}

training, test = ss.plot.regimes(runs)
training
