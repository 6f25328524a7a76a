"""How a decay is run: it waits, fails, is killed or takes memory where its spec says so."""

import math
import os
import signal
import time

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.outcome import Outcome
from saddlescope.solve.control import in_charge
from saddlescope.study import Column, Comparison
from saddlescope.study import Study as Base
from saddlescope.trajectory import Trajectory


class Study(Base):
    """One decay."""

    KINDS = ("Relaxation",)

    def __init__(self, spec, title):
        self.spec, self.title = spec, title
        if spec.dynamics.rate == 13:
            raise ArgumentError("rate", "be no unlucky number", spec.dynamics.rate)

    def predict(self):
        return math.log(2) / self.spec.dynamics.rate

    def solve(self, folder=None):
        how = self.spec.dynamics
        outcome = Outcome.REACHED_END
        if how.rate >= how.at:
            if how.fault == "raise":
                raise ZeroDivisionError("division by zero")
            if how.fault == "limit":
                outcome = Outcome.STEP_LIMIT
            if how.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how.fault == "memory":
                kept = [np.ones(10**7) for _ in range(200)]
                time.sleep(5)
                del kept
        asked = in_charge()
        end = time.monotonic() + (how.seconds or 0.0)
        while time.monotonic() < end and not asked.ended:
            time.sleep(0.005)
        if asked.ended:
            outcome = asked.ended
        t = np.linspace(0.0, 3.0 / how.rate, 301)
        return Trajectory(
            kind="Relaxation",
            observables={"risk": how.amplitude * np.exp(-how.rate * t), "state": np.ones((3, 2))},
            dims={"risk": ("time",), "state": ("state_time", "entry")},
            coords={"time": t, "state_time": np.arange(3.0)},
            outcome=outcome,
            parameters={"rate": how.rate, "terms": how.terms},
        )

    def compare(self, solved, predicted):
        columns = (Column("term", "term"), Column("measured", "measured"), Column("predicted", "predicted"))
        half = float(np.interp(-0.5 * solved["risk"][0], -solved["risk"], solved.time))
        rows = tuple(
            {"term": k, "measured": half * k, "predicted": math.nan if predicted is None else predicted * k}
            for k in range(1, self.spec.dynamics.terms + 1)
        )
        complete = solved.outcome.complete
        return Comparison(
            self.title,
            "",
            columns,
            rows,
            record={"final_risk": float(solved["risk"][-1])},
            complete=complete,
            interrupted=solved.outcome == "INTERRUPTED",
        )

    def pictures(self, solved, predicted):
        return {}

    def trajectories(self, solved):
        runs = self.spec.dynamics.runs
        return {"trajectory.nc" if runs == 1 else f"trajectory_{k}.nc": solved for k in range(runs)}
