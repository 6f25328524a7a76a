"""Functions of a standard Gaussian: by name, as a Hermite series, or any callable."""
