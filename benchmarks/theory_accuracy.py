"""Measured over predicted learning times, epsilon = 1e-4 .. 1e-14, for six problems: writes docs/theory-accuracy.md.

    python benchmarks/theory_accuracy.py

Measured is the mean-field flow from t = 0 on refined nodes; nothing of it enters the prediction.
"""

from pathlib import Path

import numpy as np

import saddlescope as ss

EDGE = 3**0.5
SIGMA = [1, 1, 0.5, 0.3]
EPSILONS = [1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14]
PAGE = Path(__file__).parents[1] / "docs" / "theory-accuracy.md"


def drawn(seed: int):
    """A problem and a uniform law with coefficients of order one, by seed."""
    rng = np.random.default_rng(seed)
    phi, sigma = (rng.choice([-1, 1], 4) * rng.uniform(0.3, 1.5, 4) for _ in range(2))
    return ss.SingleIndex(phi.tolist(), sigma.tolist()), ss.Uniform(*np.sort(2 * rng.normal(size=2)))


PROBLEMS = {
    "three degrees": (ss.SingleIndex([1, -1, 1], SIGMA), ss.Uniform(-EDGE, EDGE)),
    "four degrees": (ss.SingleIndex([1, -1, 1, 1], SIGMA), ss.Uniform(-EDGE, EDGE)),
    "activation without a mean": (ss.SingleIndex([0.7, -1, 1, 1], [0, 1, 0.5, 0.3]), ss.Uniform(-1, 2)),
    "skewed law": (ss.SingleIndex([0.3, 1, 1, 0.5], SIGMA), ss.TruncatedNormal(0, 1, -0.5, 2)),
    "drawn by seed 1": drawn(1),
    "drawn by seed 2": drawn(2),
}

HEAD = """\
# How accurate the predicted times are

Time at which the residual of a degree has halved: full mean-field flow over prediction, made by
`python benchmarks/theory_accuracy.py`. For degree 2 three predictions stand side by side: the leading order
c_2 epsilon^(1/4); t_1 + c_2 epsilon^(1/4); and `canonical_order(...).times(epsilon)`, with the relative error that
`.errors(epsilon)` estimates for it. The last two columns are degrees 1 and 3 by `.times`; a dash where a degree is not
learnt.

Leading times are off by epsilon^(1/4) log(1/epsilon); the shift by t_1 leaves epsilon^(1/2) log(1/epsilon), for most
problems; and what `.times` leaves falls like epsilon^(1/2) with a small factor, until the tolerance of steps and nodes
is reached, some 1e-5 to 1e-4.
"""


def rows(problem: ss.SingleIndex, law):
    """Yield one row of ratios for every epsilon."""
    order = ss.canonical_order(problem, law, levels=3)
    for epsilon in EPSILONS:
        predicted, errors, leading = order.times(epsilon), order.errors(epsilon), order.leading_times(epsilon)
        # well beyond the last time, since nodes are refined for what coarse ones learn by the end
        until = 3 * float(np.nanmax(predicted))
        run = ss.solve(ss.MeanFieldFlow(problem, epsilon, law, tolerance=1e-5), until=until, rtol=1e-7)
        measured = ss.learning_times(run)[:4]
        with np.errstate(invalid="ignore"):  # 0 / 0 where degree 0 is learnt from the start
            ratio = measured / predicted[: len(measured)]
        third = f"{ratio[3]:.5f}" if len(ratio) > 3 and np.isfinite(ratio[3]) else "-"
        yield (
            f"{epsilon:g}",
            f"{measured[2]:.6g}",
            f"{measured[2] / leading[2]:.4f}",
            f"{measured[2] / (leading[1] + leading[2]):.4f}",
            f"{ratio[2]:.6f}",
            f"{errors[2]:.0e}",
            f"{ratio[1]:.6f}",
            third,
        )


def main() -> None:
    heads = ("epsilon", "T_2", "leading", "shifted", "`.times`", "`.errors`", "degree 1", "degree 3")
    parts = [HEAD]
    for name, (problem, law) in PROBLEMS.items():
        phi, sigma = (np.round(c, 3).tolist() for c in (problem.link_coefficients, problem.activation_coefficients))
        parts.append(f"\n## {name.capitalize()}\n\nlink {phi}, activation {sigma}, {law}\n")
        parts.append("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
        for row in rows(problem, law):
            parts.append("| " + " | ".join(row) + " |")
            print(name, *row, flush=True)
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
