"""Networks as lists of layers: products, starts, invariant compressions, tangent kernel."""
