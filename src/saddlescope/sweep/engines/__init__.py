"""Where the tasks of a sweep are carried out: in this process, in others on this machine, on a cluster."""

from saddlescope.sweep.engines.engine import (
    Done,
    Engine,
    EngineError,
    Event,
    Lost,
    Stopped,
    Unwritten,
    check_engine,
    engine_of,
)

__all__ = ["Done", "Engine", "EngineError", "Event", "Lost", "Stopped", "Unwritten", "check_engine", "engine_of"]
