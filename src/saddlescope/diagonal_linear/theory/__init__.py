"""The jumps of the limit of a vanishing start."""
