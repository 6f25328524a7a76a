"""Experiments on networks of finite width and dimension, and on SGD: how far each is from the limits above."""

PLACE = 2
TITLE = "Finite width, finite dimension, finitely many samples"
REFERENCE = "Berthier, Montanari, Zhou (2023), arXiv 2303.00055; Saad, Solla (1995); Goldt et al. (2019)"
ORDER = (
    "network_to_mean_field",
    "finite_width",
    "finite_dimension",
    "sgd_follows_flow",
    "sgd_samples_per_degree",
)
