"""Stochastic gradient descent, directly or exact in law, its limit in high dimension, and descent on samples."""
