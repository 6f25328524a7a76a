"""Systems with an exact solution, on which methods are tried."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.solve import System, relative


class Heat(System):
    """A chain of masses that diffuse, y' = k (y_(i+1) - 2 y_i + y_(i-1)), ends held at zero: exact in sine modes."""

    k: jax.Array
    size: int = eqx.field(static=True)
    method: diffrax.AbstractSolver = eqx.field(static=True)

    def solver(self):
        return self.method

    def vector_field(self, y):
        padded = jnp.pad(y, 1)
        return self.k * (padded[2:] - 2 * y + padded[:-2])

    def observables(self, y, rate):
        del rate
        return {"risk": jnp.sum(y**2), "y": y}

    def error_norm(self, error, before, after, rtol, atol):
        return jnp.max(jnp.abs(relative(error, before, after, rtol, atol)))

    def exact(self, y0: np.ndarray, times: np.ndarray) -> np.ndarray:
        n = np.arange(1, self.size + 1)
        sines = np.sin(np.pi * np.outer(n, n) / (self.size + 1)) * np.sqrt(2 / (self.size + 1))
        rates = 2 * float(self.k) * (np.cos(np.pi * n / (self.size + 1)) - 1)
        return (np.exp(np.outer(times, rates)) * (sines @ y0)) @ sines
