"""What is observed of two-layer networks on single- and multi-index problems."""

from saddlescope.solve.labels import Label

_PER_DEGREE = ("time", "run", "degree")
_PER_NEURON = ("state_time", "run", "neuron")

LABELS = (
    Label("risk", ("time", "run"), "excess risk, E(phi - f)^2 / 2, without label noise"),
    Label("risk_rate", ("time",), "d risk / dt"),
    Label(
        "risk_by_degree",
        _PER_DEGREE,
        "part of the risk in Hermite polynomials of degree k (of a mixture, around each centre)",
    ),
    Label("risk_rest", ("time",), "part of the risk in degrees beyond those that are listed"),
    Label("train_risk", ("time", "run"), "mean (y - f)^2 / 2 over the training samples"),
    Label(
        "residual",
        _PER_DEGREE,
        "phi_k - sigma_k M_k; of free norm phi_k - mean a sigma_k(|u|) (s / |u|)^k",
    ),
    Label("residual_rate", _PER_DEGREE, "d(phi_k - sigma_k M_k) / dt"),
    Label("term_residual", ("time", "term"), "c_alpha - sigma_|alpha| M_alpha of each term of a joint target"),
    Label("term_residual_rate", ("time", "term"), "d(c_alpha - sigma_|alpha| M_alpha) / dt"),
    Label("moment", (*_PER_DEGREE, "direction"), "M_k = mean a s^k"),
    Label("second_layer", _PER_NEURON, "a"),
    Label("overlap", (*_PER_NEURON, "direction"), "s = <u*, u>, or <u*, Sigma u> of inputs of covariance Sigma"),
    Label("overlap_with_centre", _PER_NEURON, "<u, mu> / |mu|, along the centre mu of a mixture of inputs"),
    Label("mutual_overlap", (*_PER_NEURON, "other"), "r = <u_i, u_j>, or <u_i, Sigma u_j>"),
    Label(
        "overlap_by_eigenvalue", (*_PER_NEURON, "direction", "eigenvalue"), "<u*, P u>, P onto an eigenspace of Sigma"
    ),
    Label("preactivation", _PER_NEURON, "<u, Sigma u>^(1/2), standard deviation of <u, x>"),
    Label("norm", _PER_NEURON, "|u|, of neurons that are not held on the sphere"),
    Label("bias", _PER_NEURON, "b of neurons sigma(<u, x> + b)"),
    Label("weight", ("neuron",), "share of the law that a particle stands for"),
)
