"""The claims, figures and tables of two papers, and of what stands around them, as experiments that anyone can run."""

from saddlescope.papers.framework.experiment import Criterion, Experiment, Result, Row, Verdict

__all__ = ["Criterion", "Experiment", "Result", "Row", "Verdict"]
