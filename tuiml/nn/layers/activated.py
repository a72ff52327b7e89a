"""What layers with weights share: an activation behind them, and the values that it learns or draws.

Arrays are units × batch, or (channels, width, height, batch); a learned value belongs to one unit or channel.
"""

from __future__ import annotations

from typing import Annotated, Any

from tuiml.nn.activations import Activation, activations
from tuiml.nn.initializers import Constant, Initializer, initializers
from tuiml.nn.layers.base import Array, Arrays, Grads, Layer, Noise, Parameter, Values
from tuiml.registry import Choice

AnyActivation = Annotated[Activation, Choice(activations)]
AnyInitializer = Annotated[Initializer, Choice(initializers)]


class Activated(Layer):
    """A layer that ends in an activation, its field of that name."""

    activation_field = "activation"

    @property
    def _function(self) -> Activation:
        function: Activation = getattr(self, "activation")  # noqa: B009 - the subclass's field
        return function

    def learned(self, units: int, fan_in: int, fan_out: int) -> list[Parameter]:
        """What the activation learns: one value a unit each."""
        f = self._function
        starts = {name: Constant(value=getattr(f, field)) for name, field in f.learned.items()}
        return [
            Parameter(name, (units,), fan_in, fan_out, start, by_element=True)
            for name, start in starts.items()
        ]

    def noisy(self) -> bool:
        return self._function.noisy

    def activate(self, xp: Any, x: Array, z: Array, p: Arrays, noise: Noise) -> Values:
        """The layer's values, where ``z`` is what goes into its activation."""
        return Values(x, z, self._function.forward(xp, z, **self._extra(p, noise)))

    def through(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool) -> Grads:
        """dL/dz, and the gradients of what the activation learns; ``g`` is dL/dz already where ``fused``."""
        if fused:
            return g, {}
        learned = self._function.learned_gradients(xp, v.z, v.y, g)
        for name, values in learned.items():
            for axis in range(1, len(values.shape)):
                values = xp.sum(values, axis=axis, keepdims=True)
            learned[name] = values
        return self._function.backward(xp, v.z, v.y, g, **self._extra(p, noise)), learned

    def _extra(self, p: Arrays, noise: Noise) -> dict[str, Array]:
        """What the activation takes beside its input."""
        found = {name: p[name] for name in self._function.learned}
        return {**found, "noise": noise} if self._function.noisy else found
