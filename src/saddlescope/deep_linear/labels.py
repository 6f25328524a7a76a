"""What is observed of deep linear networks."""

from saddlescope.solve.labels import Label

LABELS = (
    Label("cost", ("time",), "cost C(A)"),
    Label("cost_rate", ("time",), "dC/dt"),
    Label("penalty", ("time",), "weight_decay / 2 x sum of squares of all weights"),
    Label("test_error", ("time",), "error on what the cost does not see, of the kind that the cost says"),
    Label("product", ("time", "row", "column"), "A = W_L ... W_1"),
    Label("singular_values", ("time", "mode"), "singular values of A = W_L ... W_1"),
    Label("layer_norm", ("time", "layer"), "Frobenius norm of a layer"),
    Label("weights", ("state_time", "weight"), "all weights, layer by layer"),
)
