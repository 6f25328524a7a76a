"""Predicted beside measured: how a family is run (`Study`), and what comes out of it (`Comparison`)."""

from saddlescope.study.comparison import NOTHING, Column, Comparison, Remark, number
from saddlescope.study.protocol import Study

__all__ = ["NOTHING", "Column", "Comparison", "Remark", "Study", "number"]
