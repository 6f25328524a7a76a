"""Where the tasks of a sweep are carried out: in this process, in others on this machine, on a cluster."""

from saddlescope.sweep.engines.choice import check_engine, engine_of

__all__ = ["check_engine", "engine_of"]
