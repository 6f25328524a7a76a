"""Costs of the product matrix."""
