"""Experiments on Berthier, Montanari, Zhou (2023): learning time-scales of two-layer networks."""

PLACE = 1
TITLE = "Learning time-scales in two-layers neural networks"
REFERENCE = "Berthier, Montanari, Zhou (2023), arXiv 2303.00055"
ORDER = (
    "plateaus_in_one_run",
    "network_to_mean_field",
    "level_zero",
    "level_one",
    "level_two",
    "level_three",
    "exponents_of_all_levels",
    "risk_windows",
    "non_canonical_orders",
    "finite_dimension",
    "finite_width",
    "sgd_follows_flow",
    "sgd_samples_per_degree",
    "mean_field_density",
)
