"""What is kept of a sweep: a folder of segments, one for each finished task."""

from saddlescope.sweep.store.store import Store, StoreError

__all__ = ["Store", "StoreError"]
