"""The landscape of the weights: critical points, Hessian, escape directions, distances."""
