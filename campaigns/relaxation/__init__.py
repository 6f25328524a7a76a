"""A family that costs nothing, and fails as it is told: sweeps of hundreds of tasks take a second."""
