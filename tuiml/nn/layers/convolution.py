"""The layer that looks for the same small pattern everywhere in an image."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuiml.nn.activations import Linear
from tuiml.nn.initializers import GlorotUniform, Zeros
from tuiml.nn.layers.activated import Activated, AnyActivation, AnyInitializer
from tuiml.nn.layers.base import Array, Arrays, Grads, Noise, Parameter, Shape, Values, layers
from tuiml.nn.layers.windows import HEIGHT, PADDING, WIDTH, Padding, Window, image_shape, slide, window


@layers.add
class Conv2d(Activated):
    name = "conv2d"
    aliases = ("conv", "convolution")
    formula = "y = f(Σ w · x over the window + b)"
    advice = "images: each filter looks for one small pattern everywhere"
    source = "LeCun, Bottou, Bengio & Haffner 1998, section II.A"
    width_field = "filters"
    images = True
    rank = 30
    starter = {"filters": 16, "activation": "relu", "initializer": "he_normal"}  # noqa: RUF012 - a ClassVar of Layer
    not_copied = ("strides",)

    filters: int = Field(16, ge=1, le=65_536, description="patterns looked for: channels of the output")
    kernel_size: int = Field(3, ge=1, le=1024, description="height and width of a pattern, in pixels")
    strides: int = Field(1, ge=1, le=1024, description="pixels from one window to the next")
    padding: Padding = Field("valid", description=PADDING)
    activation: AnyActivation = Field(Linear(), description="function of each output")
    initializer: AnyInitializer = Field(GlorotUniform(), description="distribution the weights start from")
    bias: bool = Field(True, description="add a learned offset to each filter's output")
    bias_initializer: AnyInitializer = Field(Zeros(), description="distribution the offsets start from")

    def output_shape(self, shape: Shape) -> Shape:
        _, rows, columns = self._slide(shape)
        return (self.filters, rows.outputs, columns.outputs)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        channels, _, _ = image_shape(shape, self.name)
        size = self.kernel_size
        fans = (channels * size * size, self.filters * size * size)  # as Keras counts them
        found = [Parameter("weight", (self.filters, channels, size, size), *fans, self.initializer)]
        if self.bias:
            found.append(Parameter("bias", (self.filters,), *fans, self.bias_initializer))
        return (*found, *self.learned(self.filters, *fans))

    def workspace(self, shape: Shape) -> int:
        channels, rows, columns = self._slide(shape)
        return 2 * rows.span * (self.kernel_size * channels + 1) * columns.outputs

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        z = xp.convolve(p["weight"], p.get("bias"), x, *self._windows(x))
        return self.activate(xp, x, z, p, noise)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        windows = self._windows(v.x)
        g, learned = self.through(xp, v, g, p, noise, fused)
        gradients = xp.convolve_gradients(p["weight"], p.get("bias"), v.x, g, *windows)
        return xp.convolve_input_gradient(p["weight"], v.x, g, *windows), {**gradients, **learned}

    def _slide(self, shape: Shape) -> tuple[int, Window, Window]:
        return slide(shape, self.name, "kernel_size", self.kernel_size, self.strides, self.padding)

    def _windows(self, x: Array) -> list[Window]:
        """Along the height and the width of a batch of images."""
        lengths = (x.shape[HEIGHT], x.shape[WIDTH])
        return [window(n, self.kernel_size, self.strides, self.padding) for n in lengths]
