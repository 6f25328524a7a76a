"""What gradient flow and gradient descent on a deep linear network share: the start, its narrow twin, what is read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, finite, fraction, from_zero, positive
from saddlescope.deep_linear.dynamics.at_rest import at_rest
from saddlescope.deep_linear.dynamics.balanced_reach import neurons_lost, unreachable
from saddlescope.deep_linear.dynamics.system import DeepLinearSystem, flat, imbalance_norms, layers
from saddlescope.deep_linear.labels import LABELS
from saddlescope.deep_linear.network.krylov import Compression, compress
from saddlescope.deep_linear.network.layers import Weights, checked_weights, width_remarks
from saddlescope.deep_linear.network.starts import gaussian_start, refuse_beyond_floats
from saddlescope.deep_linear.problem.cost import Cost, checked_cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.memory import check_fits
from saddlescope.solve import Dynamics, Reading

if TYPE_CHECKING:
    from saddlescope.deep_linear.theory.weight_decay import DecayedModes

# Errors fall with every second round (at depth 4 and width 256: 2e-2, 6e-4, 2e-6 after 3, 5, 7 rounds, in jump times).
_FIRST_ROUNDS, _LIKELY_ROUNDS = 3, 7
_PRODUCTS = 8  # matrices of the product's shape that a cost and its gradient hold
# share of a layer's size under which a neuron, an input or an output is a small mode of its own: by what it is larger
# the steps may be off in it, of the share that they may be off in the layer
_GRADED = 0.1


class DeepLinearDynamics(Dynamics):
    """A network of linear layers in motion: its cost, its start, the narrow network with the same motion.

    Arguments are those of `DeepLinearFlow`.
    """

    labels = LABELS
    references = ("jacot2021",)
    _compresses_inexactly: ClassVar[bool]  # whether an error estimate will do for a narrow network
    _copies: ClassVar[int]  # of all weights that a run holds at once, at the least

    def __init__(
        self,
        cost: Cost,
        depth: int | None = None,
        width: int | None = None,
        gamma: float | None = None,
        scale: float = 1.0,
        seed: int = 0,
        *,
        initial: Sequence[ArrayLike] | None = None,
        compress: str | bool | int = "auto",
        tolerance: float = 1e-4,
        weight_decay: float = 0.0,
    ):
        self.cost = checked_cost(cost)
        self.scale_factor = positive("scale", scale)
        self.tolerance = fraction("tolerance", tolerance)
        self.weight_decay = from_zero("weight_decay", weight_decay)
        self.gamma, self.seed = None, None
        if initial is None:
            for name, value in (("depth", depth), ("width", width), ("gamma", gamma)):
                if value is None:
                    raise ArgumentError(name, "be given (or else `initial`)", value)
            self.gamma, self.seed = finite("gamma", gamma), count("seed", seed, least=0)
            start: Weights = gaussian_start(
                cost.shape, count("depth", depth), count("width", width), self.gamma, self.scale_factor, self.seed
            )
        else:
            for name, value in (("depth", depth), ("width", width), ("gamma", gamma)):
                if value is not None:
                    raise ArgumentError(name, "not be given together with `initial`", value)
            given = checked_weights(initial, cost.shape)
            refuse_beyond_floats("initial", "such layers", given)
            start = [self.scale_factor * W for W in given]
            refuse_beyond_floats("scale", scale, start)
        self.initial = [np.asarray(W) for W in start]
        self.depth = len(self.initial)
        self.width = max((W.shape[0] for W in self.initial[:-1]), default=0)
        self.remarks = cost.remarks + (width_remarks(cost, self.depth, self.width) if self.width else ())
        self.compression: Compression | None = None
        self.probing = False
        self._whole = False  # states are saved of the whole network, whatever is integrated
        self._compress(compress)
        held = self._copies * sum(float(W.size) for W in self.weights) + _PRODUCTS * float(np.prod(cost.shape))
        check_fits(held, width=self.width, depth=self.depth)

    def _compress(self, asked: str | bool | int) -> None:
        if self.depth == 1 or (asked is False and not self._compresses_inexactly):
            return
        if asked is False:
            narrow = compress(self.initial, _LIKELY_ROUNDS)
            if _takes_apart(narrow) and not _is_graded(self.initial):
                self.compression, self._whole = narrow, True
            return
        if asked != "auto" and (asked is True or isinstance(asked, str)):
            raise ArgumentError("compress", 'be "auto", False or a number of rounds', asked)
        narrow = compress(self.initial, _LIKELY_ROUNDS if asked == "auto" else count("compress", asked))
        if asked == "auto":
            if _takes_apart(narrow):
                self.compression = narrow
                return
            if 2 * narrow.width > self.width or not (narrow.closed or self._compresses_inexactly):
                return
            if not narrow.closed:
                self.probing, narrow = True, compress(self.initial, _FIRST_ROUNDS)
        if all(W.size for W in narrow.weights):
            self.compression = narrow
        elif asked != "auto" and all(np.any(W) for W in self.initial):
            raise ArgumentError("compress", f"be at least {self.depth // 2 + 1} rounds at depth {self.depth}", asked)

    @property
    def weights(self) -> list[np.ndarray]:
        """The layers that are integrated, narrow ones if the network was compressed."""
        return self.initial if self.compression is None else self.compression.weights

    def _system(self) -> DeepLinearSystem:
        weights = self.weights
        return DeepLinearSystem(
            cost=self.cost,
            curvature_bound=jnp.asarray(_largest_curvature(self.cost)),
            length=jnp.asarray(NumpyCost(self.cost).length),
            imbalance=jnp.asarray(imbalance_norms(weights)),
            weight_decay=jnp.asarray(self.weight_decay),
            shapes=tuple((W.shape[0], W.shape[1]) for W in weights),
            explicit=False,
        )

    def target_modes(self) -> DecayedModes | None:
        """Where weight decay leaves each singular value; None for costs other than whitened least squares."""
        from saddlescope.deep_linear.theory.weight_decay import decayed_modes

        target = self.cost.whitened_target
        if target is None or self.depth < 2:
            return None
        strength = np.linalg.svd(target, compute_uv=False)
        return decayed_modes(strength, self.depth, self.weight_decay)

    def kept(self, time: ArrayLike) -> np.ndarray:
        """What weight decay leaves, as a factor, of weights that the gradient does not reach, at these times."""
        return np.exp(-self.weight_decay * np.asarray(time, dtype=np.float64))

    def lift(self, y: ArrayLike, time: float | None = None) -> Weights:
        """Return the layers of the whole network at a saved state, from the narrow layers that were integrated.

        Args:
            y: one row of the trajectory's `weights`.
            time: of that state; needed where weights that the narrow network does not hold decay.

        Raises:
            ArgumentError: if no run of this flow has states of that size, or the time is needed and not given.
        """
        size = np.size(y)
        if self._whole and size == sum(W.size for W in self.initial):
            return layers(jnp.asarray(y), tuple((W.shape[0], W.shape[1]) for W in self.initial))
        while sum(W.size for W in self.weights) != size:
            # the run was refined: its network is the one of more Krylov rounds
            if not self.probing:
                raise ArgumentError("y", "be a saved state of this flow", f"{size} numbers")
            self = self.finer()
        shapes = tuple((W.shape[0], W.shape[1]) for W in self.weights)
        narrow = layers(jnp.asarray(y), shapes)
        if self.compression is None:
            return narrow
        if time is None and self.weight_decay > 0:
            raise ArgumentError("time", "be given: the weights that are not in the state decay", None)
        kept = float(self.kept(0.0 if time is None else time))
        frames = [np.eye(shapes[0][1]), *self.compression.frames, np.eye(shapes[-1][0])]
        moved = [now - kept * before for now, before in zip(narrow, self.compression.weights, strict=True)]
        return [
            jnp.asarray(kept * W + above @ dW @ below.T)
            for W, dW, below, above in zip(self.initial, moved, frames, frames[1:], strict=False)
        ]

    def read(self, record):
        raw = record.observables
        outside = np.array([np.sum(W**2) for W in self.initial]) - [np.sum(W**2) for W in self.weights]
        kept = self.kept(record.times)[:, None] ** 2
        squares = raw["layer_square"] + outside * kept
        observables = {name: raw[name] for name in ("cost", "cost_rate", "test_error")}
        if "product" in raw:
            observables["product"] = raw["product"]
            observables["singular_values"] = np.linalg.svd(raw["product"], compute_uv=False)
        else:
            observables["singular_values"] = raw["singular_values"]
        observables["layer_norm"] = np.sqrt(np.maximum(squares, 0.0))
        if self.weight_decay > 0:
            observables["penalty"] = 0.5 * self.weight_decay * squares.sum(axis=1)
        saved = record.states
        if self._whole:
            times = record.state_times
            saved = np.stack([flat(self.lift(y, float(t))) for y, t in zip(record.states, times, strict=True)])
        observables["weights"] = saved
        # differences of layers are conserved, or decay as all weights do
        drift = np.abs(np.diff(squares - squares[0] * kept, axis=1)).max() if self.depth > 1 else 0.0
        rows, columns = self.cost.shape
        coords = {
            "mode": np.arange(min(rows, columns)),
            "layer": np.arange(1, self.depth + 1),
            "weight": np.arange(saved.shape[1]),
        }
        if "product" in observables:
            coords |= {"row": np.arange(rows), "column": np.arange(columns)}
        accuracy: dict[str, Any] = {"conserved_drift": float(drift / (squares.max() or 1.0))}
        lost: tuple[str, ...] = ()
        if "rtol" in record.solver:
            accuracy["integration_error"] = _integration_error(
                record.solver["method"], record.solver["rtol"], self._growth()
            )
            result = unreachable(
                self.initial, raw.get("product"), observables["singular_values"], record.solver["rtol"]
            )
            if result is None:
                shapes = tuple((W.shape[0], W.shape[1]) for W in self.weights)
                states = [[np.asarray(W) for W in layers(y, shapes)] for y in record.states] if self.depth == 2 else []
                result = neurons_lost(self.weights, states, record.solver["rtol"])
            lost = (*(() if result is None else (result,)), *at_rest(self.cost, self.initial))
        if self.compression is not None and not self._whole:
            accuracy |= {
                "compressed_width": self.compression.width,
                "krylov_rounds": self.compression.rounds,
                "exact_compression": self.compression.closed,
            }
        return Reading(observables, coords, accuracy=accuracy, doubts=self.remarks + lost)

    def _growth(self) -> float:
        """How much larger the weights become than the smallest layer at the start is."""
        sizes = [np.linalg.norm(W) / min(W.shape) ** 0.5 for W in self.initial]
        largest = NumpyCost(self.cost).length ** (1 / self.depth)
        return float(largest / max(min(sizes), 1e-300))

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {
            "cost": type(self.cost).__name__,
            "shape": list(self.cost.shape),
            "depth": self.depth,
            "width": self.width,
            "gamma": self.gamma,
            "scale": self.scale_factor,
            "seed": self.seed,
            "weight_decay": self.weight_decay,
            "initial": "Gaussian" if self.gamma is not None else "given",
        }

    def finer(self) -> Self:
        """This flow with two more Krylov rounds, or the whole network once that is hardly wider."""
        assert self.compression is not None
        compression = compress(self.initial, self.compression.rounds + 2)
        if 2 * compression.width > self.width:
            return self._with(compression=None, probing=False)
        return self._with(compression=compression)


def _sizes(M: np.ndarray) -> np.ndarray:
    """Root mean squares of the columns, of which no square underflows."""
    largest = np.abs(M).max(axis=0)
    return largest * np.sqrt(np.mean((M / np.where(largest > 0, largest, 1.0)) ** 2, axis=0))


def scales_of(weights: list[np.ndarray]) -> list[np.ndarray]:
    """The size of each weight that matters: of its layer, or of what it joins where that is far smaller."""
    # a neuron is as large as what comes in and what goes out together
    neurons = [_sizes(np.vstack([W.T, after])) for W, after in pairwise(weights)]
    sides = pairwise([_sizes(weights[0]), *neurons, _sizes(weights[-1].T)])
    results = []
    for W, (before, after) in zip(weights, sides, strict=True):
        layer = float(_sizes(W.reshape(-1, 1))[0])
        joined = np.minimum(after[:, None], before)
        apart = (joined < _GRADED * layer) | (layer == 0)
        results.append(np.where(apart & (joined > 0), joined, layer or 1.0))
    return results


def _is_graded(weights: list[np.ndarray]) -> bool:
    """Whether some neuron, input or output is a small mode of its own."""
    return any(bool(np.ptp(sizes)) for sizes in scales_of(weights) if sizes.size)


def _takes_apart(narrow: Compression) -> bool:
    """Whether a compression is exact and gives small modes rows of their own, by which their error is held."""
    return narrow.closed and all(W.size for W in narrow.weights) and _is_graded(narrow.weights)


def _integration_error(method: str, rtol: float, growth: float) -> float:
    """The relative error of jump times to expect, from runs of the reference completion.

    Measured at rtol 1e-5 .. 1e-9 against 1e-11: linearly implicit steps 3e-5 .. 8e-9 (on other problems up to 21 times
    rtol), RKC2 1e-3 .. 2e-6; ROCK4 on a 100 x 100 completion 7e-5 .. 5e-8 at 1e-5 .. 1e-8. A jump leaves errors of
    order rtol in weights that are as small as the start, and wait for a later jump: at scales .125, .01, .001, .0001
    the error is 4, 11, 43 and, by chance of rounding, 100 to 600 times rtol, where the weights grow by 130, 1.7e3,
    1.7e4, 1.7e5.
    """
    small = max(30.0, growth**0.55)
    return min(1.0, small * rtol if method != "RKC2" else small / 15 * rtol ** (2 / 3))


def _largest_curvature(cost: Cost) -> float:
    """The largest curvature at the origin and a step of a line search off it."""
    numpy_cost, places = NumpyCost(cost), [np.zeros(cost.shape)]
    G = numpy_cost.value_and_gradient(places[0])[1]
    size = float(np.linalg.norm(G))
    return cost.largest_curvature(places if size == 0 else [*places, -G * numpy_cost.length / size])
