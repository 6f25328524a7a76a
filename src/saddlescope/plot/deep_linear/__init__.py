"""Pictures of deep linear networks."""
