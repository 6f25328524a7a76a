"""Descent as it is practised: optimisers, schedules of the learning rate, batches, noise."""
