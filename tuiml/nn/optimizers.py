"""Optimizers: from weights and gradient to new weights, each for one array of any shape.

``update(xp, w, g, state, s)`` returns the new weights and the new state. ``state`` maps each name in
``state_names()`` to an array of w's shape that starts at 0. ``s`` holds the step's scalars, which the host
computes once a step in double precision: ``scalars(step, rate)`` with ``step`` from 1. What depends on the
step number lives there, so the arrays see a handful of operations and both backends the same numbers.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from tuiml.registry import Entry, Registry

Array = Any
MOST_PRODUCTS = 8
"""Values of β1 for which NAdam keeps a product."""
State = dict[str, Any]
Scalars = dict[str, Any]


class Optimizer(Entry):
    """A rule for the step from one set of weights to the next."""

    rate: ClassVar[float] = 1e-3
    """The learning rate where the preset gives none."""

    def notice(self) -> str:
        """One line about options that have no effect as they are; else empty."""
        return ""

    def state_names(self) -> tuple[str, ...]:
        """Arrays carried from step to step."""
        return ()

    def scalars(self, step: int, rate: float) -> dict[str, float]:
        """Numbers of this step (``step`` ≥ 1) at learning rate ``rate``."""
        return {"rate": rate}

    def carried(self, before: Optimizer) -> dict[str, float]:
        """What is kept of another optimizer's arrays when this one takes over from it between two steps.

        Returns:
            By the name of each array that goes on, what it is multiplied by; every other one starts at 0.
            Empty: nothing goes on, and steps are counted from 1 again.
        """
        if type(before) is not type(self):
            return {}
        return {name: 1.0 for name in self.state_names() if name in before.state_names()}

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        """New weights and state, of w's shape."""
        raise NotImplementedError  # pragma: no cover - every entry defines it


optimizers: Registry[Optimizer] = Registry("an optimizer")


def decaying(default: float, text: str) -> Any:
    """A decay rate in [0, 1)."""
    return Field(default, ge=0.0, lt=1.0, description=text)


def epsilon(default: float, text: str = "added to the root, so no division by 0") -> Any:
    """The small number that keeps a division finite: above 0 in float32."""
    return Field(default, ge=1e-30, le=1.0, description=text)


@optimizers.add
class SGD(Optimizer):
    name = "sgd"
    formula = "w -= η g;  with momentum v = μv + g, w -= η v"
    advice = "the plain one; momentum 0.9 and Nesterov make it competitive"
    source = "Sutskever, Martens, Dahl & Hinton 2013, eq. 1 to 4, in PyTorch's form without dampening"
    rate = 0.01
    momentum: float = decaying(0.0, "fraction μ of the last step kept")
    nesterov: bool = Field(False, description="look ahead: g + μv in place of v; needs momentum")

    def notice(self) -> str:
        idle = self.nesterov and not self.momentum
        return "nesterov has no effect while momentum is 0; momentum = 0.9 is usual" if idle else ""

    def state_names(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        if not self.momentum:
            return w - s["rate"] * g, {}
        v = self.momentum * state["velocity"] + g
        step = g + self.momentum * v if self.nesterov else v
        return w - s["rate"] * step, {"velocity": v}


@optimizers.add
class Adagrad(Optimizer):
    name = "adagrad"
    formula = "a += g²;  w -= η g / (√a + ε)"
    advice = "per-weight rates that only fall: good for rare features, then it stalls"
    source = "Duchi, Hazan & Singer 2011, eq. 1"
    rate = 0.01
    eps: float = epsilon(1e-10)

    def state_names(self) -> tuple[str, ...]:
        return ("sum",)

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        a = state["sum"] + g * g
        return w - s["rate"] * g / (xp.sqrt(a) + self.eps), {"sum": a}


@optimizers.add
class Adadelta(Optimizer):
    name = "adadelta"
    formula = "E[g²], E[Δ²] decayed;  w -= η g √(E[Δ²]+ε) / √(E[g²]+ε)"
    advice = "Adagrad that forgets; needs no learning rate (η = 1)"
    source = "Zeiler 2012, algorithm 1"
    rate = 1.0
    rho: float = decaying(0.9, "decay ρ of both averages")
    eps: float = epsilon(1e-6, "added inside the roots")

    def state_names(self) -> tuple[str, ...]:
        return ("square", "delta")

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        square = self.rho * state["square"] + (1 - self.rho) * (g * g)
        delta = xp.sqrt(state["delta"] + self.eps) / xp.sqrt(square + self.eps) * g
        return w - s["rate"] * delta, {
            "square": square,
            "delta": self.rho * state["delta"] + (1 - self.rho) * (delta * delta),
        }


@optimizers.add
class RMSprop(Optimizer):
    name = "rmsprop"
    formula = "a = ρa + (1-ρ)g²;  w -= η g / (√a + ε)"
    advice = "Adagrad that forgets; steady on noisy gradients"
    source = "Tieleman & Hinton 2012, lecture 6.5"
    rho: float = decaying(0.9, "decay ρ of the squared gradient's average")
    eps: float = epsilon(1e-8)

    def state_names(self) -> tuple[str, ...]:
        return ("square",)

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        square = self.rho * state["square"] + (1 - self.rho) * (g * g)
        return w - s["rate"] * g / (xp.sqrt(square) + self.eps), {"square": square}


class Moments(Optimizer):
    """What Adam and its kin share: decayed averages of the gradient and of its size, corrected for bias."""

    beta1: float = decaying(0.9, "decay β1 of the gradient's average")
    beta2: float = decaying(0.999, "decay β2 of its size's average")
    eps: float = epsilon(1e-8)

    def state_names(self) -> tuple[str, ...]:
        return ("gradients", "squares")

    def carried(self, before: Optimizer) -> dict[str, float]:
        carried = super().carried(before)
        if not isinstance(before, Moments):
            return carried
        # The arrays hold sums; the averages they stand for are to stay the same.
        by_name = {
            "gradients": (1 - before.beta1) / (1 - self.beta1),
            "squares": (1 - before.beta2) / (1 - self.beta2),
        }
        return {name: by_name.get(name, factor) for name, factor in carried.items()}

    def sums(self, g: Array, state: State) -> State:
        """Decayed sums of g and g²: the averages but for a factor, which the scalars carry."""
        return {
            "gradients": self.beta1 * state["gradients"] + g,
            "squares": self.beta2 * state["squares"] + g * g,
        }

    def factors(self, step: int) -> tuple[float, float]:
        """From the sums to the averages corrected for bias: of g, and of the root of g²'s."""
        return (1 - self.beta1) / (1 - self.beta1**step), math.sqrt((1 - self.beta2) / (1 - self.beta2**step))

    def scalars(self, step: int, rate: float) -> dict[str, float]:
        average, root = self.factors(step)
        return {"rate": rate * average / root, "eps": self.eps / root}

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        # The corrections are in the scalars: ten operations on the arrays where the textbook's order takes
        # 13, and a matrix library does three of the ten along with their neighbours.
        new = self.sums(g, state)
        return w - s["rate"] * (new["gradients"] / (xp.sqrt(new["squares"]) + s["eps"])), new


@optimizers.add
class Adam(Moments):
    name = "adam"
    formula = "m, v averages of g, g²;  w -= η m̂ / (√v̂ + ε)"
    advice = "the safe default: scale-free steps of about η"
    source = "Kingma & Ba 2015, algorithm 1"


@optimizers.add
class AdamW(Moments):
    name = "adamw"
    formula = "Adam, and w -= ηλw"
    advice = "Adam with weight decay that its scaling does not touch"
    source = "Loshchilov & Hutter 2019, algorithm 2"
    weight_decay: float = Field(0.01, ge=0.0, le=1.0, description="decay λ of the weights, times η")

    def scalars(self, step: int, rate: float) -> dict[str, float]:
        return {**super().scalars(step, rate), "keep": 1 - rate * self.weight_decay}

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        return super().update(xp, w * s["keep"], g, state, s)


@optimizers.add
class Adamax(Moments):
    name = "adamax"
    formula = "u = max(β2 u, |g|);  w -= η m̂ / u"
    advice = "Adam by the largest recent gradient; calm with outliers"
    source = "Kingma & Ba 2015, algorithm 2, in PyTorch's form"

    def state_names(self) -> tuple[str, ...]:
        return ("gradients", "largest")

    def scalars(self, step: int, rate: float) -> dict[str, float]:
        return {"rate": rate * self.factors(step)[0]}

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        m = self.beta1 * state["gradients"] + g
        u = xp.maximum(self.beta2 * state["largest"], xp.abs(g) + self.eps)
        return w - s["rate"] * m / u, {"gradients": m, "largest": u}


@optimizers.add
class NAdam(Moments):
    name = "nadam"
    formula = "Adam with Nesterov's look-ahead"
    advice = "Adam, a little faster on smooth losses"
    source = "Dozat 2016, algorithm 2, in PyTorch's form (momentum decay 0.004)"

    decay: ClassVar[float] = 0.004
    _latest: ClassVar[dict[float, tuple[int, float]]] = {}
    """By β1, the last step whose product was asked for, and that product; a few of them."""

    def momentum(self, step: int) -> float:
        """μ of a step: it grows from β1/2 towards β1."""
        return self.beta1 * (1 - 0.5 * math.pow(0.96, step * self.decay))

    def product(self, step: int) -> float:
        """μ₁ … μ_step, worked out from that of the step before where it was asked for last."""
        known, product = self._latest.get(self.beta1, (0, 1.0))
        if known > step:
            known, product = 0, 1.0
        while known < step and product:  # once it is 0, it stays 0
            known += 1
            product *= self.momentum(known)
        if len(self._latest) > MOST_PRODUCTS:
            self._latest.clear()
        self._latest[self.beta1] = step, product
        return product

    def scalars(self, step: int, rate: float) -> dict[str, float]:
        ahead = self.momentum(step + 1)
        return {
            "gradient": rate * (1 - self.momentum(step)) / (1 - self.product(step)),
            "average": rate * ahead / (1 - self.product(step) * ahead) * (1 - self.beta1),
            "root": self.factors(step)[1],
        }

    def update(self, xp: Any, w: Array, g: Array, state: State, s: Scalars) -> tuple[Array, State]:
        new = self.sums(g, state)
        ahead = s["gradient"] * g + s["average"] * new["gradients"]
        return w - ahead / (xp.sqrt(new["squares"]) * s["root"] + self.eps), new
