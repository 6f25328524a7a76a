"""Penalised partition of a noisy curve into flat and sloped pieces."""

from saddlescope.measure.partition.lines import Bins, Piece, bin_curve, partition
from saddlescope.measure.partition.pieces import Fit, fit_pieces, flat_groups

__all__ = ["Bins", "Fit", "Piece", "bin_curve", "fit_pieces", "flat_groups", "partition"]
