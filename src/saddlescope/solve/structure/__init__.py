"""Jacobians with structure, and their factors."""
