"""What tests ask of a system, compiled as a whole: one operation after the other would be compiled by itself."""

import jax


@jax.jit
def field_and_observables(system, y):
    """dy/dt and what is observed at y."""
    rate = system.vector_field(y)
    return rate, system.observables(y, rate)


@jax.jit
def jacobian_and_solve(system, y, shift, right):
    """The dense Jacobian of the field at y, and what the system makes of (I - shift A) x = right."""
    return jax.jacfwd(system.vector_field)(y), system.factor(y, shift).solve(right)
