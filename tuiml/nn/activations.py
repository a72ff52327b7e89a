"""Activations: y = f(x), and dy/dx written in whichever of x and y is cheaper.

``forward(xp, x, **extra)`` and ``derivative(xp, x, y, **extra)`` are element-wise on arrays of any shape.
At a kink the derivative is that of the lower side, as in PyTorch; a backend that differentiates by itself
gives a tie's gradient to the second argument of ``maximum`` and ``minimum``, hence the order of theirs.
``extra`` holds what the activation declares beyond its hyper-parameters: ``slopes`` it learns (one value a
unit, broadcast over the batch) and ``noise`` drawn anew for every element of every training step.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from tuiml.registry import Entry, Registry

Array = Any
Namespace = Any


class Activation(Entry):
    """An element-wise function, or softmax."""

    range: ClassVar[tuple[float | None, float | None]] = (None, None)
    """Lowest and highest value it can take, where it has one: the ends of its histogram."""
    silent: ClassVar[float | None] = None
    """The value of a unit that passes no gradient (ReLU's 0), where there is exactly one."""
    saturation: ClassVar[tuple[float, float] | None] = None
    """Outputs outside this interval count as saturated."""
    learned: ClassVar[dict[str, str]] = {}
    """Learned parameters, one value a unit: name → the field that holds the initial value."""
    suited_initializer: ClassVar[str] = "he_normal"
    """The initializer that keeps the spread of values through layers of it."""
    noisy: ClassVar[bool] = False
    """Takes ``noise``, uniform in [0, 1), while training; ``noise=None`` in evaluation."""
    output_only: ClassVar[bool] = False
    """Makes sense on the last layer alone."""

    def forward(self, xp: Namespace, x: Array) -> Array:
        """f(x), of x's shape."""
        raise NotImplementedError  # pragma: no cover - every entry defines it

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        """df/dx at ``x``, where ``y = f(x)``; element-wise, of x's shape or a scalar."""
        raise NotImplementedError  # pragma: no cover - every entry defines it

    def backward(self, xp: Namespace, x: Array, y: Array, g: Array, **extra: Array) -> Array:
        """dL/dx from ``g`` = dL/dy. Overridden by what is not element-wise."""
        return g * self.derivative(xp, x, y, **extra)

    def learned_gradients(self, xp: Namespace, x: Array, y: Array, g: Array) -> dict[str, Array]:
        """dL/dθ of each learned parameter before the sum over the batch, of x's shape."""
        return {}


activations: Registry[Activation] = Registry("an activation")


LOWEST = -87.0
"""Where e⁻ˣ is about to leave float32."""


def odds_against(xp: Namespace, x: Array) -> Array:
    """e⁻ˣ, finite in float32; below x = -87 it is constant."""
    return xp.exp(-xp.maximum(x, LOWEST))


def logistic(xp: Namespace, x: Array) -> Array:
    """1 / (1 + e⁻ˣ), accurate in proportion down to 1e-38, so never exactly 0."""
    return 1.0 / (odds_against(xp, x) + 1.0)


@activations.add
class Linear(Activation):
    name = "linear"
    aliases = ("identity",)
    formula = "x"
    advice = "the output of a regression; a hidden layer without it folds into the next"
    suited_initializer = "glorot_normal"

    def forward(self, xp: Namespace, x: Array) -> Array:
        return x

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return 1.0


@activations.add
class Sigmoid(Activation):
    name = "sigmoid"
    aliases = ("logistic",)
    formula = "1 / (1 + e^-x)"
    advice = "outputs in 0…1; in deep stacks its gradient, at most 1/4, dies out"
    source = "Rumelhart, Hinton & Williams 1986, eq. 2"
    range = (0.0, 1.0)
    saturation = (0.03, 0.97)
    suited_initializer = "glorot_normal"

    def forward(self, xp: Namespace, x: Array) -> Array:
        return logistic(xp, x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return odds_against(xp, x) * y * y  # 1 - y loses its digits where y is nearly 1


@activations.add
class Tanh(Activation):
    name = "tanh"
    formula = "tanh x"
    advice = "centred on 0, so deeper stacks train than with sigmoid; saturates at ±1"
    source = "LeCun, Bottou, Orr & Müller 1998, section 4.4"
    range = (-1.0, 1.0)
    saturation = (-0.97, 0.97)
    suited_initializer = "glorot_normal"

    def forward(self, xp: Namespace, x: Array) -> Array:
        return xp.tanh(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return 1.0 - y * y


@activations.add
class ReLU(Activation):
    name = "relu"
    formula = "max(0, x)"
    advice = "the default of deep networks, with he_normal; a unit can die (always 0)"
    source = "Nair & Hinton 2010"
    range = (0.0, None)
    silent = 0.0

    def forward(self, xp: Namespace, x: Array) -> Array:
        return xp.maximum(x, 0.0)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return y > 0.0


@activations.add
class LeakyReLU(Activation):
    name = "leaky_relu"
    formula = "x if x > 0 else αx"
    advice = "ReLU that cannot die: a small slope stays below 0"
    source = "Maas, Hannun & Ng 2013, section 2"
    negative_slope: float = Field(0.01, ge=0.0, le=1.0, description="slope α for x below 0")

    def forward(self, xp: Namespace, x: Array) -> Array:
        return xp.maximum(x, self.negative_slope * x)  # α ≤ 1, so the larger one is f

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.where(x > 0.0, 1.0, self.negative_slope)


@activations.add
class PReLU(Activation):
    name = "prelu"
    formula = "x if x > 0 else ax, a learned"
    advice = "leaky ReLU whose slope each unit learns"
    source = "He, Zhang, Ren & Sun 2015, eq. 1"
    learned = {"slope": "init"}  # noqa: RUF012 - pydantic wants no ClassVar repeated on every override
    init: float = Field(0.25, ge=-1.0, le=1.0, description="slope every unit starts from")

    def forward(self, xp: Namespace, x: Array, slope: Array = None) -> Array:
        return xp.maximum(x, 0.0) + slope * xp.minimum(0.0, x)

    def derivative(self, xp: Namespace, x: Array, y: Array, slope: Array = None) -> Array:
        return xp.where(x > 0.0, 1.0, slope)

    def learned_gradients(self, xp: Namespace, x: Array, y: Array, g: Array) -> dict[str, Array]:
        return {"slope": g * xp.minimum(0.0, x)}


@activations.add
class RReLU(Activation):
    name = "rrelu"
    formula = "x if x > 0 else ax, a random"
    advice = "leaky ReLU with a random slope in training, the mean one in evaluation"
    source = "Xu, Wang, Chen & Li 2015, section 2.4"
    noisy = True
    lower: float = Field(0.125, ge=0.0, le=1.0, description="least slope drawn")
    upper: float = Field(1 / 3, ge=0.0, le=1.0, description="greatest slope drawn")

    def slope(self, noise: Array | None) -> Array:
        """The slope below 0: drawn in training, its mean where there is no noise."""
        if noise is None:
            return (self.lower + self.upper) / 2
        return noise * (self.upper - self.lower) + self.lower

    def forward(self, xp: Namespace, x: Array, noise: Array = None) -> Array:
        return xp.maximum(x, 0.0) + self.slope(noise) * xp.minimum(0.0, x)

    def derivative(self, xp: Namespace, x: Array, y: Array, noise: Array = None) -> Array:
        return xp.where(x > 0.0, 1.0, self.slope(noise))


@activations.add
class ELU(Activation):
    name = "elu"
    formula = "x if x > 0 else α(e^x - 1)"
    advice = "smooth below 0 and mean near 0; costs an exponential"
    source = "Clevert, Unterthiner & Hochreiter 2016, eq. 14"
    alpha: float = Field(1.0, gt=0.0, le=10.0, description="the value -α is approached far below 0")

    def forward(self, xp: Namespace, x: Array) -> Array:
        return xp.maximum(x, 0.0) + self.alpha * xp.expm1(xp.minimum(0.0, x))

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        if self.alpha == 1.0:
            return xp.minimum(y, 0.0) + 1.0
        return xp.where(x > 0.0, 1.0, y + self.alpha)


@activations.add
class CELU(Activation):
    name = "celu"
    formula = "max(0, x) + min(0, α(e^(x/α) - 1))"
    advice = "ELU with a continuous slope for every α"
    source = "Barron 2017, eq. 2"
    alpha: float = Field(1.0, ge=0.001, le=10.0, description="the value -α is approached far below 0")

    def forward(self, xp: Namespace, x: Array) -> Array:
        return xp.maximum(x, 0.0) + self.alpha * xp.expm1(xp.minimum(0.0, x) * (1 / self.alpha))

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.minimum(y, 0.0) * (1 / self.alpha) + 1.0


@activations.add
class SELU(Activation):
    name = "selu"
    formula = "λ(x if x > 0 else α(e^x - 1))"
    advice = "keeps mean 0 and variance 1 through deep dense stacks, with lecun_normal"
    source = "Klambauer, Unterthiner, Mayr & Hochreiter 2017, eq. 2"
    suited_initializer = "lecun_normal"
    alpha: ClassVar[float] = 1.6732632423543772
    scale: ClassVar[float] = 1.0507009873554805

    def forward(self, xp: Namespace, x: Array) -> Array:
        below = xp.expm1(xp.minimum(0.0, x))
        return self.scale * xp.maximum(x, 0.0) + (self.scale * self.alpha) * below

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.where(x > 0.0, self.scale, y + self.scale * self.alpha)


def erf(xp: Namespace, x: Array) -> Array:
    """The error function, absolute error at most 1.5e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    a = xp.abs(x)
    t = 1.0 / (0.3275911 * a + 1.0)
    poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return xp.sign(x) * (1.0 - poly * xp.exp(-(a * a)))


@activations.add
class GELU(Activation):
    name = "gelu"
    formula = "x Φ(x), Φ the normal distribution"
    advice = "the transformer's smooth ReLU"
    source = "Hendrycks & Gimpel 2016, eq. 1"

    def cdf(self, xp: Namespace, x: Array) -> Array:
        """Φ(x), the standard normal distribution function."""
        return 0.5 * erf(xp, x * math.sqrt(0.5)) + 0.5

    def forward(self, xp: Namespace, x: Array) -> Array:
        return x * self.cdf(xp, x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        density = xp.exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))
        return self.cdf(xp, x) + x * density


@activations.add
class SiLU(Activation):
    name = "silu"
    aliases = ("swish",)
    formula = "x / (1 + e^-x)"
    advice = "a smooth ReLU that dips below 0"
    source = "Ramachandran, Zoph & Le 2017; Elfwing, Uchibe & Doya 2018, eq. 3"

    def forward(self, xp: Namespace, x: Array) -> Array:
        return x * logistic(xp, x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        s = logistic(xp, x)
        return y * (1.0 - s) + s


@activations.add
class Softplus(Activation):
    name = "softplus"
    formula = "log(1 + e^x)"
    advice = "ReLU with a rounded corner; always above 0"
    source = "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, section 3"
    range = (0.0, None)

    def forward(self, xp: Namespace, x: Array) -> Array:
        return softplus(xp, x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return logistic(xp, x)


def softplus(xp: Namespace, x: Array) -> Array:
    """log(1 + eˣ) without overflow: max(x, 0) + log(1 + e^-|x|), of slope ½ at 0."""
    a = xp.abs(x)
    return 0.5 * (x + a) + xp.log1p(xp.exp(-a))


@activations.add
class Softsign(Activation):
    name = "softsign"
    formula = "x / (1 + |x|)"
    advice = "tanh with slower tails: it saturates later"
    source = "Glorot & Bengio 2010, section 3"
    range = (-1.0, 1.0)
    saturation = (-0.97, 0.97)
    suited_initializer = "glorot_normal"

    def forward(self, xp: Namespace, x: Array) -> Array:
        return x / (xp.abs(x) + 1.0)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        shrink = 1.0 - xp.abs(y)  # 1 / (1 + |x|)
        return shrink * shrink


@activations.add
class Softmax(Activation):
    name = "softmax"
    formula = "e^x / Σ e^x over the classes"
    advice = "the last layer of a classifier, with cross_entropy"
    source = "Bridle 1990, eq. 7"
    range = (0.0, 1.0)
    output_only = True
    suited_initializer = "glorot_normal"

    def forward(self, xp: Namespace, x: Array) -> Array:
        e = xp.exp(x - xp.max(x, axis=0, keepdims=True))
        return e / xp.sum(e, axis=0, keepdims=True)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return y * (1.0 - y)  # the diagonal of its Jacobian

    def backward(self, xp: Namespace, x: Array, y: Array, g: Array, **extra: Array) -> Array:
        return y * (g - xp.sum(y * g, axis=0, keepdims=True))
