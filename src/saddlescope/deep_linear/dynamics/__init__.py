"""Gradient flow and gradient descent of the layers."""
