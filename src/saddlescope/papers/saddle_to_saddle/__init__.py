"""Experiments on Jacot et al. (2021): saddle-to-saddle dynamics of deep linear networks."""

PLACE = 3
TITLE = "Saddle-to-saddle dynamics in deep linear networks"
REFERENCE = "Jacot, Ged, Şimşek, Hongler, Gabriel (2021), arXiv 2106.15933"
ORDER = (
    "distances_at_the_start",
    "three_regimes",
    "kernel_change",
    "escape_from_the_origin",
    "plateaus_at_greedy_saddles",
    "path_in_a_plane",
    "scale_to_zero",
    "strictness_of_saddles",
    "greedy_recovery",
    "published_algorithm",
)
