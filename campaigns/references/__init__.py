"""References, one module an equation: NumPy and SciPy only, in variables that the code does not use."""
