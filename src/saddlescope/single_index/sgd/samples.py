"""Gradient descent on a fixed set of samples."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import count
from saddlescope.memory import check_fits
from saddlescope.single_index.problem.multi_index import Problem
from saddlescope.single_index.sgd.descents import NetworkDescent
from saddlescope.single_index.sgd.steps import FullBatchSteps


class SampleDescent(NetworkDescent):
    """Full-batch gradient descent on n fixed samples, with train and test risk.

    Arguments are those of `OnePassSGD`, with `samples` n in the place of `batch_size` and `method`. All runs see the
    same samples, drawn from `seed`, and start from seeds of their own.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> descent = ss.SampleDescent(problem, 1.0, neurons=4, dimension=20, step_size=0.1, samples=200)
        >>> trajectory = ss.solve(descent, until=50.0)
        >>> bool(trajectory["train_risk"][-1] < 1e-4)
        True
    """

    def __init__(
        self,
        problem: Problem,
        epsilon: float | None = None,
        neurons: int | None = None,
        dimension: int | None = None,
        step_size: float | None = None,
        samples: int = 1,
        second_layer: Any = None,
        seed: int = 0,
        *,
        runs: int = 1,
        label_noise: float = 0.0,
        initial: tuple[Any, Any] | None = None,
        sphere: bool = True,
        norm: float = 1.0,
        biases: Any = None,
        inputs: Any = None,
    ):
        self.samples = count("samples", samples)
        super().__init__(
            problem,
            epsilon,
            neurons,
            dimension,
            step_size,
            1,
            second_layer,
            seed,
            runs=runs,
            label_noise=label_noise,
            method="direct",
            initial=initial,
            sphere=sphere,
            norm=norm,
            biases=biases,
            inputs=inputs,
        )
        check_fits(2.0 * self.samples * self.dimension, samples=self.samples, dimension=self.dimension)

    def start(self) -> tuple[Any, Any]:
        steps, state = super().start()
        rng = np.random.default_rng([self.seed, 2])
        x = rng.standard_normal((self.samples, self.dimension)) * np.asarray(steps.root)
        frame = np.asarray(steps.population.frame)
        y = np.asarray(self.problem.link(x @ frame.T)) @ np.asarray(steps.population.b)
        y = y + self.label_noise * rng.standard_normal(self.samples)
        if self._biases is not None:
            x = np.insert(x, len(frame), 1.0, axis=1)
        full = FullBatchSteps(
            step_size=steps.step_size,
            population=steps.population,
            label_noise=steps.label_noise,
            activation=steps.activation,
            link=steps.link,
            batch=1,
            root=steps.root,
            x=jnp.asarray(x),
            y=jnp.asarray(y),
        )
        return full, state

    @property
    def _noise_of_samples(self):
        return 0.0  # they stay the same

    def _samples(self, steps):
        del steps
        return self.samples

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return super().describe() | {"samples": self.samples}
