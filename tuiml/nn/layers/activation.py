"""An activation as a layer of its own: after a normalization, for instance."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tuiml.nn.activations import Activation, ReLU, activations
from tuiml.nn.initializers import Constant
from tuiml.nn.layers.base import Array, Layer, Parameter, Shape, Values, broadcast_axes, channels, layers
from tuiml.registry import Choice


@layers.add
class ActivationLayer(Layer):
    name = "activation"
    formula = "y = f(x)"
    advice = "a function by itself: after batch_norm, or as the end of the stack"
    activation_field = "activation"

    activation: Annotated[Activation, Choice(activations)] = Field(
        ReLU(), description="function of each input"
    )

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        n = channels(shape)
        return tuple(
            Parameter(name, (n,), n, n, Constant(value=getattr(self.activation, field)), by_element=True)
            for name, field in self.activation.learned.items()
        )

    def noisy(self) -> bool:
        return self.activation.noisy

    def extra(self, p: dict[str, Array], noise: Array | None) -> dict[str, Array]:
        """What the activation takes beside its input."""
        found = {name: p[name] for name in self.activation.learned}
        return {**found, "noise": noise} if self.activation.noisy else found

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        return Values(x, x, self.activation.forward(xp, x, **self.extra(p, noise)))

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        if fused:
            return g, {}
        by_element = self.activation.learned_gradients(xp, v.z, v.y, g)
        learned = {
            name: xp.sum(a, axis=broadcast_axes(p[name]), keepdims=True) for name, a in by_element.items()
        }
        return self.activation.backward(xp, v.z, v.y, g, **self.extra(p, noise)), learned
