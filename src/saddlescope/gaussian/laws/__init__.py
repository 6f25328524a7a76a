"""Laws of initial weights, as rules for integrals and as samplers."""
