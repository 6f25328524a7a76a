"""Piecewise polynomials: panels that resolve a function, and its Hermite coefficients by quadrature on them."""
