"""Optimisers of descent in steps, as values: what one does to a gradient, in what time, and what it rests on.

Updates other than those of SGD are those of optax, which is imported when one of them is first needed.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from saddlescope.arguments import ArgumentError, from_zero, positive, share
from saddlescope.solve.optimizers.schedules import Schedule, rising


class _Pair(NamedTuple):
    """What optax calls a gradient transformation."""

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def _optax() -> Any:
    try:
        import optax
    except ImportError:
        must = "be SGD, unless optax is installed (pip install 'saddlescope[optax]')"
        raise ArgumentError("optimizer", must, "another one") from None
    return optax


class Optimizer(eqx.Module):
    """What is done to a gradient at each step. Its numbers are leaves, so that other ones never compile again."""

    references: ClassVar[tuple[str, ...]] = ()
    turns: ClassVar[bool] = False  # whether it commutes with rotations of neurons: narrow networks then stand for wide

    @abc.abstractmethod
    def transformation(self) -> Any:
        """Return it as an `optax.GradientTransformation`."""

    @property
    @abc.abstractmethod
    def step_size(self) -> float:
        """The time that a step counts for: its learning rate, of a schedule the largest."""

    @property
    def plain(self) -> tuple[float, float] | None:
        """Learning rate and momentum where it is gradient descent with no more than heavy-ball momentum, else None."""
        return None

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_told(value)}' for name, value in vars(self).items())})"


class SGD(Optimizer):
    """Gradient descent, V <- momentum V - learning_rate G, W <- W + V; with batches of examples, stochastic.

    Args:
        learning_rate: positive, or a schedule. A step counts for the time learning_rate / (1 - momentum).
        momentum: in [0, 1), heavy-ball.
        nesterov: the gradient's own step once more: W <- W + momentum V - learning_rate G.

    Raises:
        ArgumentError: if an argument is out of range.

    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964), 1; Sutskever et al., ICML 2013.

    Example:
        >>> SGD(0.1, momentum=0.9).plain, round(SGD(0.1, momentum=0.9).step_size, 9)
        ((0.1, 0.9), 1.0)
    """

    turns: ClassVar[bool] = True

    learning_rate: float | Schedule
    momentum: float
    nesterov: bool = eqx.field(static=True)

    def __init__(self, learning_rate: float | Schedule, *, momentum: float = 0.0, nesterov: bool = False):
        self.learning_rate, self.momentum = _rate(learning_rate), share("momentum", momentum)
        self.nesterov = bool(nesterov)

    def transformation(self) -> Any:
        def update(gradient: Any, state: Any, weights: Any) -> Any:
            del weights
            done, velocity = state
            # the rate before the momentum, so that a step in flight keeps the rate it was made with
            rate = self.learning_rate(done) if isinstance(self.learning_rate, Schedule) else self.learning_rate
            velocity = jax.tree.map(lambda V, G: self.momentum * V - rate * G, velocity, gradient)
            moves = velocity
            if self.nesterov:
                moves = jax.tree.map(lambda V, G: self.momentum * V - rate * G, velocity, gradient)
            return moves, (done + 1, velocity)

        return _Pair(lambda weights: (jnp.zeros((), jnp.int64), jax.tree.map(jnp.zeros_like, weights)), update)

    @property
    def step_size(self) -> float:
        return _largest(self.learning_rate) / (1 - self.momentum)

    @property
    def plain(self) -> tuple[float, float] | None:
        if self.nesterov or isinstance(self.learning_rate, Schedule):
            return None
        return self.learning_rate, self.momentum


class Adam(Optimizer):
    """Adam, W <- W - learning_rate m / (sqrt(v) + eps), with m and v the corrected means of G and G^2.

    m_t = (b1 m + (1 - b1) G) before the correction by 1 / (1 - b1^t), v likewise with b2.

    Args:
        learning_rate: positive, or a schedule.
        b1: of the mean of gradients, in [0, 1).
        b2: of the mean of their squares, in [0, 1).
        eps: positive.
        weight_decay: learning_rate weight_decay W is taken from W beside that, at each step (AdamW); at least 0.

    Raises:
        ArgumentError: if an argument is out of range.

    Source: Kingma, Ba, arXiv 1412.6980; Loshchilov, Hutter, arXiv 1711.05101.

    Example:
        >>> print(Adam(1e-3))
        Adam(learning_rate=0.001, b1=0.9, b2=0.999, eps=1e-08, weight_decay=0)
    """

    references: ClassVar[tuple[str, ...]] = ("kingma2015", "optax")

    learning_rate: float | Schedule
    b1: float
    b2: float
    eps: float
    weight_decay: float

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        b1: float = 0.9,
        b2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        self.learning_rate = _rate(learning_rate)
        self.b1, self.b2 = share("b1", b1), share("b2", b2)
        self.eps, self.weight_decay = positive("eps", eps), from_zero("weight_decay", weight_decay)

    def transformation(self) -> Any:
        rates = {"b1": self.b1, "b2": self.b2, "eps": self.eps}
        return _optax().adamw(self.learning_rate, **rates, weight_decay=self.weight_decay)

    @property
    def step_size(self) -> float:
        return _largest(self.learning_rate)


class RMSprop(Optimizer):
    """RMSprop, W <- W - learning_rate G / sqrt(v + eps), with v <- decay v + (1 - decay) G^2, from zero.

    Args:
        learning_rate: positive, or a schedule.
        decay: in [0, 1).
        eps: positive.

    Raises:
        ArgumentError: if an argument is out of range.

    Source: Tieleman, Hinton, Coursera: Neural networks for machine learning, lecture 6.5 (2012).

    Example:
        >>> print(RMSprop(1e-3, decay=0.99))
        RMSprop(learning_rate=0.001, decay=0.99, eps=1e-08)
    """

    references: ClassVar[tuple[str, ...]] = ("optax",)

    learning_rate: float | Schedule
    decay: float
    eps: float

    def __init__(self, learning_rate: float | Schedule = 1e-3, *, decay: float = 0.9, eps: float = 1e-8):
        self.learning_rate, self.decay = _rate(learning_rate), share("decay", decay)
        self.eps = positive("eps", eps)

    def transformation(self) -> Any:
        optax = _optax()
        # eps inside the root in every version of optax
        scaled = optax.scale_by_rms(self.decay, eps=self.eps, initial_scale=0.0)
        return optax.chain(scaled, optax.scale_by_learning_rate(self.learning_rate))

    @property
    def step_size(self) -> float:
        return _largest(self.learning_rate)


class Switched(Optimizer):
    """One optimiser after another, each from a state of its own: Adam first and then SGD, say.

    Args:
        optimizers: two or more, all of one time a step, or `step_size` given.
        steps: at which the next one begins, rising whole numbers, one fewer.
        step_size: the time that a step counts for; by default that of the first.

    Raises:
        ArgumentError: if optimisers and steps do not fit.

    Example:
        >>> print(Switched([RMSprop(1e-2), RMSprop(1e-3)], [500]))
        RMSprop(learning_rate=0.01, decay=0.9, eps=1e-08), then RMSprop(learning_rate=0.001, decay=0.9, eps=1e-08) from
        step 500
    """

    optimizers: tuple[Optimizer, ...]
    steps: tuple[int, ...]
    clock: float

    def __init__(self, optimizers: Sequence[Optimizer], steps: Sequence[int], *, step_size: float | None = None):
        self.optimizers = tuple(checked("optimizers", one) for one in optimizers)
        self.steps = rising("steps", steps)
        if not self.optimizers or len(self.optimizers) != len(self.steps) + 1:
            raise ArgumentError("optimizers", "be one more than there are steps to switch at", list(optimizers))
        self.clock = self.optimizers[0].step_size if step_size is None else positive("step_size", step_size)

    def transformation(self) -> Any:
        parts, steps = [one.transformation() for one in self.optimizers], jnp.asarray(self.steps)

        def init(weights: Any) -> Any:
            return jnp.zeros((), jnp.int64), tuple(part.init(weights) for part in parts)

        def update(gradient: Any, state: Any, weights: Any) -> Any:
            done, held = state

            def by(number: int) -> Any:
                moves, after = parts[number].update(gradient, held[number], weights)
                return moves, (*held[:number], after, *held[number + 1 :])

            active = jnp.sum(done >= steps)
            branches = [lambda number=number: by(number) for number in range(len(parts))]
            moves, held = jax.lax.switch(active, branches)
            return moves, (done + 1, held)

        return _Pair(init, update)

    @property
    def step_size(self) -> float:
        return self.clock

    def __str__(self) -> str:
        later = (f"{one} from step {step}" for step, one in zip(self.steps, self.optimizers[1:], strict=True))
        return ", then ".join([str(self.optimizers[0]), *later])


class Named(Optimizer):
    """Any transformation of optax, under a name that you answer for.

    Checkpoints tell runs apart by the name and the code of the transformation.

    Args:
        transformation: an `optax.GradientTransformation`.
        name: what it is called in results.
        step_size: the time that a step counts for, such as its learning rate.

    Raises:
        ArgumentError: if it is no transformation, or has no name.

    Example:
        >>> import optax
        >>> print(Named(optax.lion(1e-3), "lion", step_size=1e-3))
        lion
    """

    references: ClassVar[tuple[str, ...]] = ("optax",)

    given: Any = eqx.field(static=True)
    name: str = eqx.field(static=True)
    clock: float

    def __init__(self, transformation: Any, name: str, *, step_size: float):
        if not callable(getattr(transformation, "init", None)) or not callable(getattr(transformation, "update", None)):
            raise ArgumentError("transformation", "be one of optax, with init and update", transformation)
        if not isinstance(name, str) or not name:
            raise ArgumentError("name", "be a text that names the optimiser", name)
        self.given, self.name, self.clock = transformation, name, positive("step_size", step_size)

    def transformation(self) -> Any:
        return self.given

    @property
    def step_size(self) -> float:
        return self.clock

    def __str__(self) -> str:
        return self.name


def checked(argument: str, value: Any) -> Optimizer:
    """Return an optimiser, or refuse what is none.

    Args:
        argument: what to call it in a refusal.
        value: given as one.
    """
    if not isinstance(value, Optimizer):
        must = "be an optimiser such as ss.optimizer.Adam(1e-3); one of optax by ss.optimizer.Named"
        raise ArgumentError(argument, must, value)
    return value


def either(optimizer: Optimizer | None, learning_rate: float | None, momentum: float | None) -> Optimizer:
    """Return an optimiser: the one that is given, or SGD of a learning rate and a momentum; refuse both and neither.

    Example:
        >>> print(either(None, 0.1, None))
        SGD(learning_rate=0.1, momentum=0, nesterov=False)
    """
    if optimizer is None:
        if learning_rate is None:
            raise ArgumentError("learning_rate", "be given, or else an `optimizer`", None)
        return SGD(positive("learning_rate", learning_rate), momentum=0.0 if momentum is None else momentum)
    for name, value in (("learning_rate", learning_rate), ("momentum", momentum)):
        if value is not None:
            raise ArgumentError(name, "not be given together with `optimizer`, which holds it", value)
    return checked("optimizer", optimizer)


def _rate(value: Any) -> float | Schedule:
    return value if isinstance(value, Schedule) else positive("learning_rate", value)


def _largest(rate: float | Schedule) -> float:
    return rate.largest if isinstance(rate, Schedule) else rate


def _told(value: Any) -> str:
    return f"{value:g}" if type(value) is float else str(value)
