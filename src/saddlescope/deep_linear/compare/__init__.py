"""Predicted beside measured: the regime of a start."""
