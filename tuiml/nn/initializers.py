"""Initial values of weights: one array of a layer's shape, drawn from a seeded generator.

``draw(xp, rng, shape, fan_in, fan_out)`` returns float64 values of ``shape`` (out × in for a dense layer);
``rng`` is a ``numpy.random.Generator``. The fans come from the layer's spec, not from the array's shape.
Values are drawn once, on the host, so both backends start from the same bits.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from tuiml.registry import Entry, Registry

Array = Any

TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a unit normal cut at ±2 (Keras divides by it, so the cut keeps the variance)."""


class Initializer(Entry):
    """A distribution of initial weights."""

    tries: ClassVar[tuple[dict[str, float], ...]] = ({},)
    """Options worth a look where one goes through all initializers, one set after the other."""

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        """Float64 array of ``shape``."""
        raise NotImplementedError  # pragma: no cover - every entry defines it


initializers: Registry[Initializer] = Registry("an initializer")


def standard_truncated(rng: Any, shape: tuple[int, ...]) -> Array:
    """Unit normal values redrawn until all lie in ±2."""
    values = rng.standard_normal(shape)
    outside = abs(values) > 2.0
    while outside.any():
        values[outside] = rng.standard_normal(int(outside.sum()))
        outside = abs(values) > 2.0
    return values


@initializers.add
class Zeros(Initializer):
    name = "zeros"
    formula = "0"
    advice = "to see why not: all units of a layer stay equal for ever"

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return xp.zeros(shape)


@initializers.add
class Ones(Initializer):
    name = "ones"
    formula = "1"
    advice = "to see why not: all units of a layer are copies of one"

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return xp.ones(shape)


@initializers.add
class Constant(Initializer):
    name = "constant"
    formula = "c"
    advice = "every weight the same: symmetry that training cannot break"
    value: float = Field(0.1, ge=-1e3, le=1e3, description="value of every weight")

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return xp.full(shape, self.value)


@initializers.add
class Normal(Initializer):
    name = "normal"
    aliases = ("random_normal",)
    formula = "N(mean, stddev²)"
    advice = "a fixed spread whatever the width: σ = 1 saturates, σ = 0.01 fades"
    tries = ({}, {"stddev": 0.01})
    mean: float = Field(0.0, ge=-1e3, le=1e3, description="mean of the weights")
    stddev: float = Field(1.0, ge=0.0, le=1e3, description="standard deviation σ of the weights")

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return rng.standard_normal(shape) * self.stddev + self.mean


@initializers.add
class Uniform(Initializer):
    name = "uniform"
    aliases = ("random_uniform",)
    formula = "U(low, high)"
    advice = "a fixed interval whatever the width"
    low: float = Field(-0.05, ge=-1e3, le=1e3, description="least weight")
    high: float = Field(0.05, ge=-1e3, le=1e3, description="greatest weight")

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        low, high = sorted((self.low, self.high))
        return rng.uniform(low, high, shape)


@initializers.add
class TruncatedNormal(Initializer):
    name = "truncated_normal"
    formula = "N(mean, stddev²) cut at 2σ"
    advice = "normal without its tails; σ is that before the cut"
    source = "Keras, TruncatedNormal"
    mean: float = Field(0.0, ge=-1e3, le=1e3, description="mean of the weights")
    stddev: float = Field(0.05, ge=0.0, le=1e3, description="standard deviation before the cut")

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        return standard_truncated(rng, shape) * self.stddev + self.mean


class VarianceScaling(Initializer):
    """Weights of variance ``scale / n``: He, Glorot and LeCun are its parameters.

    ``n`` is the fan-in, or the mean of both fans. The normal ones are cut at 2σ and corrected, so the
    variance is what it says (Keras, VarianceScaling).
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = "fan_in"
    normal: ClassVar[bool] = True

    def stddev(self, fan_in: int, fan_out: int) -> float:
        """The standard deviation aimed at."""
        n = fan_in if self.mode == "fan_in" else (fan_in + fan_out) / 2
        return math.sqrt(self.scale / max(1.0, n))

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        stddev = self.stddev(fan_in, fan_out)
        if self.normal:
            return standard_truncated(rng, shape) * (stddev / TRUNCATED_STD)
        limit = math.sqrt(3.0) * stddev  # U(±l) has variance l²/3
        return rng.uniform(-limit, limit, shape)


class Glorot(VarianceScaling):
    """Glorot & Bengio 2010, eq. 12 and 16."""

    mode = "fan_avg"
    source = "Glorot & Bengio 2010, eq. 12 and 16"


@initializers.add
class GlorotNormal(Glorot):
    name = "glorot_normal"
    aliases = ("xavier_normal", "xavier")
    formula = "N(0, 2 / (fan_in + fan_out)) cut at 2σ"
    advice = "Xavier: keeps the spread through sigmoid, tanh and linear layers"


@initializers.add
class GlorotUniform(Glorot):
    name = "glorot_uniform"
    aliases = ("xavier_uniform",)
    formula = "U(±√(6 / (fan_in + fan_out)))"
    advice = "Xavier, uniform: the usual default of a dense layer"
    normal = False


class He(VarianceScaling):
    """He et al. 2015, eq. 10."""

    scale = 2.0
    source = "He, Zhang, Ren & Sun 2015, eq. 10"


@initializers.add
class HeNormal(He):
    name = "he_normal"
    aliases = ("msra_normal", "msra", "kaiming_normal")
    formula = "N(0, 2 / fan_in) cut at 2σ"
    advice = "keeps the spread through ReLU layers, however many"


@initializers.add
class HeUniform(He):
    name = "he_uniform"
    aliases = ("msra_uniform", "kaiming_uniform")
    formula = "U(±√(6 / fan_in))"
    advice = "He, uniform"
    normal = False


class LeCun(VarianceScaling):
    """LeCun et al. 1998, eq. 16."""

    source = "LeCun, Bottou, Orr & Müller 1998, eq. 16"


@initializers.add
class LeCunNormal(LeCun):
    name = "lecun_normal"
    formula = "N(0, 1 / fan_in) cut at 2σ"
    advice = "for selu, and for tanh stacks"


@initializers.add
class LeCunUniform(LeCun):
    name = "lecun_uniform"
    formula = "U(±√(3 / fan_in))"
    advice = "LeCun, uniform"
    normal = False


@initializers.add
class Orthogonal(Initializer):
    name = "orthogonal"
    formula = "gain × Q of a normal matrix's QR"
    advice = "keeps lengths exactly through linear layers"
    source = "Saxe, McClelland & Ganguli 2014, section 3"
    gain: float = Field(1.0, gt=0.0, le=100.0, description="length of the rows or columns")

    def draw(self, xp: Any, rng: Any, shape: tuple[int, ...], fan_in: int, fan_out: int) -> Array:
        rows, columns = shape[0], math.prod(shape[1:])
        tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = xp.linalg.qr(tall)
        q = q * xp.sign(xp.diagonal(r))  # makes Q unique, hence uniform (Mezzadri 2007, section 5)
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape)
