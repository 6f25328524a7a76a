"""Closed solutions."""
