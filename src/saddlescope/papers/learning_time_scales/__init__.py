"""Experiments on Berthier, Montanari, Zhou (2023): learning time-scales of two-layer networks."""

PLACE = 1
TITLE = "Learning time-scales in two-layers neural networks"
REFERENCE = "Berthier, Montanari, Zhou (2023), arXiv 2303.00055"
ORDER = (
    "plateaus_in_one_run",
    "level_one",
    "level_two",
    "level_three",
    "matched_times",
    "risk_windows",
    "skipped_degrees",
    "non_canonical_orders",
    "mean_field_density",
)
