"""Averages of products of functions of correlated Gaussians, their features, and smoothing."""
