"""What is observed of diagonal linear networks."""

from saddlescope.solve.labels import Label

SUPPORT_SHARE = 0.01  # of the answers, from which on a coordinate counts as part of the support
_PER_COORDINATE = ("time", "coordinate")

LABELS = (
    Label("time", ("time",), "time of the weights, over `time_unit`: of u * v, over ln(1/alpha)"),
    Label("cost", ("time",), "|X beta - y|^2 / (2n)"),
    Label("cost_rate", ("time",), "dL/dt"),
    Label("regressor", _PER_COORDINATE, "beta, such as u * v"),
    Label("regressor_rate", _PER_COORDINATE, "d beta / dt"),
    Label(
        "dual",
        _PER_COORDINATE,
        "s, between -1 and 1, with ds/dt = -grad L: of u * v, arcsinh(beta / alpha^2) / (2 ln(1/alpha))",
    ),
    Label("support_size", ("time",), f"coordinates with more than {SUPPORT_SHARE:g} of the answers"),
    Label("weights", ("state_time", "weight"), "all weights, layer by layer"),
    Label("l1_norm", ("time",), "sum of |beta|"),
)
