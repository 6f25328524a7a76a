"""Who carries out many tasks: this process, or several on this machine; and calls of functions by them."""

from saddlescope.engines.engine import Done, Engine, EngineError, Event, Lost, Stopped, Unwritten, Work, processors

__all__ = ["Done", "Engine", "EngineError", "Event", "Lost", "Stopped", "Unwritten", "Work", "processors"]
