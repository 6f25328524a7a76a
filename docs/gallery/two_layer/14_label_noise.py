"""
Noise of labels leaves a floor
==============================

One-pass SGD on labels with noise of standard deviation 0.3, with steps of two sizes, beside its flow. The flow goes
on to risk zero; SGD comes to rest where steps along noise and the pull of the minimum balance, at a tenth of the
height for steps of a tenth. Dotted lines are that floor, predicted to first order in the step size.
"""

import saddlescope as ss

problem = ss.SingleIndex(link="erf", activation="erf")
flow = ss.NetworkFlow(problem, second_layer="fixed", neurons=1, dimension=300, seed=2)


def descent(step):
    return ss.OnePassSGD(
        problem, second_layer="fixed", neurons=1, dimension=300, seed=2, step_size=step, label_noise=0.3
    )


runs = {
    "flow": ss.solve(flow, until=30.0),
    "SGD, large steps": ss.solve(descent(3e-4), until=30.0),
    "SGD, small steps": ss.solve(descent(3e-5), until=30.0),
}

ax = ss.plot.descriptions(runs, scale="log")
ax
