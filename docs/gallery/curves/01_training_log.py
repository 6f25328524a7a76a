"""
Plateaus of a training log
==========================

Any log serves: here CSV text with a noisy loss that rests twice. ``plateaus`` parts it by what the noise
allows, says what it found in words, and doubts what it should.
"""

import numpy as np

import saddlescope as ss

step = np.unique(np.logspace(0, 5, 3000).astype(int))
loss = 0.1 + 1.2 / (1 + (step / 30) ** 3) + 0.7 / (1 + (step / 8000) ** 4)
loss *= 1 + 0.04 * np.random.default_rng(0).standard_normal(len(step))
with open("log.csv", "w") as file:
    file.write("step,loss\n")
    file.writelines(f"{s},{y:.6g}\n" for s, y in zip(step, loss, strict=True))

curve = ss.read_curve("log.csv")
stages = ss.plateaus(curve)
print(stages)
ax = ss.plot.stages(curve, stages)
ax
