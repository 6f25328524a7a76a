"""Gradient flow of a diagonal network."""
