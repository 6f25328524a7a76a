"""The mean-field ladder for solvers that know nothing of its structure: SciPy, SUNDIALS and diffrax.

Everybody integrates the same particles from the same start with the same tolerances per component, and
hands back its accepted steps. The right-hand side and its Jacobian are written in NumPy as tightly as we
could, independently of saddlescope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp

from saddlescope.gaussian import Uniform


@dataclass(frozen=True)
class Ladder:
    """epsilon a_i' = sum_k c_k s_i^k, s_i' = a_i (1 - s_i^2) sum_k k c_k s_i^(k-1).

    c_k = sigma_k (phi_k - sigma_k M_k), M_k = sum_j w_j a_j s_j^k, on Gauss nodes a_i(0) of
    Uniform(-sqrt 3, sqrt 3). The state of a solver is (a, s), shape (2 m,).
    """

    particles: int = 256
    epsilon: float = 1e-8
    until: float = 3.0
    link: tuple[float, ...] = (1.0, -1.0, 1.0, 1.0)
    activation: tuple[float, ...] = (1.0, 1.0, 0.5, 0.3)
    nodes: np.ndarray = field(init=False, compare=False)
    weights: np.ndarray = field(init=False, compare=False)

    def __post_init__(self):
        nodes, weights = Uniform(-(3**0.5), 3**0.5).rule(self.particles)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "weights", weights)

    @property
    def start(self) -> np.ndarray:
        return np.concatenate([self.nodes, np.zeros(self.particles)])

    @property
    def first_step(self) -> float:
        """A safe first step, the one saddlescope takes."""
        return 1e-3 * self.epsilon / float(np.sum(np.square(self.activation)))

    def absolute(self, rtol: float) -> np.ndarray:
        """Absolute tolerances: a is of order one, s first matters at sqrt(epsilon)."""
        return rtol * np.repeat([1.0, self.epsilon**0.5], self.particles)

    def vector_field(self) -> Callable[[float, np.ndarray], np.ndarray]:
        """Return f(t, y), about 20 microseconds a call at 256 particles."""
        m, w, epsilon = self.particles, self.weights, self.epsilon
        sigma, phi = np.array(self.activation), np.array(self.link)
        degrees = np.arange(1.0, len(sigma))
        powers = np.ones((len(sigma), m))

        def rate(t: float, y: np.ndarray) -> np.ndarray:
            a, s = y[:m], y[m:]
            for k in range(1, len(powers)):
                np.multiply(powers[k - 1], s, out=powers[k])
            c = sigma * (phi - sigma * (powers @ (w * a)))
            out = np.empty(2 * m)
            np.matmul(c / epsilon, powers, out=out[:m])
            np.matmul(degrees * c[1:], powers[:-1], out=out[m:])
            out[m:] *= a * (1 - s * s)
            return out

        return rate

    def jacobian(self) -> Callable[[float, np.ndarray], np.ndarray]:
        """Return the dense Jacobian df/dy(t, y), shape (2 m, 2 m), from its rank-K part and its diagonals."""
        m, w, epsilon = self.particles, self.weights, self.epsilon
        sigma, phi = np.array(self.activation), np.array(self.link)
        k = np.arange(len(sigma))[:, None]
        ones = np.arange(m)

        def dense(t: float, y: np.ndarray) -> np.ndarray:
            a, s = y[:m], y[m:]
            power = np.ones((len(sigma), m))
            for degree in range(1, len(sigma)):
                np.multiply(power[degree - 1], s, out=power[degree])
            psi = sigma[:, None] * power
            slope, curvature = np.zeros_like(psi), np.zeros_like(psi)
            slope[1:] = (k * sigma[:, None])[1:] * power[:-1]
            curvature[2:] = (k * (k - 1) * sigma[:, None])[2:] * power[:-2]
            g = phi - psi @ (w * a)
            dp, ddp, free = g @ slope, g @ curvature, 1 - s * s
            left = np.concatenate([psi / epsilon, a * free * slope], axis=1)
            right = np.concatenate([-w * psi, -w * a * slope], axis=1)
            out = left.T @ right
            out[ones, m + ones] += dp / epsilon
            out[m + ones, ones] += free * dp
            out[m + ones, m + ones] += a * (free * ddp - 2 * s * dp)
            return out

        return dense

    def residuals(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return phi_k - sigma_k M_k and its rate, of shape (time, degree), at states (time, 2 m)."""
        m, sigma, phi = self.particles, np.array(self.activation), np.array(self.link)
        f = self.vector_field()
        moments, rates = np.empty((2, len(states), len(sigma)))
        for i, y in enumerate(states):
            a, s, da, ds = y[:m], y[m:], *np.split(f(0.0, y), 2)
            for k in range(len(sigma)):
                moments[i, k] = self.weights @ (a * s**k)
                rates[i, k] = self.weights @ (da * s**k + (k * a * s ** (k - 1) * ds if k else 0.0))
        return phi - sigma * moments, -sigma * rates


@dataclass(frozen=True)
class Steps:
    """What a solver hands back: its accepted steps, or the residuals at them, and how much work they were."""

    times: np.ndarray
    states: np.ndarray | None = None
    residual: np.ndarray | None = None
    rate: np.ndarray | None = None
    work: str = ""


# (rtol, until) -> steps; raises RuntimeError where the solver gives up
Solver = Callable[[float, float], Steps]


def scipy(ladder: Ladder, rtol: float, until: float, method: str, *, analytic: bool) -> Steps:
    result = solve_ivp(
        ladder.vector_field(),
        (0.0, until),
        ladder.start,
        method=method,
        rtol=rtol,
        atol=ladder.absolute(rtol),
        first_step=ladder.first_step,
        jac=ladder.jacobian() if analytic else None,
    )
    if not result.success:
        raise RuntimeError(result.message)
    work = f"{result.nfev} evaluations, {result.njev} Jacobians, {result.nlu} factorisations"
    return Steps(result.t, result.y.T, work=work)


def cvode(ladder: Ladder, rtol: float, until: float, linear: str, *, analytic: bool) -> Steps:
    from sksundae.cvode import CVODE

    f = ladder.vector_field()

    def rhs(t, y, out):
        out[:] = f(t, y)

    options = {}
    if analytic:
        dense = ladder.jacobian()

        def jacobian(t, y, out_rate, out):
            out[:, :] = dense(t, y)

        options["jacfn"] = jacobian
    if linear == "gmres":
        options["krylov_dim"] = 30
    solver = CVODE(
        rhs,
        method="BDF",
        linsolver=linear,
        rtol=rtol,
        atol=ladder.absolute(rtol),
        first_step=ladder.first_step,
        max_num_steps=1_000_000,
        **options,
    )
    result = solver.solve(np.array([0.0, until]), ladder.start)
    if not result.success or result.t[-1] < until:
        raise RuntimeError(result.message)
    work = f"{result.nfev} evaluations, {result.njev} Jacobians"
    return Steps(np.asarray(result.t), np.asarray(result.y), work=work)


def kvaerno5(ladder: Ladder) -> Solver:
    """Return diffrax's Kvaerno5 with its default dense Newton, compiled on the first call."""
    import diffrax
    import jax
    import jax.numpy as jnp

    m, w = ladder.particles, jnp.asarray(ladder.weights)
    sigma, phi = jnp.array(ladder.activation), jnp.array(ladder.link)
    k = jnp.arange(1.0, len(sigma))

    def parts(y):
        a, s = y[:m], y[m:]
        powers = jnp.stack([s**n for n in range(len(sigma))])
        return a, s, powers, phi - sigma * (powers @ (w * a))

    def f(t, y, args):
        a, s, powers, residual = parts(y)
        c = sigma * residual
        return jnp.concatenate([c @ powers / ladder.epsilon, a * (1 - s * s) * ((k * c[1:]) @ powers[:-1])])

    def save(t, y, args):
        a, _, powers, residual = parts(y)
        da, ds = jnp.split(f(t, y, args), 2)
        rate = (powers @ (w * da)).at[1:].add(k * (powers[:-1] @ (w * a * ds)))
        return residual, -sigma * rate

    @jax.jit
    def run(rtol, until):
        absolute = rtol * jnp.repeat(jnp.array([1.0, ladder.epsilon**0.5]), m)
        return diffrax.diffeqsolve(
            diffrax.ODETerm(f),  # pyright: ignore[reportArgumentType]
            diffrax.Kvaerno5(),
            0.0,
            until,
            ladder.first_step,
            jnp.asarray(ladder.start),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=absolute),  # pyright: ignore[reportArgumentType]
            saveat=diffrax.SaveAt(t0=True, steps=True, fn=save),
            max_steps=16384,
            throw=False,
        )

    def solve(rtol: float, until: float) -> Steps:
        solution = run(jnp.asarray(rtol, jnp.float64), jnp.asarray(until, jnp.float64))
        if solution.result != diffrax.RESULTS.successful:
            raise RuntimeError(f"diffrax says: {solution.result}")
        times, (residual, rate) = jax.tree.map(np.asarray, (solution.ts, solution.ys))
        kept = np.isfinite(times)
        work = f"{int(solution.stats['num_rejected_steps'])} steps rejected"
        return Steps(times[kept], residual=residual[kept], rate=rate[kept], work=work)

    return solve


def solvers(ladder: Ladder) -> dict[str, Solver]:
    """Return every competitor by name."""
    return {
        "LSODA": partial(scipy, ladder, method="LSODA", analytic=False),
        "LSODA, analytic Jacobian": partial(scipy, ladder, method="LSODA", analytic=True),
        "Radau": partial(scipy, ladder, method="Radau", analytic=False),
        "Radau, analytic Jacobian": partial(scipy, ladder, method="Radau", analytic=True),
        "CVODE BDF, dense": partial(cvode, ladder, linear="dense", analytic=False),
        "CVODE BDF, dense, analytic Jacobian": partial(cvode, ladder, linear="dense", analytic=True),
        "CVODE BDF, LAPACK, analytic Jacobian": partial(cvode, ladder, linear="lapackdense", analytic=True),
        "CVODE BDF, GMRES": partial(cvode, ladder, linear="gmres", analytic=False),
        "diffrax Kvaerno5": kvaerno5(ladder),
    }
