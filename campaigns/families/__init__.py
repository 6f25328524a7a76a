"""Families of problems: how one is drawn, and how its result is held against its reference."""
