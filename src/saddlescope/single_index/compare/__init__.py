"""Predicted beside measured: ladders of epsilon, and descriptions side by side."""
