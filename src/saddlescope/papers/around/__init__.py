"""Experiments around the two papers: exact solutions, diagonal networks, committee machines, decay, shipped sweeps."""

PLACE = 4
TITLE = "Around the two papers"
REFERENCE = (
    "Saxe et al. (2013); Fukumizu (1998); Pesme, Flammarion (2023); Saad, Solla (1995); Wang, Jacot (2023); "
    "Tu, Aranguri, Jacot (2024)"
)
ORDER = (
    "balanced_modes",
    "two_layers_exactly",
    "diagonal_jumps",
    "committee_machine",
    "weight_decay",
    "mixed_dynamics",
    "sweep_exponents",
    "sweep_finite_width",
    "sweep_phase_diagram",
)
