"""Training curves of one's own: any log into a `Curve`, which `saddlescope.plateaus` takes."""

from saddlescope.curves.curve import Curve, LeftOut
from saddlescope.curves.log import CurveLog
from saddlescope.curves.reading import read_curve, read_curves
from saddlescope.curves.refusals import CurveError

__all__ = ["Curve", "CurveError", "CurveLog", "LeftOut", "read_curve", "read_curves"]
