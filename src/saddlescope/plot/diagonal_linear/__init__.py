"""Pictures of diagonal linear networks."""
