"""The regression that a diagonal network solves."""
